//! The command line.

#[cfg(test)]
mod example_tests;

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    compare, completions, conformance, explain, init, man, merge, probe, report, run, schema, serve, validate,
};
use mychat_scenario::model::FramingChoice;

/// Checks any MyChat server against the protocol and under load, and accounts for every single delivery.
#[derive(Debug, Parser)]
#[command(name = "mychat-bench", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    all expectations and must checks hold
  1    the server failed an expectation or a must check, or got worse
  2    the command line or a file is wrong
  3    could not run: no server at the target, the server did not start, or a report was not written
  4    inconclusive: the generator was the limit, or too few samples
  130  interrupted; the reports cover the run so far

Colours are used only on a terminal, and never if NO_COLOR is set. Results go to standard output, \
everything else to standard error. `mychat-bench COMMAND --help` has examples.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario against a server and judge the outcome
    Run(run::RunArgs),
    /// Check a server against the protocol, one check at a time
    Conformance(conformance::ConformanceArgs),
    /// Find out the framing of a server and its readings of the protocol
    Probe(probe::ProbeArgs),
    /// Write a stored result in other formats
    Report(report::ReportArgs),
    /// Report if two sets of runs differ: better, worse, no difference, or too little data
    Compare(compare::CompareArgs),
    /// Merge the results of several machines into one
    Merge(merge::MergeArgs),
    /// Check scenario files without running them
    Validate(validate::ValidateArgs),
    /// Print the JSON Schema of scenario files, for editors
    #[command(after_help = schema::EXAMPLE)]
    Schema,
    /// Write a commented first scenario
    Init(init::InitArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual pages
    Man(man::ManArgs),
    /// Describe what a scenario will do before it runs, and if this machine can run it
    Explain(explain::ExplainArgs),
    /// Run the reference server, with the options of mychat-server
    Serve(serve::ServeArgs),
}

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
}

/// Parses a number of threads or instances.
pub(crate) fn threads(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<NonZeroU32>() {
        Ok(count) if count.get() <= 256 => Ok(count),
        _ => Err("expected 1 to 256".to_owned()),
    }
}

fn reply_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_mins(10)).contains(&time) => Ok(time),
        _ => Err("expected a time from 1ms to 10min, such as 500ms or 2s".to_owned()),
    }
}
