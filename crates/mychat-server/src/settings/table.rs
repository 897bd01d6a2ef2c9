//! The table of settings. An entry is the one definition of a setting:
//!
//! ```text
//! /// help text, with the default
//! #[arg(env = …, value_name = …, help_heading = …)]       environment variable, unit, group in the help
//! field: type = "name of flag and TOML key", OnReload or OnRestart, value in a configuration, as TOML
//! ```
//!
//! A test checks that every entry's help names its environment variable and its default.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use super::values::{Size, Time};
use crate::config::{Config, RateAction, RateLimit, ServerFraming, Spread};
use crate::log::{Format, Level};

/// When a changed setting takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applies {
    /// As soon as the settings are read again.
    OnReload,
    /// When the server is started again.
    OnRestart,
}

/// Properties of one setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The name of the flag and of the TOML key.
    pub(crate) name: &'static str,
    /// When a change takes effect.
    pub(crate) applies: Applies,
    /// Returns the value in a configuration as TOML; empty if it has none.
    pub(crate) value: fn(&Config) -> String,
}

macro_rules! settings {
    ($($(#[$attribute:meta])* $field:ident: $type:ty = $name:literal, $applies:ident, $value:expr;)*) => {
        /// Values of all settings, each of them optional. Keys of a file have the names of the flags.
        #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct Settings {
            $(
                $(#[$attribute])*
                #[arg(long = $name)]
                #[serde(rename = $name)]
                pub $field: Option<$type>,
            )*
        }

        impl Settings {
            /// Returns these settings, completed by those of `other` where they have no value.
            #[must_use]
            pub(crate) fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }
        }

        /// All settings, in the order of the help.
        pub(crate) const SETTINGS: &[Setting] = &[
            $(Setting { name: $name, applies: Applies::$applies, value: $value },)*
        ];
    };
}

settings! {
    /// Address to listen on; may be given several times, port 0 takes any free port [default: 127.0.0.1:5000]
    #[arg(env = "MYCHAT_LISTEN", value_name = "HOST:PORT", value_delimiter = ',')]
    listen: Vec<String> = "listen", OnRestart, |config| format!("{:?}", config.listen);

    /// Users with a name at one time; 0 for as many as descriptors allow [default: 0]
    #[arg(env = "MYCHAT_MAX_USERS", value_name = "USERS", help_heading = "Limits")]
    max_users: usize = "max-users", OnReload, |config| count(config.admission.max_users);

    /// Connections from one address at one time; 0 for any number [default: 0]
    #[arg(env = "MYCHAT_MAX_PER_ADDRESS", value_name = "CONNECTIONS", help_heading = "Limits")]
    max_per_address: usize = "max-per-address", OnReload, |config| count(config.admission.max_per_address);

    /// Time from the accept to a name; nothing a peer sends extends it [default: 10s]
    #[arg(env = "MYCHAT_HANDSHAKE_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    handshake_timeout: Time = "handshake-timeout", OnReload, |config| time(config.admission.handshake_timeout);

    /// Frames a second that one user may send in the long run; 0 for any number [default: 0]
    #[arg(env = "MYCHAT_RATE", value_name = "FRAMES/S", help_heading = "Limits")]
    rate: u32 = "rate", OnReload, |config| frames(config, |limit| limit.rate.get());

    /// Frames that one user may send at once after a silence; 0 for those of one second [default: 0]
    #[arg(env = "MYCHAT_RATE_BURST", value_name = "FRAMES", help_heading = "Limits")]
    rate_burst: u32 = "rate-burst", OnReload, |config| frames(config, |limit| limit.burst.get());

    /// What happens above the rate: the sender is not read from for a while, or each frame is answered ERROR|429 and
    /// dropped [default: delay]
    #[arg(env = "MYCHAT_RATE_ACTION", value_name = "ACTION", help_heading = "Limits")]
    rate_action: RateAction = "rate-action", OnReload,
        |config| name(&config.rate_limit.map_or(RateAction::default(), |limit| limit.action));

    /// Bytes that may wait for one user beyond what the kernel has taken; more, and the user is disconnected
    /// [default: 1MiB]
    #[arg(env = "MYCHAT_SEND_QUEUE", value_name = "BYTES", help_heading = "Limits")]
    send_queue: Size = "send-queue", OnReload, |config| size(config.send.queue);

    /// Bytes that may wait for all users together; as half of that do, whoever has more than an equal part of the other
    /// half is disconnected [default: 512MiB, or a quarter of the memory there is where that is less]
    #[arg(env = "MYCHAT_SEND_TOTAL", value_name = "BYTES", help_heading = "Limits")]
    send_total: Size = "send-total", OnReload, |config| size(config.send.total);

    /// Time for which a user may take nothing of what waits; longer, and the user is disconnected [default: 10s]
    #[arg(env = "MYCHAT_SEND_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    send_timeout: Time = "send-timeout", OnReload, |config| time(config.send.timeout);

    /// Bytes the kernel is asked to hold for a user that does not read; 0 leaves it to the kernel [default: 0]
    #[arg(env = "MYCHAT_SEND_BUFFER", value_name = "BYTES", help_heading = "Limits")]
    send_buffer: u32 = "send-buffer", OnRestart, |config| count(config.socket.send_buffer);

    /// Silence after which the kernel asks whether a user is still there; 0 for never [default: 1m]
    #[arg(env = "MYCHAT_KEEPALIVE", value_name = "TIME", help_heading = "Limits")]
    keepalive: Time = "keepalive", OnRestart, |config| time(config.socket.keepalive);

    /// Bytes a second for repeating user lists to everybody, over all recipients [default: 128MiB]
    #[arg(env = "MYCHAT_ROSTER_BUDGET", value_name = "BYTES/S", help_heading = "Limits")]
    roster_budget: Size = "roster-budget", OnReload, |config| size(config.roster_budget.get());

    /// Time that a stop leaves users to read what waits for them [default: 5s]
    #[arg(env = "MYCHAT_SHUTDOWN_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    shutdown_timeout: Time = "shutdown-timeout", OnReload, |config| time(config.shutdown_timeout);

    /// Threads that own users, 1 to 256 [default: 1]
    #[arg(env = "MYCHAT_WORKERS", value_name = "THREADS")]
    workers: u16 = "workers", OnRestart, |config| config.workers.to_string();

    /// When further workers than the first get users [default: busy]
    #[arg(env = "MYCHAT_SPREAD", value_name = "WHEN")]
    spread: Spread = "spread", OnRestart, |config| name(&config.spread);

    /// How the end of a frame is marked [default: lf]
    #[arg(env = "MYCHAT_FRAMING", value_name = "FRAMING")]
    framing: ServerFraming = "framing", OnRestart, |config| name(&config.framing);

    /// Serve /metrics (for Prometheus) and /health over HTTP [default: nowhere]
    #[arg(env = "MYCHAT_METRICS", value_name = "HOST:PORT", help_heading = "Operations")]
    metrics: String = "metrics", OnRestart, |config| config.metrics.as_ref().map_or_else(String::new, quoted);

    /// Format of the log on standard error [default: text]
    #[arg(env = "MYCHAT_LOG", value_name = "FORMAT", help_heading = "Operations")]
    log: Format = "log", OnRestart, |config| name(&config.log.format);

    /// Least important events to log [default: warn]
    #[arg(env = "MYCHAT_LOG_LEVEL", value_name = "LEVEL", help_heading = "Operations")]
    log_level: Level = "log-level", OnRestart, |config| name(&config.log.level);
}

/// Returns a text as TOML.
fn quoted(text: impl Display) -> String {
    format!("{:?}", text.to_string())
}

/// Returns the name that a choice has on the command line and in a file.
fn name(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |value| quoted(value.get_name()))
}

/// Returns a count, with 0 for no limit.
fn count(count: Option<NonZeroUsize>) -> String {
    count.map_or(0, NonZeroUsize::get).to_string()
}

/// Returns a figure of the rate limit, with 0 for no limit.
fn frames(config: &Config, figure: fn(&RateLimit) -> u32) -> String {
    config.rate_limit.as_ref().map_or(0, figure).to_string()
}

fn time(time: Duration) -> String {
    quoted(Time::from(time))
}

fn size(bytes: usize) -> String {
    quoted(Size::from(NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN)))
}
