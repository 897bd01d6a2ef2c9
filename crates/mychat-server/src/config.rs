//! Every limit, timeout and policy of the server: its name, its unit, its default.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use crate::log::{Format, Level};
use crate::settings::table::{Applies, SETTINGS, Setting};

/// Where the server listens when nothing else is said.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:5000";

/// What a server is told before it opens a port. The limits in it can be changed while it runs ([`Config::adopt`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on, `HOST:PORT` each; a host name or a literal address, port 0 for any free port.
    pub listen: Vec<String>,
    /// How the end of a frame is told (rules F2 and R1).
    pub framing: ServerFraming,
    /// How many threads own users.
    pub workers: NonZeroUsize,
    /// When more than one of them do.
    pub spread: Spread,
    /// Who is let in.
    pub admission: Admission,
    /// How fast a user may talk; `None` for as fast as it can.
    pub rate_limit: Option<RateLimit>,
    /// What happens to a user who does not read (rule M6).
    pub send: SendLimit,
    /// How fast user lists may be repeated to everybody, in bytes per second over all recipients (rule L3).
    pub roster_budget: NonZeroUsize,
    /// How long a stop waits for output to be read before it closes what is left.
    pub shutdown_timeout: Duration,
    /// What the kernel is told about each connection.
    pub socket: SocketOptions,
    /// Where the counters can be read over HTTP, `HOST:PORT`; `None` for nowhere.
    pub metrics: Option<String>,
    /// The log of the program; the library ignores it.
    pub log: LogOptions,
}

/// The framing that a server uses: the values of `--framing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerFraming {
    /// A line feed ends a frame
    #[default]
    Lf,
    /// Nothing does: a segment is a frame
    Raw,
    /// Each peer as it begins: one that sends CONNECT|NAME and nothing more for 50 ms is raw
    Auto,
}

/// When users are shared out among the workers: the values of `--spread`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Once the first worker is busy and the machine has a core to spare
    #[default]
    Busy,
    /// From the start
    Always,
}

/// Who is let in, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Users with a name at one time; `None` leaves it to the number of descriptors.
    pub max_users: Option<NonZeroUsize>,
    /// Connections from one address at one time; `None` for any number.
    pub max_per_address: Option<NonZeroUsize>,
    /// Time from the accept to a name, absolute: nothing a peer sends extends it (rule U5).
    pub handshake_timeout: Duration,
}

/// How fast one user may talk. Every frame counts that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Frames per second, in the long run.
    pub rate: NonZeroU32,
    /// Frames that may come at once after a silence.
    pub burst: NonZeroU32,
    /// What happens to those above.
    pub action: RateAction,
}

/// The handling of a frame above the rate: the values of `--rate-action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateAction {
    /// The frame waits, and nothing more is read from its sender until then: TCP slows the sender down
    #[default]
    Delay,
    /// The frame is dropped and answered with ERROR|429
    Error,
}

/// When a user who does not read is disconnected (rule M6). Both limits hold at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimit {
    /// Bytes that may wait for one user beyond what the kernel has taken.
    pub queue: usize,
    /// Bytes that may wait for all users together. When half of that do, nobody may have more than an equal part of the
    /// other half. The program measures the available memory where nothing is said.
    pub total: usize,
    /// Time for which output may wait without one byte of it being taken.
    pub timeout: Duration,
}

/// What the kernel is told about each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// Silence after which the kernel asks whether the peer is still there; zero for never.
    pub keepalive: Duration,
    /// Bytes the kernel may hold for a peer that does not read (it doubles the figure); `None` leaves it to the kernel.
    pub send_buffer: Option<NonZeroUsize>,
}

