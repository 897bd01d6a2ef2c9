//! `conformance` and `probe`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{FramingArg, threads};

/// The server that is looked at, and how to talk to it.
#[derive(Debug, Args)]
pub(crate) struct Tested {
    /// The server; without --target and --spawn the reference server, started for the occasion
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "spawn")]
    pub(crate) target: Option<String>,

    /// Start the server: a shell command with {port} where the port goes
    #[arg(long, value_name = "COMMAND")]
    pub(crate) spawn: Option<String>,

    /// How messages end
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) framing: FramingArg,

    /// How long to wait while nothing comes [default: 2s, or more where the server is found to be slow]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub(crate) timeout: Option<Duration>,
}

/// The files that a result is written to.
#[derive(Debug, Default, Args)]
pub(crate) struct Reports {
    /// Write everything as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write Markdown, for the summary of a CI step
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    /// Write one HTML page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench conformance --target 127.0.0.1:5000
      holds a server that is running there against all checks
  mychat-bench conformance --spawn 'python3 server.py {port}'
      starts it, watches it, and starts it again when it dies
  mychat-bench conformance --only 'frame.*' --target 127.0.0.1:5000
      one group of checks
  mychat-bench conformance --explain frame.two-in-one
      what a check does, and why

Exit codes: 0 every must check held, 1 one failed (with --strict also a should check), 2 wrong options, 3 nobody there, \
4 a must check could not be decided, 130 interrupted.")]
pub(crate) struct Conformance {
    #[command(flatten)]
    pub(crate) tested: Tested,

    /// Readings that the server declares to take, as `mychat-bench probe` writes them
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// Only these checks, by id or glob; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,

    /// Not these checks
    #[arg(long, value_name = "GLOB")]
    pub(crate) skip: Vec<String>,

    /// Failed should checks count too
    #[arg(long)]
    pub(crate) strict: bool,

    /// Instances of a started server that are checked at the same time [default: 4; always 1 with --target]
    #[arg(long, value_name = "N", conflicts_with = "target", value_parser = threads)]
    pub(crate) jobs: Option<NonZeroU32>,

    /// Seed of all that is drawn
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Failures that are known: they do not count, and fail when they pass
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Write the baseline instead of holding the run against it
    #[arg(long, requires = "baseline")]
    pub(crate) update_baseline: bool,

    /// Print all checks and end
    #[arg(long)]
    pub(crate) list: bool,

    /// Print one check with its steps and end
    #[arg(long, value_name = "ID")]
    pub(crate) explain: Option<String>,

    #[command(flatten)]
    pub(crate) reports: Reports,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench probe --target 127.0.0.1:5000 > profile.yaml
      what the server does where the protocol can be read in several ways
  mychat-bench conformance --target 127.0.0.1:5000 --profile profile.yaml
      the same readings, declared: checks then want them

Exit codes: 0 found out, 2 wrong options, 3 nobody there, 4 the server answers nobody.")]
pub(crate) struct Probe {
    #[command(flatten)]
    pub(crate) tested: Tested,

    /// Write it as JSON too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

fn patience(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_mins(10)).contains(&time) => Ok(time),
        _ => Err("expected a time from 1ms to 10min, such as 500ms or 2s".to_owned()),
    }
}
