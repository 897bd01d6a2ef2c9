//! Flags, environment variables and a TOML file → [`Config`].
//!
//! ```text
//! flags ─► environment ─► file ─► defaults        the first value found counts
//!                                    └─► Config
//! ```
//!
//! [`table`] defines every setting once.

pub(crate) mod table;
pub(crate) mod values;

use std::fmt::Write as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mychat_proto::{NameError, name};

use crate::config::{Admission, Config, LogOptions, RateLimit, RoomOptions, SendLimit, SocketOptions};
use crate::limits::memory;
use table::{Applies, SETTINGS, Setting};
use values::ByteSize;

pub(crate) use table::Settings;
pub(crate) use values::Time;

/// An error in the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file does not exist or cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// Its path.
        file: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key or a bad value.
    #[error("{}: {fault}", file.display())]
    Parse {
        /// Its path.
        file: PathBuf,
        /// The error, with line and column.
        fault: Box<toml::de::Error>,
    },
    /// An address has no valid port.
    #[error("{name}: expected HOST:PORT, such as 127.0.0.1:5000, and found {address:?}")]
    Address {
        /// The name of the setting.
        name: &'static str,
        /// The address as given.
        address: String,
    },
    /// A room has an illegal name.
    #[error("room: {name:?}: {fault}")]
    RoomName {
        /// The name as given.
        name: String,
        /// Its fault.
        fault: NameError,
    },
    /// A value is out of range.
    #[error("{name}: {expected}")]
    Value {
        /// The name of the setting.
        name: &'static str,
        /// The values that are allowed.
        expected: &'static str,
    },
}

impl Settings {
    /// Reads a TOML file.
    pub(crate) fn load(file: &Path) -> Result<Self, SettingsError> {
        let text =
            std::fs::read_to_string(file).map_err(|source| SettingsError::Read { file: file.to_owned(), source })?;
        toml::from_str(&text).map_err(|fault| SettingsError::Parse { file: file.to_owned(), fault: Box::new(fault) })
    }

    /// Checks the values and fills in the defaults.
    pub(crate) fn into_config(self) -> Result<Config, SettingsError> {
        let rooms = self.room_options()?;
        let default = Config::default();
        let time = |value: Option<Time>, default: Duration| value.map_or(default, Time::duration);
        let listen = self.listen.unwrap_or(default.listen);
        require(!listen.is_empty(), "listen", "expected at least one HOST:PORT")?;
        let addresses = listen.iter().map(|address| ("listen", address));
        for (name, address) in addresses.chain(self.metrics.iter().map(|address| ("metrics", address))) {
            if !has_port(address) {
                return Err(SettingsError::Address { name, address: address.clone() });
            }
        }
        for (name, value) in [("handshake-timeout", self.handshake_timeout), ("send-timeout", self.send_timeout)] {
            require(value.is_none_or(|value| !value.duration().is_zero()), name, "expected more than no time")?;
        }
        let workers = NonZeroUsize::new(usize::from(self.workers.unwrap_or(1)))
            .filter(|workers| workers.get() <= 256)
            .ok_or(SettingsError::Value { name: "workers", expected: "expected 1 to 256" })?;
        let rate_limit = self.rate.and_then(NonZeroU32::new).map(|rate| RateLimit {
            rate,
            burst: self.rate_burst.and_then(NonZeroU32::new).unwrap_or(rate),
            action: self.rate_action.unwrap_or_default(),
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
                total: self.send_total.map_or_else(memory::default_send_total, |size| size.bytes().get()),
                timeout: time(self.send_timeout, default.send.timeout),
            },
            roster_budget: self.roster_budget.map_or(default.roster_budget, ByteSize::bytes),
            rooms: Arc::new(rooms),
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

impl Settings {
    fn room_options(&self) -> Result<RoomOptions, SettingsError> {
        let default = RoomOptions::default();
        let count = |value: Option<u32>, default: usize| value.map_or(default, |value| value as usize);
        let mut names = self.room.clone().unwrap_or_default();
        names.sort_unstable();
        names.dedup();
        for name in &names {
            name::check(name).map_err(|fault| SettingsError::RoomName { name: name.clone(), fault })?;
        }
        let max_rooms = count(self.max_rooms, default.max_rooms);
        require(names.len() <= max_rooms, "room", "expected no more names than max-rooms allows")?;
        Ok(RoomOptions {
            max_rooms,
            max_per_user: count(self.max_rooms_per_user, default.max_per_user),
            max_members: self.max_room_members.and_then(|members| NonZeroUsize::new(members as usize)),
            max_topic: count(self.max_topic, default.max_topic),
            max_bans: count(self.max_room_bans, default.max_bans),
            list_interval: self.rooms_interval.map_or(default.list_interval, Time::duration),
            names,
        })
    }
}

fn require(is_met: bool, name: &'static str, expected: &'static str) -> Result<(), SettingsError> {
    if is_met { Ok(()) } else { Err(SettingsError::Value { name, expected }) }
}

/// Returns `true` for `HOST:PORT`. The host is resolved later, when the port is opened.
fn has_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// Returns a configuration as a file that [`Settings::load`] reads: every setting with its value in force.
pub(crate) fn print(config: &Config) -> String {
    let mut text = String::new();
    // Settings that may have no value come last.
    let example = |name| match name {
        "metrics" => Some("\"HOST:PORT\""),
        "room" => Some("[\"NAME\"]"),
        _ => None,
    };
    let (last, rows): (Vec<_>, Vec<_>) = SETTINGS.iter().partition(|setting| example(setting.name).is_some());
    for setting in rows.into_iter().chain(last) {
        let (name, value) = (setting.name, (setting.value)(config));
        let _ = match value.as_str() {
            "" => writeln!(text, "# {name} = {}", example(name).unwrap_or_default()),
            value => writeln!(text, "{name} = {value}"),
        };
    }
    text
}

/// Returns the names of the settings that differ between `old` and `newer` and take effect on a restart only.
pub(crate) fn changes_that_need_restart(old: &Config, newer: &Config) -> Vec<&'static str> {
    let needs_restart =
        |setting: &&Setting| setting.applies == Applies::OnRestart && (setting.value)(old) != (setting.value)(newer);
    SETTINGS.iter().filter(needs_restart).map(|setting| setting.name).collect()
}

#[cfg(test)]
mod tests;
