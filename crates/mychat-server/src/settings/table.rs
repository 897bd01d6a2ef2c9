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

use super::values::{ByteSize, Time};
use crate::config::{Config, RateAction, RateLimit, ServerFraming, Spread};
use crate::log::{Format, LogLevel};

/// The moment at which a changed setting takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applies {
    /// As soon as the settings are read again.
    OnReload,
    /// At the next start of the server.
    OnRestart,
}

/// Properties of one setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The name of the flag and of the TOML key.
    pub(crate) name: &'static str,
    /// The moment at which a change takes effect.
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

    /// Time for a new connection to send a valid CONNECT; nothing else that it sends extends it [default: 10s]
    #[arg(env = "MYCHAT_HANDSHAKE_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    handshake_timeout: Time = "handshake-timeout", OnReload, |config| time(config.admission.handshake_timeout);

    /// Frames per second that one user may send on average, also if it reconnects; 0 for any number [default: 0]
    #[arg(env = "MYCHAT_RATE", value_name = "FRAMES/S", help_heading = "Limits")]
    rate: u32 = "rate", OnReload, |config| frames(config, |limit| limit.rate.get());

    /// Frames that one user may send at once after a pause; 0 for those of one second [default: 0]
    #[arg(env = "MYCHAT_RATE_BURST", value_name = "FRAMES", help_heading = "Limits")]
    rate_burst: u32 = "rate-burst", OnReload, |config| frames(config, |limit| limit.burst.get());

    /// Handling of frames above the rate: delay them, or drop them and answer ERROR|429 [default: delay]
    #[arg(env = "MYCHAT_RATE_ACTION", value_name = "ACTION", help_heading = "Limits")]
    rate_action: RateAction = "rate-action", OnReload,
        |config| name(&config.rate_limit.map_or(RateAction::default(), |limit| limit.action));

    /// Bytes that may wait for one user, without those that the kernel has taken; with more the user is disconnected
    /// [default: 1MiB]
    #[arg(env = "MYCHAT_SEND_QUEUE", value_name = "BYTES", help_heading = "Limits")]
    send_queue: ByteSize = "send-queue", OnReload, |config| size(config.send.queue);

    /// Bytes that may wait for all users together; once half of them wait, users with more than an equal share of the
    /// other half are disconnected [default: 512MiB, or a quarter of the memory there is where that is less]
    #[arg(env = "MYCHAT_SEND_TOTAL", value_name = "BYTES", help_heading = "Limits")]
    send_total: ByteSize = "send-total", OnReload, |config| size(config.send.total);

    /// Time for which output may wait without progress before the user is disconnected [default: 10s]
    #[arg(env = "MYCHAT_SEND_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    send_timeout: Time = "send-timeout", OnReload, |config| time(config.send.timeout);

    /// Size of the send buffer in the kernel, per user; 0 for the default of the kernel [default: 0]
    #[arg(env = "MYCHAT_SEND_BUFFER", value_name = "BYTES", help_heading = "Limits")]
    send_buffer: u32 = "send-buffer", OnRestart, |config| count(config.socket.send_buffer);

    /// Idle time before the kernel sends keepalive probes to a user; 0 for never [default: 1m]
    #[arg(env = "MYCHAT_KEEPALIVE", value_name = "TIME", help_heading = "Limits")]
    keepalive: Time = "keepalive", OnRestart, |config| time(config.socket.keepalive);

    /// Bytes per second for repeated user lists, over all recipients [default: 128MiB]
    #[arg(env = "MYCHAT_ROSTER_BUDGET", value_name = "BYTES/S", help_heading = "Limits")]
    roster_budget: ByteSize = "roster-budget", OnReload, |config| size(config.roster_budget.get());

    /// Time for users to read waiting output during a shutdown [default: 5s]
    #[arg(env = "MYCHAT_SHUTDOWN_TIMEOUT", value_name = "TIME", help_heading = "Limits")]
    shutdown_timeout: Time = "shutdown-timeout", OnReload, |config| time(config.shutdown_timeout);

    /// Worker threads, 1 to 256 [default: 1]
    #[arg(env = "MYCHAT_WORKERS", value_name = "THREADS")]
    workers: u16 = "workers", OnRestart, |config| config.workers.to_string();

    /// Condition under which workers other than the first get users [default: busy]
    #[arg(env = "MYCHAT_SPREAD", value_name = "WHEN")]
    spread: Spread = "spread", OnRestart, |config| name(&config.spread);

    /// Framing of clients [default: lf]
    #[arg(env = "MYCHAT_FRAMING", value_name = "FRAMING")]
    framing: ServerFraming = "framing", OnRestart, |config| name(&config.framing);

    /// Rooms at one time; 0 switches chat rooms off [default: 10000]
    #[arg(env = "MYCHAT_MAX_ROOMS", value_name = "ROOMS", help_heading = "Chat rooms")]
    max_rooms: u32 = "max-rooms", OnRestart, |config| config.rooms.max_rooms.to_string();

    /// Rooms that one user may be in [default: 50]
    #[arg(env = "MYCHAT_MAX_ROOMS_PER_USER", value_name = "ROOMS", help_heading = "Chat rooms")]
    max_rooms_per_user: u32 = "max-rooms-per-user", OnRestart, |config| config.rooms.max_per_user.to_string();

    /// Members of one room; 0 for no limit [default: 0]
    #[arg(env = "MYCHAT_MAX_ROOM_MEMBERS", value_name = "USERS", help_heading = "Chat rooms")]
    max_room_members: u32 = "max-room-members", OnRestart, |config| count(config.rooms.max_members);

    /// Bans in one room, and also invitations [default: 100]
    #[arg(env = "MYCHAT_MAX_ROOM_BANS", value_name = "USERS", help_heading = "Chat rooms")]
    max_room_bans: u32 = "max-room-bans", OnRestart, |config| config.rooms.max_bans.to_string();

    /// Bytes of a topic [default: 390]
    #[arg(env = "MYCHAT_MAX_TOPIC", value_name = "BYTES", help_heading = "Chat rooms")]
    max_topic: u32 = "max-topic", OnRestart, |config| config.rooms.max_topic.to_string();

    /// Time between two lists of rooms for one user [default: 1s]
    #[arg(env = "MYCHAT_ROOMS_INTERVAL", value_name = "TIME", help_heading = "Chat rooms")]
    rooms_interval: Time = "rooms-interval", OnRestart, |config| time(config.rooms.list_interval);

    /// Room that exists without members; may be given several times [default: none]
    #[arg(env = "MYCHAT_ROOM", value_name = "NAME", help_heading = "Chat rooms", value_delimiter = ',')]
    room: Vec<String> = "room", OnRestart, |config| names(&config.rooms.names);

    /// Serve /metrics (for Prometheus) and /health over HTTP [default: nowhere]
    #[arg(env = "MYCHAT_METRICS", value_name = "HOST:PORT", help_heading = "Operations")]
    metrics: String = "metrics", OnRestart, |config| config.metrics.as_ref().map_or_else(String::new, quoted);

    /// Format of the log on standard error [default: text]
    #[arg(env = "MYCHAT_LOG", value_name = "FORMAT", help_heading = "Operations")]
    log: Format = "log", OnRestart, |config| name(&config.log.format);

    /// Least important events to log [default: warn]
    #[arg(env = "MYCHAT_LOG_LEVEL", value_name = "LEVEL", help_heading = "Operations")]
    log_level: LogLevel = "log-level", OnRestart, |config| name(&config.log.level);
}

/// Returns a text as TOML.
fn quoted(text: impl Display) -> String {
    format!("{:?}", text.to_string())
}

/// Returns the name that a choice has on the command line and in a file.
fn name(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |value| quoted(value.get_name()))
}

/// Returns names as a TOML array; empty without names. `quoted` would escape characters in a way that TOML does not know.
fn names(names: &[String]) -> String {
    let escaped = |name: &String| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let names: Vec<_> = names.iter().map(escaped).collect();
    if names.is_empty() { String::new() } else { format!("[{}]", names.join(", ")) }
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
    quoted(ByteSize::from(NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN)))
}
