//! The command line: what was typed, as what it means.

mod conformance;
#[cfg(test)]
mod examples;
mod results;
mod run;
mod tools;

use std::num::NonZeroU32;

use clap::{Parser, Subcommand};

pub(crate) use conformance::{Conformance, Probe, Reports};
pub(crate) use results::{Compare, Merge, Report};
pub(crate) use run::Run;
pub(crate) use tools::{Completions, Explain, Init, Man, Serve, Validate};

use mychat_scenario::model::FramingChoice;

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
  1    the server fell short: an expectation, a must check, or a regression
  2    the command line or a file is wrong
  3    could not run: nobody at the target, the server could not be started, or a report not written
  4    inconclusive: the generator was the limit, or too few samples
  130  interrupted; what there was is reported

Colours are used on a terminal only, and never where NO_COLOR is set. Results go to standard output, \
everything else to standard error. `mychat-bench COMMAND --help` has examples.";

const SCHEMA: &str = "\
Example:
  mychat-bench schema > scenario.schema.json
      and then, as the first line of a scenario: # yaml-language-server: $schema=scenario.schema.json";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario against a server and judge what came of it
    Run(Run),
    /// Hold a server against the protocol, check by check
    Conformance(Conformance),
    /// Find out how a server talks, and which readings of the protocol it takes
    Probe(Probe),
    /// Write a stored result in other forms
    Report(Report),
    /// Say whether two sets of runs differ: better, worse, no difference, or too little data
    Compare(Compare),
    /// Make one result of those of several machines
    Merge(Merge),
    /// Check scenario files without running them
    Validate(Validate),
    /// Print the JSON Schema of scenario files, for editors
    #[command(after_help = SCHEMA)]
    Schema,
    /// Write a commented first scenario
    Init(Init),
    /// Print completions for a shell
    Completions(Completions),
    /// Write the manual pages
    Man(Man),
    /// Say what a scenario will do, before anything runs, and whether this machine can do it
    Explain(Explain),
    /// Run the reference server, with the options of mychat-server
    Serve(Serve),
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

fn threads(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<NonZeroU32>() {
        Ok(count) if count.get() <= 256 => Ok(count),
        _ => Err("expected 1 to 256".to_owned()),
    }
}
