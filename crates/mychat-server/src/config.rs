//! The configuration of a server: limits, timeouts and policies with their units and defaults.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use crate::log::{Format, Level};
use crate::settings::table::{Applies, SETTINGS, Setting};

/// The default of [`Config::listen`].
pub const DEFAULT_LISTEN: &str = "127.0.0.1:5000";

/// A configuration. Limits can be changed while the server runs ([`Config::adopt`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on, `HOST:PORT` each, with a host name or an IP address. Port 0 takes any free port.
    pub listen: Vec<String>,
    /// The framing of clients (rules F2 and R1).
    pub framing: ServerFraming,
    /// The number of worker threads, which own the users.
    pub workers: NonZeroUsize,
    /// The time from which on more than one worker has users.
    pub spread: Spread,
    /// Limits for new connections.
    pub admission: Admission,
    /// The limit on frames from one user; `None` for no limit.
    pub rate_limit: Option<RateLimit>,
    /// The limits on output that waits for users (rule M6).
    pub send: SendLimit,
    /// The limit on bytes per second of repeated user lists, over all recipients (rule L3).
    pub roster_budget: NonZeroUsize,
    /// Time for users to read waiting output during a shutdown. Then all connections are closed.
    pub shutdown_timeout: Duration,
    /// Socket options of each connection.
    pub socket: SocketOptions,
    /// Address of the HTTP server for metrics, `HOST:PORT`; `None` for no such server.
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

/// The time from which on all workers have users: the values of `--spread`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Once the first worker is busy and the machine has a core to spare
    #[default]
    Busy,
    /// From the start
    Always,
}

/// Limits for new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The most users with a name at one time; `None` for as many as the file descriptors allow.
    pub max_users: Option<NonZeroUsize>,
    /// The most connections from one address at one time; `None` for no limit.
    pub max_per_address: Option<NonZeroUsize>,
    /// Time from the accept to a valid `CONNECT`. Nothing that a peer sends extends it (rule U5).
    pub handshake_timeout: Duration,
}

/// The limit on frames from one user. Empty frames do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Frames per second, averaged over a long time.
    pub rate: NonZeroU32,
    /// Frames that may come at once after a pause.
    pub burst: NonZeroU32,
    /// The handling of frames above the limit.
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

/// Limits on output that waits for users. A user over a limit is disconnected (rule M6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimit {
    /// The most bytes that may wait for one user, without those that the kernel has taken.
    pub queue: usize,
    /// The most bytes that may wait for all users together. Once half of them wait, each user may have an equal share of
    /// the other half and no more. The program's default depends on the available memory.
    pub total: usize,
    /// The longest time without progress: output waits and the kernel takes none of it.
    pub timeout: Duration,
}

/// Socket options of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// Idle time before the kernel sends keepalive probes; zero for none.
    pub keepalive: Duration,
    /// Size in bytes of the send buffer, which Linux doubles; `None` for the default of the kernel.
    pub send_buffer: Option<NonZeroUsize>,
}

/// Options of the log on standard error. A program that embeds the server installs its own `tracing` subscriber instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// The format of a line.
    pub format: Format,
    /// The least important events to log.
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
    /// Returns the limits of one of `workers` workers, which share the total equally.
    #[must_use]
    pub const fn of_one(self, workers: usize) -> Self {
        Self { total: self.total / workers, ..self }
    }

    /// Returns `true` if `waiting` bytes are too many for one of `users` users while `all` bytes wait for all of them.
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
