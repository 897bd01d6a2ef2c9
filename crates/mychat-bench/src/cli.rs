//! The command line: what was typed, as what it means.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::outputs::Outputs;
use crate::plan::Shard;
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
  1    the server fell short: an expectation, a must check, or a regression
  2    the command line or a file is wrong
  3    could not run: nobody at the target, the server could not be started, or a report not written
  4    inconclusive: the generator was the limit, or too few samples
  130  interrupted; what there was is reported

Colours are used on a terminal only, and never where NO_COLOR is set. Results go to standard output, everything else to
standard error. `mychat-bench COMMAND --help` has examples.";

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

Where values come from: an option, else the file, else the default. The seed is drawn and printed where nobody gives one.

Exit codes: 0 all held, 1 the server fell short, 2 wrong options or file, 3 could not run, 4 inconclusive, 130 interrupted.
Where several hold: 130, 3, 1 for a count, 4, 1 for a latency.")]
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

    #[command(flatten)]
    pub(crate) outputs: Outputs,

    /// Process of the server on this machine, to watch its memory and CPU
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
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

    /// How long to wait for an answer [default: 2s, or more where the server is found to be slow]
    #[arg(long, value_name = "DURATION", value_parser = patience)]
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

Exit codes: 0 every must check held, 1 one failed (with --strict also a should check), 2 wrong options, 3 nobody there,
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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench report result.json
      prints the summary again
  mychat-bench report result.json --html report.html --markdown summary.md
      writes a page for a browser and a summary for a pull request
  mychat-bench report result.json --out reports
      writes all forms into a directory
  mychat-bench report --matrix submissions/*.json --html class.html --csv class.csv
      every server of a class against every statement of the protocol

Exit codes: 0 written, 2 no result of this tool, 3 a file could not be written. The verdict in the result is not repeated.")]
pub(crate) struct Report {
    /// What `run --json` wrote; `-` reads it from standard input. With `--matrix`, any number of conformance results
    #[arg(value_name = "RESULT.json", required = true)]
    pub(crate) results: Vec<PathBuf>,

    /// Servers against statements, from conformance results: as a table, with --html as a page, with --csv for a
    /// spreadsheet
    #[arg(long)]
    pub(crate) matrix: bool,

    /// Write the matrix as CSV
    #[arg(long, value_name = "FILE", requires = "matrix")]
    pub(crate) csv: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench compare old1.json old2.json old3.json -- new1.json new2.json new3.json
      three runs a side; let them take turns (old, new, old, new), since machines drift
  mychat-bench compare old.json new.json
      a single run a side shows new losses, and too little about times
  mychat-bench compare old*.json --markdown diff.md -- new*.json
      a table for a pull request

Runs that the tool itself found invalid are left out of all times. Exit codes: 0 nothing got worse, 1 something did, 2 no
results of this tool, 4 too little data to say anything of delivery times.")]
pub(crate) struct Compare {
    /// Results of the first side, or one of each side
    #[arg(value_name = "A.json", required = true)]
    pub(crate) first: Vec<PathBuf>,

    /// Results of the second side
    #[arg(value_name = "B.json", last = true)]
    pub(crate) second: Vec<PathBuf>,

    /// Changes below so many percent are no difference
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, value_parser = percent)]
    pub(crate) effect: f64,

    /// Write the comparison as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench merge shard-*.json --out reports
      one report of what several machines did with `run --shard`

Histograms are added bit for bit, counts are summed, and what one machine sent and another one received is settled.
Exit codes: those of `run`, for the whole; 2 for results that do not belong together, 4 where a part is missing.")]
pub(crate) struct Merge {
    /// What `run --json` wrote on each machine
    #[arg(value_name = "RESULT.json", required = true)]
    pub(crate) results: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench init mine.yaml && mychat-bench run mine.yaml
      a scenario to change, with a comment for every line

Exit codes: 0 written, 2 there is a file of that name, 3 it cannot be written.")]
pub(crate) struct Init {
    /// Where to
    #[arg(value_name = "FILE", default_value = "scenario.yaml")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench completions bash > ~/.local/share/bash-completion/completions/mychat-bench
  mychat-bench completions zsh > ~/.zfunc/_mychat-bench")]
pub(crate) struct Completions {
    /// Of which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Where to, a file a command
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench validate scenarios/*.yaml
      every mistake with its line, its column and what was probably meant

Exit codes: 0 all files are right, 2 one is not.")]
pub(crate) struct Validate {
    /// Scenario files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench explain scenarios/broadcast_storm.yaml
      users, messages and bytes per second, memory, descriptors and ports, before anything runs

Exit codes: 0 this machine can do it, 2 the file is wrong, 3 this machine cannot do it.")]
pub(crate) struct Explain {
    /// The scenario
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench serve --listen 127.0.0.1:5000
      the server that `run` and `conformance` start where no other is named")]
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

fn patience(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_mins(10)).contains(&time) => Ok(time),
        _ => Err("expected a time from 1ms to 10min, such as 500ms or 2s".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.1..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number of percent from 0.1 to 100".to_owned()),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(100)..=Duration::from_mins(1)).contains(&time) => Ok(time),
        _ => Err("expected a time from 100ms to 60s".to_owned()),
    }
}
