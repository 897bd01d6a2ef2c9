//! Checks any MyChat server against the protocol and under load, and accounts for every delivery.
//!
//! This crate is the program: its commands, the terminal and the files. Other crates do the work:
//!
//! ```text
//! scenario.yaml ─► mychat-scenario ─► mychat-load ─────────► mychat-report
//!                         │                                        ▲
//!                         └─────────► mychat-conformance ──────────┘
//! ```
//!
//! [`mychat-target`](mychat_target) finds or starts the server. `commands` has a file per command, `load` the runs of a
//! scenario, `check_run` the runs of checks.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use mychat_load::Exit;

mod args;
mod cli;
mod commands;
mod check_run;
mod error;
pub mod forecast;
mod host_info;
mod load;
mod output;
mod report_files;
mod target;
mod telemetry;
mod terminal;

use cli::{Cli, CliCommand};
use commands::{
    compare, completions, conformance, explain, init, man, merge, probe, report, run, schema, serve, validate,
};
use error::CommandError;
use terminal::print;

/// Parses the command line, runs the command and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap reports help and version as errors that go to standard output.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    let outcome = match cli.command {
        CliCommand::Run(args) => on_runtime(run::run(args)),
        CliCommand::Conformance(args) => on_runtime(conformance::conformance(args)),
        CliCommand::Probe(args) => on_runtime(probe::probe(args)),
        CliCommand::Validate(args) => Ok(validate::validate(&args)),
        CliCommand::Schema => schema::schema(),
        CliCommand::Report(args) => report::report(args),
        CliCommand::Compare(args) => compare::compare(&args),
        CliCommand::Init(args) => init::init(&args),
        CliCommand::Completions(args) => Ok(completions::completions(&args, Cli::command())),
        CliCommand::Man(args) => man::man(&args, Cli::command()),
        CliCommand::Merge(args) => merge::merge(args),
        CliCommand::Explain(args) => explain::explain(&args),
        CliCommand::Serve(args) => return serve::serve(args),
    };
    let exit = outcome.unwrap_or_else(|error| {
        print::error(&error);
        error.exit()
    });
    print::exit_code(exit).into()
}

fn on_runtime(work: impl Future<Output = Result<Exit, CommandError>>) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // A pending DNS lookup must not delay the exit.
    runtime.shutdown_background();
    outcome
}
