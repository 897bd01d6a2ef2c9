//! The command line.

#[cfg(test)]
mod example_tests;

use clap::{Parser, Subcommand};

use crate::commands::{
    compare, completions, conformance, explain, init, man, merge, probe, report, run, schema, serve, validate,
};

/// Checks any MyChat server against the protocol and under load, and accounts for every single delivery.
#[derive(Debug, Parser)]
#[command(name = "mychat-bench", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    all expectations and must checks hold
  1    the server failed an expectation or a must check, or got worse
  2    the command line or a file is wrong
  3    could not run: no server at the target, the server did not start, or a report was not written
  4    inconclusive: the generator was the limit, or too few samples
  5    `compare`: too little data to tell a difference from none
  130  interrupted; the reports cover the run so far

Colours are used only on a terminal, and never if NO_COLOR is set. Results go to standard output, \
everything else to standard error. `mychat-bench COMMAND --help` has examples.";

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
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
