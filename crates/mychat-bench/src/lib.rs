//! Holds any MyChat server against the protocol and under load, and accounts for every delivery.
//!
//! ```text
//! scenario.yaml ─► scenario ─► plan ─► drive ─► observe ─► judge ─► report
//!  text             checked     who,     users    samples,   verdicts  terminal,
//!                               when,    over     counts,              JSON
//!                               what     sockets  ledger
//! ```
//!
//! Each folder is a stage and hands plain data to the next; a test holds that it imports from none behind it (what was
//! observed stands before [`drive`] in that order, as the users write their observations down themselves). [`drive`] is the
//! one with sockets in it, and even there the users themselves know neither sockets nor clocks: those are behind
//! [`drive::wire::Wire`] and [`drive::clock::Clock`].
//!
//! Reading order: [`scenario::model`] (what can be asked for), [`plan`], [`drive::worker`], [`observe::ledger`],
//! [`judge`], [`report::result`]; the `run` module is the pipeline itself.

use std::process::ExitCode;

use clap::Parser as _;

mod capacity;
mod figures;
mod cli;
mod conformance;
mod compare;
pub mod drive;
mod exit;
mod init;
pub mod explain;
pub mod judge;
mod load_target;
mod machine;
pub mod observe;
mod out;
mod outputs;
pub mod plan;
mod progress;
mod readings;
pub mod report;
mod rewrite;
mod run;
pub mod scenario;
pub mod script;
mod schema;
mod screen;
mod serve;
mod signal;
pub mod suite;
pub mod target;
mod telemetry;
mod validate;

pub use exit::Exit;

/// The whole program: reads the command line, does what it says, gives the exit code.
pub fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version end well, everything else is a usage error.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Held.into() };
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
