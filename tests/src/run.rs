//! The tool itself, run as its users run it.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A run of the tool over a scenario in a file.
#[derive(Debug)]
pub struct Run {
    folder: TempDir,
    command: Command,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The JSON result; `Null` if none was written.
    pub json: Value,
}

impl Run {
    /// `run` over a scenario with this text, by the program in `program`.
    pub fn scenario(program: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, text).expect("a writable temporary folder");
        let mut command = Command::new(program);
        command.arg("run").arg(&file).arg("--json").arg(folder.path().join("result.json"));
        command.stdin(Stdio::null()).env_remove("NO_COLOR").env("TERM", "dumb");
        Self { folder, command }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Display) -> Self {
        self.command.arg(arg.to_string());
        self
    }

    /// Started by another program, which is given these arguments before the tool's own.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg(self.command.get_program()).args(self.command.get_args());
        command.stdin(Stdio::null()).env_remove("NO_COLOR").env("TERM", "dumb");
        self.command = command;
        self
    }

    /// With a profile that leaves nothing to be found out: the scenario's messages are all that the server sees.
    #[must_use]
    pub fn declared(self) -> Self {
        let file = self.folder.path().join("profile.yaml");
        let text = "framing: lf\nbroadcast_echo: true\nunknown_user: error404\n";
        std::fs::write(&file, text).expect("a writable temporary folder");
        self.arg("--profile").arg(file.display())
    }

    /// Against this server.
    #[must_use]
    pub fn target(self, target: impl Display) -> Self {
        self.arg("--target").arg(target)
    }

    /// Runs it to its end.
    pub fn go(self) -> Outcome {
        self.with(|_| {})
    }

    /// Runs it to its end, with something to do meanwhile; the tool's process id is given.
    pub fn with(mut self, meanwhile: impl FnOnce(u32)) -> Outcome {
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the tool starts");
        meanwhile(child.id());
        let output = child.wait_with_output().expect("the tool ends");
        let json: PathBuf = self.folder.path().join("result.json");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            json: std::fs::read(json).map_or(Value::Null, |text| serde_json::from_slice(&text).expect("JSON")),
        }
    }
}

impl Outcome {
    /// A count of the result.
    pub fn count(&self, name: &str) -> u64 {
        self.json["counts"][name].as_u64().unwrap_or_else(|| panic!("no count `{name}`: {self:#?}"))
    }

    /// Returns true if all expectations hold. On a machine that is busy with something else the tool finds that it could not
    /// keep its own schedule, and says so by another exit code; counts are true all the same, and they are what tests
    /// look at.
    pub fn expectations_hold(&self) -> bool {
        let invalid = self.code == 4 && self.json["validity"] == "invalid";
        let expectations = self.json["expectations"].as_array();
        (self.code == 0 || invalid) && expectations.is_some_and(|all| all.iter().all(|one| one["ok"] == true))
    }

    /// Returns the exit code and both output streams, for the message of an assertion.
    pub fn output(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}
