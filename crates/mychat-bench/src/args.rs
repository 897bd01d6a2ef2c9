//! Arguments that several commands share.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use mychat_load::record::receive_figures::ArrivalSource;
use mychat_scenario::model::FramingChoice;

/// Framing as typed on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FramingArg {
    /// Detect it
    Auto,
    /// A line feed
    Lf,
    /// A carriage return and a line feed
    Crlf,
    /// No terminator: a segment is a message
    Raw,
}

impl From<FramingArg> for FramingChoice {
    fn from(framing: FramingArg) -> Self {
        match framing {
            FramingArg::Auto => Self::Auto,
            FramingArg::Lf => Self::Lf,
            FramingArg::Crlf => Self::CrLf,
            FramingArg::Raw => Self::Raw,
        }
    }
}

/// Clock of arrivals as typed on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ClockArg {
    /// The time at which the kernel took a message in
    Kernel,
    /// The time at which the generator had read it
    Read,
}

impl From<ClockArg> for ArrivalSource {
    fn from(clock: ClockArg) -> Self {
        match clock {
            ClockArg::Kernel => Self::Kernel,
            ClockArg::Read => Self::Read,
        }
    }
}

/// The server under test, and the dialogue with it.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server; without --target and --spawn, the reference server is started
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "spawn")]
    pub(crate) target: Option<String>,

    /// Start the server: a shell command with {port} in place of the port
    #[arg(long, value_name = "COMMAND")]
    pub(crate) spawn: Option<String>,

    /// Framing of messages
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) framing: FramingArg,

    /// Time to wait for a reply [default: 2s, or more if the server is slow]
    #[arg(long, value_name = "TIME", value_parser = reply_timeout)]
    pub(crate) timeout: Option<Duration>,

    /// Time for a server that --spawn starts to answer its first CONNECT
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = start_timeout)]
    pub(crate) start_timeout: Duration,
}

/// Parses a number of threads or instances.
pub(crate) fn threads(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<NonZeroU32>() {
        Ok(count) if count.get() <= 256 => Ok(count),
        _ => Err("expected 1 to 256".to_owned()),
    }
}

/// Parses the time for the start of a server.
pub(crate) fn start_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_mins(10)).contains(&time) => Ok(time),
        _ => Err("expected a time from 1ms to 10min, such as 30s".to_owned()),
    }
}

fn reply_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_mins(10)).contains(&time) => Ok(time),
        _ => Err("expected a time from 1ms to 10min, such as 500ms or 2s".to_owned()),
    }
}
