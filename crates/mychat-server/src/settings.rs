//! The settings as they are written: flags, environment and file share these names, and what is not said stays open.
//!
//! ```text
//! flags ─► environment ─► file ─► defaults        the first that says something wins
//!                                    └─► Config
//! ```

use std::fmt::Write as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use crate::config::{Admission, Config, LogOptions, RateAction, RateLimit, SendLimit, SocketOptions, Spread};
use crate::limits::memory;
use crate::log::{Format, Level};
use crate::session::framing::FramingChoice;
use crate::units::{Size, Time};

/// Messages that `--rate-burst` allows where it is not given: those of one second.
const fn default_burst(rate: NonZeroU32) -> NonZeroU32 {
    rate
}

/// Every setting, each of them open. The names in a file are those of the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Address to listen on; may be given several times, port 0 takes any free port [default: 127.0.0.1:5000]
    #[arg(long, env = "MYCHAT_LISTEN", value_name = "HOST:PORT", value_delimiter = ',')]
    pub listen: Option<Vec<String>>,

    /// Users with a name at one time; 0 for as many as descriptors allow [default: 0]
    #[arg(long, env = "MYCHAT_MAX_USERS", value_name = "USERS", help_heading = "Limits")]
    pub max_users: Option<usize>,

    /// Connections from one address at one time; 0 for any number [default: 0]
    #[arg(long, env = "MYCHAT_MAX_PER_ADDRESS", value_name = "CONNECTIONS", help_heading = "Limits")]
    pub max_per_address: Option<usize>,

    /// Time from the accept to a name; nothing a peer sends extends it [default: 10s]
    #[arg(long, env = "MYCHAT_HANDSHAKE_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    pub handshake_timeout: Option<Time>,

    /// Frames a second that one user may send in the long run; 0 for any number [default: 0]
    #[arg(long, env = "MYCHAT_RATE", value_name = "FRAMES/S", help_heading = "Limits")]
    pub rate: Option<u32>,

    /// Frames that one user may send at once after a silence; 0 for those of one second [default: 0]
    #[arg(long, env = "MYCHAT_RATE_BURST", value_name = "FRAMES", help_heading = "Limits")]
    pub rate_burst: Option<u32>,

    /// What happens above the rate: the sender is not read from for a while, or each frame is answered ERROR|429 and
    /// dropped [default: delay]
    #[arg(long, env = "MYCHAT_RATE_ACTION", value_name = "ACTION", help_heading = "Limits")]
    pub rate_action: Option<RateActionName>,

    /// Bytes that may wait for one user beyond what the kernel has taken; more, and the user is disconnected
    /// [default: 1MiB]
    #[arg(long, env = "MYCHAT_SEND_QUEUE", value_name = "BYTES", help_heading = "Limits")]
    pub send_queue: Option<Size>,

    /// Bytes that may wait for all users together; as half of that do, whoever has more than an equal part of the other
    /// half is disconnected [default: 512MiB, or a quarter of the memory there is where that is less]
    #[arg(long, env = "MYCHAT_SEND_TOTAL", value_name = "BYTES", help_heading = "Limits")]
    pub send_total: Option<Size>,

    /// Time for which a user may take nothing of what waits; longer, and the user is disconnected [default: 10s]
    #[arg(long, env = "MYCHAT_SEND_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    pub send_timeout: Option<Time>,

    /// Bytes the kernel is asked to hold for a user that does not read; 0 leaves it to the kernel [default: 0]
    #[arg(long, env = "MYCHAT_SEND_BUFFER", value_name = "BYTES", help_heading = "Limits")]
    pub send_buffer: Option<u32>,

    /// Silence after which the kernel asks whether a user is still there; 0 for never [default: 1m]
    #[arg(long, env = "MYCHAT_KEEPALIVE", value_name = "TIME", help_heading = "Limits")]
    pub keepalive: Option<Time>,

    /// Bytes a second for repeating user lists to everybody, over all recipients [default: 128MiB]
    #[arg(long, env = "MYCHAT_ROSTER_BUDGET", value_name = "BYTES/S", help_heading = "Limits")]
    pub roster_budget: Option<Size>,

    /// Time that a stop leaves users to read what waits for them [default: 5s]
    #[arg(long, env = "MYCHAT_SHUTDOWN_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    pub shutdown_timeout: Option<Time>,

    /// Threads that own users, 1 to 256 [default: 1]
    #[arg(long, env = "MYCHAT_WORKERS", value_name = "THREADS")]
    pub workers: Option<u16>,

    /// When further workers than the first get users [default: busy]
    #[arg(long, env = "MYCHAT_SPREAD", value_name = "WHEN")]
    pub spread: Option<Spread>,

    /// How the end of a frame is told [default: lf]
    #[arg(long, env = "MYCHAT_FRAMING", value_name = "FRAMING")]
    pub framing: Option<FramingChoice>,

    /// Serve /metrics (for Prometheus) and /health over HTTP [default: nowhere]
    #[arg(long, env = "MYCHAT_METRICS", value_name = "HOST:PORT", help_heading = "Operations")]
    pub metrics: Option<String>,

    /// How a line of the log on standard error looks [default: text]
    #[arg(long, env = "MYCHAT_LOG", value_name = "FORMAT", help_heading = "Operations")]
    pub log: Option<Format>,

    /// The least that is worth a line [default: warn]
    #[arg(long, env = "MYCHAT_LOG_LEVEL", value_name = "LEVEL", help_heading = "Operations")]
    pub log_level: Option<Level>,
}

