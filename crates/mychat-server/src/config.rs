//! The configuration of a server: limits, timeouts and policies with their units and defaults.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

pub use crate::limits::{RateAction, RateLimit, SendLimit};
pub use crate::log::LogOptions;
pub use crate::rooms::RoomOptions;

/// The default of [`Config::listen`].
pub const DEFAULT_LISTEN: &str = "127.0.0.1:5000";

/// A configuration. Limits can be changed while the server runs ([`ServerHandle::adopt`](crate::ServerHandle::adopt)).
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
    /// Chat rooms. All workers share the options.
    pub rooms: Arc<RoomOptions>,
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

/// Socket options of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// Idle time before the kernel sends keepalive probes; zero for none.
    pub keepalive: Duration,
    /// Size in bytes of the send buffer, which Linux doubles; `None` for the default of the kernel.
    pub send_buffer: Option<NonZeroUsize>,
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
            rooms: Arc::default(),
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

impl Default for SocketOptions {
    fn default() -> Self {
        Self { keepalive: Duration::from_mins(1), send_buffer: None }
    }
}

impl Config {
    /// Returns this configuration with the limits of `newer`. Values that take effect on a restart only are kept.
    #[must_use]
    pub(crate) fn with_limits_of(&self, newer: &Self) -> Self {
        Self {
            listen: self.listen.clone(),
            framing: self.framing,
            workers: self.workers,
            spread: self.spread,
            metrics: self.metrics.clone(),
            rooms: Arc::clone(&self.rooms),
            socket: self.socket,
            log: self.log,
            ..newer.clone()
        }
    }
}
