//! Holds any MyChat server against the protocol and under load, and accounts for every delivery.
//!
//! This crate is the program: its commands, and what they need of the terminal and of files. The work is done by others:
//!
//! ```text
//! scenario.yaml ─► mychat-scenario ─► mychat-load ─────────► mychat-report
//!                         │                                        ▲
//!                         └─────────► mychat-conformance ──────────┘
//! ```
//!
//! [`mychat-target`](mychat_target) finds or starts the server; the `run` module is the pipeline itself.

use std::process::ExitCode;

use clap::Parser as _;
use mychat_load::Exit;

mod capacity;
mod cli;
mod conformance;
mod compare;
mod init;
pub mod explain;
mod load_target;
mod machine;
mod out;
mod outputs;
mod progress;
mod readings;
mod rewrite;
mod run;
mod schema;
mod screen;
mod serve;
mod signal;
mod telemetry;
mod validate;

/// The whole program: reads the command line, does what it says, gives the exit code.
pub fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version end well, everything else is a usage error.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    let outcome = match cli.command {
        cli::Command::Run(args) => on_runtime(run::run(args)),
        cli::Command::Conformance(args) => on_runtime(conformance::conformance(args)),
        cli::Command::Probe(args) => on_runtime(conformance::probe(args)),
        cli::Command::Validate(args) => Ok(validate::validate(&args)),
        cli::Command::Schema => schema::schema(),
        cli::Command::Report(args) => rewrite::rewrite(args),
        cli::Command::Compare(args) => compare::compare(&args),
        cli::Command::Init(args) => init::init(&args),
        cli::Command::Completions(args) => Ok(init::completions(&args)),
        cli::Command::Man(args) => init::man(&args),
        cli::Command::Merge(args) => rewrite::merge(args),
        cli::Command::Explain(args) => Ok(explain::explain(&args)),
        cli::Command::Serve(args) => return serve::serve(args),
    };
    match outcome {
        Ok(exit) => out::ending(exit).into(),
        Err(error) => {
            out::complain(&format!("error: {error:#}\n"));
            Exit::CouldNotRun.into()
        }
    }
}

fn on_runtime(work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // A name look-up that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    outcome
}
