//! The log: events of the program → lines on standard error, for people or for machines.
//!
//! The code that logs uses the macros of [`tracing`]. [`start`] installs a subscriber that turns each event into one
//! line ([`line`]) and hands it to a thread that writes ([`queue`]), so that a stalled reader of standard error never
//! stalls a worker. Warnings that a peer can cause repeatedly pass through [`throttle`] first.
//!
//! The content of messages is never logged.

mod line;
mod queue;
pub(crate) mod throttle;

use clap::ValueEnum;
use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use line::LineFormat;

pub(crate) use queue::LogQueue;
pub(crate) use throttle::LogThrottle;

/// The log of the program, on standard error. A program that embeds the server installs a `tracing` subscriber of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// The format of a line.
    pub format: Format,
    /// The least important events that are logged.
    pub level: LogLevel,
}

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `TIME LEVEL event key=value …`
    #[default]
    Text,
    /// One JSON object
    Json,
    /// No lines at all
    Off,
}

/// The importance of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Normal operation
    Info,
    /// Something that needs attention
    #[default]
    Warn,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Info => Self::INFO,
            LogLevel::Warn => Self::WARN,
        }
    }
}

/// Logs the events of this process to standard error from now on. Returns `None` if logging is off, or if the process
/// already has a `tracing` subscriber, which then keeps receiving the events.
pub(crate) fn start(options: LogOptions) -> Option<LogQueue> {
    if options.format == Format::Off {
        return None;
    }
    let queue = LogQueue::start(std::io::stderr());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from(options.level))
        .with_writer(queue.clone())
        .event_format(LineFormat::new(options.format))
        .finish();
    tracing::subscriber::set_global_default(subscriber).ok().map(|()| queue)
}
