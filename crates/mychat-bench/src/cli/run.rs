//! `run`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{FramingArg, threads};
use crate::outputs::Outputs;
use mychat_load::plan::Shard;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench run scenarios/broadcast_storm.yaml
      starts the reference server on a free port and drives it
  mychat-bench run scenarios/classroom.yaml --target 127.0.0.1:5000
      drives a server that is running there
  mychat-bench run scenarios/smoke.yaml --json result.json --quiet
      prints one line, and writes everything to a file
  mychat-bench run scenarios/classroom.yaml --spawn 'python3 server.py {port}' --out reports
      starts the server, watches its memory and CPU, and writes every kind of report
  mychat-bench run storm.yaml --target chat:5000 --shard 1/2 --json part1.json
      one of two machines that share the users; `mychat-bench merge` makes one report

Where values come from: an option, else the file, else the default. \
The seed is drawn and printed where nobody gives one.

Exit codes: 0 all held, 1 the server fell short, 2 wrong options or file, 3 could not run, \
4 inconclusive, 130 interrupted. Where several hold: 130, 3, 1 for a count, 4, 1 for a latency.")]
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

    /// Process of a server that is running on this machine, to watch its memory and CPU; one that --spawn starts is
    /// watched anyway
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,

    /// How messages end [default: the file's, or found out]
    #[arg(long, value_enum)]
    pub(crate) framing: Option<FramingArg>,

    /// Readings that the server declares to take, as `mychat-bench probe` writes them [default: found out]
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// How long to wait for an answer [default: the file's `timeout`, 2s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Seed of everything that is drawn; the same seed asks the same of any server
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Worker threads [default: the cores, less one where the server is on this machine]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroU32>,

    /// Drive one part of the users and leave the others to other machines: `1/3`, `2/3` and `3/3` of the same file, seed and
    /// target. The load begins once the server's lists show everybody. `merge` makes one result of them. `job/3` takes the
    /// number from `JOB_COMPLETION_INDEX`, as a Kubernetes Indexed Job sets it
    #[arg(long, value_name = "I/N", default_value = "1/1", hide_default_value = true)]
    pub(crate) shard: Shard,

    /// Address to connect from; may be given several times, and they take turns [default: the system's choice, or on
    /// loopback as many of 127.0.0.x as the users need ports]
    #[arg(long, value_name = "IP")]
    pub(crate) source_ip: Vec<IpAddr>,

    /// Time from one point of the timeline to the next
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,

    /// A line an interval on standard error, instead of the live view
    #[arg(long, short, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// No live view and no summary: one line with the verdict
    #[arg(long, short)]
    pub(crate) quiet: bool,

    // Last: what follows would stand under its heading.
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(100)..=Duration::from_mins(1)).contains(&time) => Ok(time),
        _ => Err("expected a time from 100ms to 60s".to_owned()),
    }
}
