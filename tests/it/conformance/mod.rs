//! Tests the suite against servers with one fault, null servers, and correct servers of other authors.

mod causes;
#[cfg(unix)]
mod controls;
mod correct;
mod deaths;
mod formats;
mod framing;
#[cfg(unix)]
mod gone;
mod kills;
mod nulls;
mod options;
mod rooms;
#[cfg(unix)]
mod reruns;
mod starts;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex};

use serde_json::Value;

pub(crate) const TOOL: &str = env!("CARGO_BIN_EXE_mychat-bench-under-test");

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) exit: i32,
    pub(crate) result: Value,
    pub(crate) output: String,
}

impl Done {
    /// One field of every check, by id.
    pub(crate) fn of(&self, key: &str) -> BTreeMap<String, String> {
        let word = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
        let checks = self.result["checks"].as_array().expect("checks");
        checks.iter().map(|check| (word(check, "id"), word(check, key))).collect()
    }

    /// Returns the ids of the checks with this level and one of these statuses.
    pub(crate) fn with(&self, level: &str, status: &[&str]) -> Vec<String> {
        let levels = self.of("level");
        let ended = self.of("status");
        ended
            .into_iter()
            .filter(|(id, end)| levels[id] == level && status.contains(&end.as_str()))
            .map(|(id, _)| id)
            .collect()
    }
}

/// Runs `conformance` with arguments, and reads its JSON.
pub(crate) fn conformance(arguments: &[&str]) -> Done {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = Command::new(TOOL)
        .args(["conformance", "--json"])
        .arg(file.path())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the tool runs");
    Done {
        exit: output.status.code().unwrap_or(-1),
        result: read(file.path()),
        output: String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    }
}

pub(crate) fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the result");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
}

/// A command for `--spawn`: a server with this fault.
pub(crate) fn faulty_server(fault: &str) -> String {
    format!("exec {} {{port}} {fault}", env!("CARGO_BIN_EXE_mychat-faulty-server"))
}

/// A command for `--spawn`: one of the Python servers, with arguments behind the port. `None` where there is no Python.
pub(crate) fn python(server: &str) -> Option<String> {
    let (name, rest) = server.split_once(' ').unwrap_or((server, ""));
    Command::new("python3").arg("--version").output().ok()?;
    Some(format!("exec python3 {}/servers/{name}.py {{port}} {rest}", env!("CARGO_MANIFEST_DIR")))
}

/// A command for `--spawn`: the Java server, run from its source.
pub(crate) fn java() -> Option<String> {
    Command::new("javac").arg("-version").output().ok()?;
    let options = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
    Some(format!("exec java {options} {}/servers/ChatServer.java {{port}}", env!("CARGO_MANIFEST_DIR")))
}

/// Works through a list on several threads: most of the time is waiting. All lists of the process together have at most eight
/// items (or `AT_ONCE`) in progress, so that the other tests get some of the machine too.
pub(crate) fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    each_of_many(at_once(), items, |item| {
        let _permit = Permit::acquire();
        work(item);
    });
}

/// Works through a list on this many threads, whatever else runs.
pub(crate) fn each_of_many<T: Sync>(threads: usize, items: &[T], work: impl Fn(&T) + Sync) {
    let next = Mutex::new(items.iter());
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = { next.lock().expect("no poison").next() } {
                    work(item);
                }
            });
        }
    });
}

fn at_once() -> usize {
    std::env::var("AT_ONCE").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// Items of all lists that are in progress.
static IN_PROGRESS: Mutex<usize> = Mutex::new(0);
static ONE_LESS: Condvar = Condvar::new();

/// The right to work on one item. It is given back when it is dropped, by a test that fails too.
struct Permit;

impl Permit {
    fn acquire() -> Self {
        let in_progress = IN_PROGRESS.lock().expect("no poison");
        *ONE_LESS.wait_while(in_progress, |count| *count >= at_once()).expect("no poison") += 1;
        Self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *IN_PROGRESS.lock().expect("no poison") -= 1;
        ONE_LESS.notify_one();
    }
}
