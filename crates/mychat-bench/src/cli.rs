//! The command line: what was typed, as what it means.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Check scenario files without running them
    Validate(Validate),
    /// Say what a scenario will do, before anything runs, and whether this machine can do it
    Explain(Explain),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
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

    /// Seed of everything that is drawn; the same seed asks the same of any server
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Worker threads [default: the cores, less one where the server is on this machine]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroU32>,

    /// Address to connect from; may be given several times, and they take turns [default: the system's choice, or on
    /// loopback as many of 127.0.0.x as the users need ports]
    #[arg(long, value_name = "IP")]
    pub(crate) source_ip: Vec<IpAddr>,

    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// No live view and no summary: one line with the verdict
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Scenario files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The scenario
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
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