/// What the program logs to standard error. A program that embeds the server installs a `tracing` subscriber of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// How a line looks.
    pub format: Format,
    /// The least that is worth a line.
    pub level: Level,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![DEFAULT_LISTEN.to_owned()],
            framing: ServerFraming::default(),
            workers: NonZeroUsize::MIN,
            spread: Spread::default(),
            admission: Admission::default(),
            rate_limit: None,
            send: SendLimit::default(),
            roster_budget: const { NonZeroUsize::new(128 * 1024 * 1024).expect("not zero") },
            shutdown_timeout: Duration::from_secs(5),
            socket: SocketOptions::default(),
            metrics: None,
            log: LogOptions::default(),
        }
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self { max_users: None, max_per_address: None, handshake_timeout: Duration::from_secs(10) }
    }
}

impl SendLimit {
    /// The part of one of so many workers, which share the users among them.
    #[must_use]
    pub const fn of_one(self, workers: usize) -> Self {
        Self { total: self.total / workers, ..self }
    }

    /// Whether that much is too much for one of so many users, while so much waits for all of them.
    pub const fn is_exceeded(&self, waiting: usize, users: usize, all: u64) -> bool {
        waiting > self.queue || (all > self.total as u64 / 2 && waiting > self.total / 2 / users)
    }
}

impl Default for SendLimit {
    fn default() -> Self {
        Self { queue: 1024 * 1024, total: crate::limits::memory::MAX_SEND_TOTAL, timeout: Duration::from_secs(10) }
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { keepalive: Duration::from_mins(1), send_buffer: None }
    }
}

impl Config {
    /// Returns this configuration with the limits of `newer`, and the names of the settings in which `newer` differs but
    /// which take effect on a restart only. Those keep their value.
    pub fn adopt(&self, newer: &Self) -> (Self, Vec<&'static str>) {
        let adopted = Self {
            listen: self.listen.clone(),
            framing: self.framing,
            workers: self.workers,
            spread: self.spread,
            metrics: self.metrics.clone(),
            socket: self.socket,
            log: self.log,
            ..newer.clone()
        };
        let is_ignored = |setting: &&Setting| {
            setting.applies == Applies::OnRestart && (setting.value)(self) != (setting.value)(newer)
        };
        (adopted, SETTINGS.iter().filter(is_ignored).map(|setting| setting.name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m6_when_much_waits_for_all_nobody_may_have_more_than_a_part() {
        let limit = SendLimit { queue: 100, total: 2000, ..SendLimit::default() };
        assert!(limit.is_exceeded(101, 1, 0) && !limit.is_exceeded(100, 50, 1000));
        assert!(limit.is_exceeded(21, 50, 1001) && !limit.is_exceeded(20, 50, 1001));
        assert!(limit.of_one(2).is_exceeded(21, 25, 501));
    }

    #[test]
    fn limits_are_adopted_and_the_rest_is_named() {
        let old = Config::default();
        let mut newer = Config { shutdown_timeout: Duration::from_secs(1), ..Config::default() };
        assert_eq!(old.adopt(&newer), (newer.clone(), vec![]));
        newer.listen = vec!["[::1]:1".into()];
        newer.workers = 4.try_into().unwrap();
        newer.socket.send_buffer = 9.try_into().ok();
        newer.log.level = Level::Info;
        let (adopted, ignored) = old.adopt(&newer);
        assert_eq!(ignored, ["listen", "send-buffer", "workers", "log-level"]);
        assert_eq!((adopted.socket, adopted.log), (old.socket, old.log));
        assert_eq!(adopted.listen, old.listen);
        assert_eq!(adopted.shutdown_timeout, newer.shutdown_timeout);
    }

    #[test]
    fn the_table_says_what_a_reload_changes() {
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
            shutdown_timeout: Duration::from_secs(11),
            socket: SocketOptions { keepalive: Duration::from_secs(12), send_buffer: 13.try_into().ok() },
            metrics: Some("[::1]:2".into()),
            log: LogOptions { format: Format::Json, level: Level::Info },
        };
        let (adopted, _) = old.adopt(&newer);
        for setting in SETTINGS {
            let value = setting.value;
            let expected = if setting.applies == Applies::OnReload { &newer } else { &old };
            assert_ne!(value(&old), value(&newer), "{} differs", setting.name);
            assert_eq!(value(&adopted), value(expected), "{}", setting.name);
        }
    }
}