/// The values of `--rate-action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateActionName {
    /// Its sender is not read from until its time has come
    Delay,
    /// It is dropped and answered ERROR|429
    Error,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no such file, or it may not be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// Which one.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML, or not of these settings; the text has line and column.
    #[error("{}: {fault}", file.display())]
    Parse {
        /// Which one.
        file: PathBuf,
        /// What is wrong, and where.
        fault: Box<toml::de::Error>,
    },
    /// An address without a port, or with one that is no number.
    #[error("{name}: expected HOST:PORT, such as 127.0.0.1:5000, and found {address:?}")]
    Address {
        /// Of which setting.
        name: &'static str,
        /// As it was given.
        address: String,
    },
    /// A value makes no sense.
    #[error("{name}: {expected}")]
    Value {
        /// Of which setting.
        name: &'static str,
        /// What would be right.
        expected: &'static str,
    },
}

impl Settings {
    /// Reads a file.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        let text =
            std::fs::read_to_string(file).map_err(|source| SettingsError::Read { file: file.to_owned(), source })?;
        toml::from_str(&text).map_err(|fault| SettingsError::Parse { file: file.to_owned(), fault: Box::new(fault) })
    }

    /// These settings, and where they say nothing, the other ones.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            max_users: self.max_users.or(other.max_users),
            max_per_address: self.max_per_address.or(other.max_per_address),
            handshake_timeout: self.handshake_timeout.or(other.handshake_timeout),
            rate: self.rate.or(other.rate),
            rate_burst: self.rate_burst.or(other.rate_burst),
            rate_action: self.rate_action.or(other.rate_action),
            send_queue: self.send_queue.or(other.send_queue),
            send_total: self.send_total.or(other.send_total),
            send_timeout: self.send_timeout.or(other.send_timeout),
            send_buffer: self.send_buffer.or(other.send_buffer),
            keepalive: self.keepalive.or(other.keepalive),
            roster_budget: self.roster_budget.or(other.roster_budget),
            shutdown_timeout: self.shutdown_timeout.or(other.shutdown_timeout),
            workers: self.workers.or(other.workers),
            spread: self.spread.or(other.spread),
            framing: self.framing.or(other.framing),
            metrics: self.metrics.or(other.metrics),
            log: self.log.or(other.log),
            log_level: self.log_level.or(other.log_level),
        }
    }

    /// What they mean.
    pub fn into_config(self) -> Result<Config, SettingsError> {
        let default = Config::default();
        let time = |said: Option<Time>, default: Duration| said.map_or(default, Time::duration);
        let listen = self.listen.unwrap_or(default.listen);
        require(!listen.is_empty(), "listen", "expected at least one HOST:PORT")?;
        let addresses = listen.iter().map(|address| ("listen", address));
        for (name, address) in addresses.chain(self.metrics.iter().map(|address| ("metrics", address))) {
            if !has_port(address) {
                return Err(SettingsError::Address { name, address: address.clone() });
            }
        }
        for (name, said) in [("handshake-timeout", self.handshake_timeout), ("send-timeout", self.send_timeout)] {
            require(said.is_none_or(|said| !said.duration().is_zero()), name, "expected more than no time")?;
        }
        let workers = NonZeroUsize::new(usize::from(self.workers.unwrap_or(1)))
            .filter(|workers| workers.get() <= 256)
            .ok_or(SettingsError::Value { name: "workers", expected: "expected 1 to 256" })?;
        let rate_limit = self.rate.and_then(NonZeroU32::new).map(|rate| RateLimit {
            rate,
            burst: self.rate_burst.and_then(NonZeroU32::new).unwrap_or_else(|| default_burst(rate)),
            action: match self.rate_action {
                None | Some(RateActionName::Delay) => RateAction::Delay,
                Some(RateActionName::Error) => RateAction::Error,
            },
        });
        Ok(Config {
            listen,
            framing: self.framing.unwrap_or_default(),
            workers,
            spread: self.spread.unwrap_or_default(),
            admission: Admission {
                max_users: self.max_users.and_then(NonZeroUsize::new),
                max_per_address: self.max_per_address.and_then(NonZeroUsize::new),
                handshake_timeout: time(self.handshake_timeout, default.admission.handshake_timeout),
            },
            rate_limit,
            send: SendLimit {
                queue: self.send_queue.map_or(default.send.queue, |size| size.bytes().get()),
                total: self.send_total.map_or_else(memory::send_total, |size| size.bytes().get()),
                timeout: time(self.send_timeout, default.send.timeout),
            },
            roster_budget: self.roster_budget.map_or(default.roster_budget, Size::bytes),
            shutdown_timeout: time(self.shutdown_timeout, default.shutdown_timeout),
            socket: SocketOptions {
                keepalive: time(self.keepalive, default.socket.keepalive),
                send_buffer: self.send_buffer.and_then(|bytes| NonZeroUsize::new(bytes as usize)),
            },
            metrics: self.metrics,
            log: LogOptions { format: self.log.unwrap_or_default(), level: self.log_level.unwrap_or_default() },
        })
    }
}

