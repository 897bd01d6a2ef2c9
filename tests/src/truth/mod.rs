//! The truth table: compares the tool's measurements with servers of known latency and known faults, in real time.

mod late_reads;
mod rows;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use mychat_os::proc;

use crate::cores::{Cores, cores, stay_on};
use crate::{Outcome, Run};

pub use rows::ROWS;

/// One comparison of a row.
#[derive(Debug, Clone)]
pub struct Line {
    /// The measured quantity.
    pub what: &'static str,
    /// The true value.
    pub wanted: String,
    /// The value that the tool reported.
    pub got: String,
    /// The allowed difference.
    pub tolerance: String,
    /// True if the difference is within the tolerance.
    pub ok: bool,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its id.
    pub id: &'static str,
    /// A description of the server.
    pub server: &'static str,
    /// Carries it out, with the tool at this path.
    pub run: fn(&str) -> Vec<Line>,
}

/// Carries out all rows, or those that are named; tells each as it comes.
pub fn table(tool: &str, only: &[String], mut tell: impl FnMut(&Row, &[Line])) -> Vec<(Row, Vec<Line>)> {
    // The tool is started from this thread, and stays where it is.
    stay_on(cores().map(|cores| cores.tool));
    let wanted = |row: &&Row| only.is_empty() || only.iter().any(|id| id.eq_ignore_ascii_case(row.id));
    let carried_out = ROWS.iter().filter(wanted).map(|row| {
        let lines = (row.run)(tool);
        tell(row, &lines);
        (*row, lines)
    });
    carried_out.collect()
}

/// The table as Markdown, with when and where it was made.
pub fn markdown(table: &[(Row, Vec<Line>)]) -> String {
    let mut text = format!("{}\n\n", circumstances());
    text.push_str("| id | the server | measured | true | reported | tolerance | |\n|---|---|---|---|---|---|---|\n");
    for (row, lines) in table {
        for line in lines {
            let Line { what, wanted, got, tolerance, ok } = line;
            let mark = if *ok { "✓" } else { "✗" };
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "| {} | {} | {what} | {wanted} | {got} | {tolerance} | {mark} |", row.id, row.server);
        }
    }
    text.push_str("\nV11 and V12 are about `compare`. They are tests over simulated runs, in \
        [`mychat-report`](../mychat-report/src/compare). V17, a wall clock that is set by ± 1 s during a run, is a test over a \
        simulated run as well: [`latencies.rs`](tests/simulated/latencies.rs).\n");
    text
}

fn circumstances() -> String {
    let cpu = proc::processor().unwrap_or_else(|| "?".to_owned());
    // Not what this thread may use: it has been put on one core.
    let all = proc::cores().unwrap_or(0);
    let apart = match cores() {
        Some(Cores { server, tool }) => format!("server on core {server}, tool on core {tool}"),
        None => "server and tool on the same core".to_owned(),
    };
    let load = proc::load_average().unwrap_or_else(|| "?".to_owned());
    let date = jiff::Timestamp::now().strftime("%F");
    let kernel = proc::kernel_release().unwrap_or_default();
    let [usual, worst, rare] = wake_ups();
    format!(
        "{date}, {cpu}, {all} cores ({apart}), Linux {kernel}, load average {load} at the end. Baseline of this machine: a \
         thread that sleeps to each millisecond and does nothing else woke up {usual} µs late in the median, {worst} µs at \
         p99, {rare} µs at p99.9. Figures that are compared in microseconds (V1) contain delays of this size."
    )
}

/// Returns how late a thread wakes that only sleeps: median, p99 and p99.9 in microseconds. No program can be better than that.
fn wake_ups() -> [u128; 3] {
    const SLEEPS: usize = 4000;
    let bare = std::thread::spawn(|| {
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        let mut due = Instant::now();
        let mut late: Vec<u128> = (0..SLEEPS)
            .map(|_| {
                due += Duration::from_millis(1);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                due.elapsed().as_micros()
            })
            .collect();
        late.sort_unstable();
        [SLEEPS / 2, SLEEPS * 99 / 100, SLEEPS * 999 / 1000].map(|at| late[at])
    });
    bare.join().expect("sleeping does not panic")
}

/// The tool over a scenario with this text.
fn tool(program: &str, text: &str) -> Run {
    Run::scenario(program, text)
}

/// Quantiles of a latency metric, in milliseconds.
fn quantile(outcome: &Outcome, metric: &str, quantile: f64) -> f64 {
    use base64::Engine as _;
    let text = outcome.json["latency"][metric]["hdr"].as_str().unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    let histogram = hdrhistogram::serialization::Deserializer::new().deserialize::<u64, _>(&mut bytes.as_slice());
    histogram.map_or(f64::NAN, |histogram| histogram.value_at_quantile(quantile) as f64 / 1e3)
}

/// Compares a quantile with the true value. A run that the tool itself finds unsound is marked so: the machine was too busy, and
/// the tool knows.
fn measured(outcome: &Outcome, what: &'static str, metric: &str, q: f64, wanted: f64, tolerance: f64) -> Line {
    let mut line = close(what, wanted, quantile(outcome, metric, q), tolerance);
    if let Some(validity) = outcome.json["validity"].as_str().filter(|validity| *validity != "valid") {
        let _ = write!(line.got, " ({validity})");
    }
    line
}

/// A figure in milliseconds that may be so far from the truth.
fn close(what: &'static str, wanted: f64, got: f64, tolerance: f64) -> Line {
    Line {
        what,
        wanted: format!("{wanted:.2} ms"),
        got: format!("{got:.2} ms"),
        tolerance: format!("± {tolerance:.2} ms"),
        ok: (got - wanted).abs() <= tolerance,
    }
}

/// A count or a word, as it stands in the table.
struct CellText(String);

impl From<u64> for CellText {
    fn from(count: u64) -> Self {
        Self(count.to_string())
    }
}

impl From<&str> for CellText {
    fn from(word: &str) -> Self {
        Self(word.to_owned())
    }
}

/// A comparison that must be exact.
fn exact(what: &'static str, wanted: impl Into<CellText>, got: impl Into<CellText>, ok: bool) -> Line {
    Line { what, wanted: wanted.into().0, got: got.into().0, tolerance: "exact".to_owned(), ok }
}

/// Compares the validity of the run with the allowed ones. The server must not have failed.
fn validity_line(outcome: &Outcome, allowed: &[&str]) -> Line {
    let validity = outcome.json["validity"].as_str().unwrap_or("nothing");
    let failed = outcome.code == 1 || outcome.stdout.starts_with("FAIL");
    let got = if failed { format!("{validity}, and the server failed") } else { validity.to_owned() };
    exact("verdict", allowed.join(" or ").as_str(), got.as_str(), allowed.contains(&validity) && !failed)
}

/// Writes the table to a file, in a folder that may not be there yet.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
