//! The command line: what was typed, as what it means.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::scenario::model::FramingChoice;

/// Holds any MyChat server against the protocol and under load, and accounts for every single delivery.
#[derive(Debug, Parser)]
#[command(name = "mychat-bench", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    everything held
  1    the server fell short of an expectation
  2    the command line or a scenario file is wrong
  3    could not run: nobody at the target, or the server could not be started
  4    inconclusive: the generator was the limit, or too few samples
  130  interrupted; what there was is reported";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario against a server and judge what came of it
    Run(Run),
    /// Hold a server against the protocol, check by check
    Conformance(Conformance),
    /// Find out how a server talks, and which readings of the protocol it takes
    Probe(Probe),
    /// Check scenario files without running them
    Validate(Validate),
    /// Run the reference server, with the options of mychat-server
    Serve(Serve),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench run scenarios/broadcast_storm.yaml
      starts the reference server on a free port and drives it
  mychat-bench run scenarios/classroom.yaml --target 127.0.0.1:5000
      drives a server that is running there
  mychat-bench run scenarios/smoke.yaml --json result.json --quiet
      prints one line, and writes everything to a file")]
pub(crate) struct Run {
    /// The scenario
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The server under test; without it the file's own target, or else the reference server, started for the run
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) target: Option<String>,

    /// Start the server under test: a shell command with {port} where the port goes
    #[arg(long, value_name = "COMMAND", conflicts_with = "target")]
    pub(crate) spawn: Option<String>,

    /// How messages end [default: the file's, or found out]
    #[arg(long, value_enum)]
    pub(crate) framing: Option<FramingArg>,

    /// Seed of everything that is drawn; the same seed asks the same of any server
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Worker threads [default: the cores, less one where the server is on this machine]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroU32>,

    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// No live view and no summary: one line with the verdict
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How messages end, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FramingArg {
    /// Find out
    Auto,
    /// A line feed
    Lf,
    /// Carriage return and line feed
    Crlf,
    /// Nothing: a segment is a message
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
      what a check does, and why")]
pub(crate) struct Conformance {
    /// The server under test; without --target and --spawn the reference server, started for the run
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "spawn")]
    pub(crate) target: Option<String>,

    /// Start the server under test: a shell command with {port} where the port goes
    #[arg(long, value_name = "COMMAND")]
    pub(crate) spawn: Option<String>,

    /// How messages end
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) framing: FramingArg,

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

    /// Instances of a started server that are checked at the same time
    #[arg(long, value_name = "N", requires = "spawn", value_parser = threads)]
    pub(crate) jobs: Option<NonZeroU32>,

    /// Seed of all that is drawn
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// How long to wait for an answer
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,

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
pub(crate) struct Probe {
    /// The server; without --target and --spawn the reference server, started for it
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "spawn")]
    pub(crate) target: Option<String>,

    /// Start the server: a shell command with {port} where the port goes
    #[arg(long, value_name = "COMMAND")]
    pub(crate) spawn: Option<String>,

    /// How messages end
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) framing: FramingArg,

    /// How long to wait for an answer
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,

    /// Write it as JSON too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Scenario files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) server: mychat_server::Args,

    /// Stop when standard input closes: set by `run` for the server that it starts
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

fn threads(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<NonZeroU32>() {
        Ok(count) if count.get() <= 256 => Ok(count),
        _ => Err("expected 1 to 256".to_owned()),
    }
}
