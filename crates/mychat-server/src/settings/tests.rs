use super::*;
use crate::config::{RateAction, ServerFraming, Spread};
use crate::log::{Format, LogLevel};

fn parse(text: &str) -> Result<Config, String> {
    let settings: Settings = toml::from_str(text).map_err(|error| error.to_string())?;
    settings.into_config().map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_means_the_defaults() {
    let mut expected = Config::default();
    expected.send.total = memory::default_send_total();
    assert_eq!(parse("").unwrap(), expected);
}

#[test]
fn a_printed_configuration_is_read_again() {
    let all = "listen = [\"[::1]:0\", \"localhost:1\"]\nmax-users = 7\nmax-per-address = 3\nrate = 50\n\
               rate-action = \"error\"\nsend-queue = \"64KiB\"\nsend-total = \"9MiB\"\nsend-buffer = 8192\nkeepalive = 0\n\
               handshake-timeout = \"1m 30s\"\nworkers = 2\nspread = \"always\"\nmetrics = \"127.0.0.1:9\"\nlog = \"json\"\n\
               log-level = \"info\"\nframing = \"auto\"\nmax-rooms = 9\nmax-rooms-per-user = 8\n\
               max-room-members = 7\nmax-room-bans = 6\nmax-topic = 5\nrooms-interval = \"4s\"\n\
               room = [\"general\", \"\\\"❤\u{fe0f}\\\\\"]\n";
    for text in ["", all] {
        let config = parse(text).unwrap();
        assert_eq!(parse(&print(&config)).unwrap(), config, "{}", print(&config));
    }
    let rate_limit = parse(all).unwrap().rate_limit.unwrap();
    assert_eq!((rate_limit.rate.get(), rate_limit.burst.get(), rate_limit.action), (50, 50, RateAction::Error));
}

#[test]
fn the_first_value_counts() {
    let first = Settings { max_users: Some(1), ..Settings::default() };
    let second = Settings { max_users: Some(2), rate: Some(9), ..Settings::default() };
    let merged = first.or(second);
    assert_eq!((merged.max_users, merged.rate), (Some(1), Some(9)));
}

#[test]
fn a_bad_value_is_named_with_its_place() {
    for (text, part) in [
        ("max-user = 1", "max-user"),
        ("rate = -1", "rate"),
        ("\nsend-queue = \"lots\"", "line 2"),
        ("workers = 0", "1 to 256"),
        ("listen = []", "at least one"),
        ("listen = [\"localhost\"]", "HOST:PORT"),
        ("listen = [\"localhost:70000\"]", "HOST:PORT"),
        ("metrics = \":1\"", "HOST:PORT"),
        ("handshake-timeout = \"0s\"", "handshake-timeout: expected more"),
        ("send-timeout = \"0s\"", "send-timeout: expected more"),
        ("framing = \"morse\"", "morse"),
        ("rate = ", "line 1"),
        ("room = [\"a,b\"]", "room: \"a,b\": a name contains no comma"),
        ("room = [\"a\"]\nmax-rooms = 0", "room: expected no more names than max-rooms allows"),
    ] {
        let fault = parse(text).unwrap_err();
        assert!(fault.contains(part), "{part:?} is not in {fault:?}");
    }
}

#[test]
fn the_order_of_a_printed_configuration_is_fixed() {
    let names: Vec<_> = print(&parse("metrics = \"h:1\"").unwrap()).lines().map(str::to_owned).collect();
    let names: Vec<_> = names.iter().filter_map(|row| Some(row.split_once(" = ")?.0)).collect();
    let expected = "listen max-users max-per-address handshake-timeout rate rate-burst rate-action send-queue send-total \
                    send-timeout send-buffer keepalive roster-budget shutdown-timeout workers spread framing max-rooms \
                    max-rooms-per-user max-room-members max-room-bans max-topic rooms-interval log log-level # room \
                    metrics";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn a_reload_adopts_limits_and_names_the_other_changes() {
    let old = Config::default();
    let mut newer = Config { shutdown_timeout: Duration::from_secs(1), ..Config::default() };
    assert_eq!(old.with_limits_of(&newer), newer);
    assert!(changes_that_need_restart(&old, &newer).is_empty());
    newer.listen = vec!["[::1]:1".into()];
    newer.workers = 4.try_into().unwrap();
    newer.socket.send_buffer = 9.try_into().ok();
    newer.log.level = LogLevel::Info;
    let (adopted, ignored) = (old.with_limits_of(&newer), changes_that_need_restart(&old, &newer));
    assert_eq!(ignored, ["listen", "send-buffer", "workers", "log-level"]);
    assert_eq!((adopted.socket, adopted.log), (old.socket, old.log));
    assert_eq!(adopted.listen, old.listen);
    assert_eq!(adopted.shutdown_timeout, newer.shutdown_timeout);
}

#[test]
fn the_table_agrees_with_a_reload() {
    let old = Config::default();
    let newer = Config {
        listen: vec!["[::1]:1".into()],
        framing: ServerFraming::Raw,
        workers: 4.try_into().unwrap(),
        spread: Spread::Always,
        admission: Admission {
            max_users: 2.try_into().ok(),
            max_per_address: 3.try_into().ok(),
            handshake_timeout: Duration::from_secs(4),
        },
        rate_limit: Some(RateLimit {
            rate: 5.try_into().unwrap(),
            burst: 6.try_into().unwrap(),
            action: RateAction::Error,
        }),
        send: SendLimit { queue: 7 * 1024, total: 8 * 1024, timeout: Duration::from_secs(9) },
        roster_budget: 1024.try_into().unwrap(),
        rooms: Arc::new(RoomOptions {
            max_rooms: 14,
            max_per_user: 15,
            max_members: 16.try_into().ok(),
            max_topic: 17,
            max_bans: 18,
            list_interval: Duration::from_secs(19),
            names: vec!["general".into()],
        }),
        shutdown_timeout: Duration::from_secs(11),
        socket: SocketOptions { keepalive: Duration::from_secs(12), send_buffer: 13.try_into().ok() },
        metrics: Some("[::1]:2".into()),
        log: LogOptions { format: Format::Json, level: LogLevel::Info },
    };
    let adopted = old.with_limits_of(&newer);
    for setting in SETTINGS {
        let value = setting.value;
        let expected = if setting.applies == Applies::OnReload { &newer } else { &old };
        assert_ne!(value(&old), value(&newer), "{} differs", setting.name);
        assert_eq!(value(&adopted), value(expected), "{}", setting.name);
    }
}