fn require(is_so: bool, name: &'static str, expected: &'static str) -> Result<(), SettingsError> {
    if is_so { Ok(()) } else { Err(SettingsError::Value { name, expected }) }
}

/// Whether it is `HOST:PORT`; whether there is such a host is found out when it is needed.
fn has_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// A configuration as a file that [`Settings::load`] reads: every setting, with the value that holds.
pub fn print(config: &Config) -> String {
    let count = |count: Option<NonZeroUsize>| count.map_or(0, NonZeroUsize::get).to_string();
    let quoted = |text: &dyn std::fmt::Display| format!("{:?}", text.to_string());
    let time = |time: Duration| quoted(&Time::from(time));
    let rate_limit = |of: fn(&RateLimit) -> NonZeroU32| {
        config.rate_limit.as_ref().map_or(0, |rate_limit| of(rate_limit).get()).to_string()
    };
    let action = match config.rate_limit.map(|rate_limit| rate_limit.action) {
        None | Some(RateAction::Delay) => "delay",
        Some(RateAction::Error) => "error",
    };
    let size = |bytes| quoted(&Size::from(NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN)));
    let rows = [
        ("listen", format!("{:?}", config.listen)),
        ("max-users", count(config.admission.max_users)),
        ("max-per-address", count(config.admission.max_per_address)),
        ("handshake-timeout", time(config.admission.handshake_timeout)),
        ("rate", rate_limit(|rate_limit| rate_limit.rate)),
        ("rate-burst", rate_limit(|rate_limit| rate_limit.burst)),
        ("rate-action", quoted(&action)),
        ("send-queue", size(config.send.queue)),
        ("send-total", size(config.send.total)),
        ("send-timeout", time(config.send.timeout)),
        ("send-buffer", count(config.socket.send_buffer)),
        ("keepalive", time(config.socket.keepalive)),
        ("roster-budget", quoted(&Size::from(config.roster_budget))),
        ("shutdown-timeout", time(config.shutdown_timeout)),
        ("workers", config.workers.to_string()),
        ("spread", quoted(&config.spread.text())),
        ("framing", quoted(&config.framing.text())),
        ("log", quoted(&config.log.format)),
        ("log-level", quoted(&config.log.level)),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name} = {value}");
    }
    match &config.metrics {
        Some(address) => text + &format!("metrics = {address:?}\n"),
        None => text + "# metrics = \"HOST:PORT\"\n",
    }
}

#[cfg(test)]
mod tests;
