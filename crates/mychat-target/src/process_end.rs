//! The end of a server's process: its exit status in words, and what it wrote last.

use std::process::ExitStatus;

use serde::{Deserialize, Serialize};

/// End of a server's process before the end of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessEnd {
    /// Time from the start of the run, in seconds; 0 if it ended before the run began.
    pub seconds: f64,
    /// Exit status or signal in words, such as `exit status 1`.
    pub status: String,
    /// Last lines that it wrote, as written.
    #[serde(default)]
    pub output: Vec<String>,
}

impl ProcessEnd {
    /// Describes the time and the status: `ended 3.2 s into the run: exit status 1`.
    pub fn describe(&self) -> String {
        if self.seconds > 0.0 {
            format!("ended {:.1} s into the run: {}", self.seconds, self.status)
        } else {
            format!("ended before the first login: {}", self.status)
        }
    }
}

/// Describes an exit status: `exit status 1`, or `signal 11 (SIGSEGV)`.
///
/// A shell whose command was killed by a signal exits with 128 and the number of the signal.
pub fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(number) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return signal(number);
    }
    match status.code() {
        Some(code @ 129..=159) if cfg!(unix) => format!("exit status {code}, which is {}", signal(code - 128)),
        Some(code) => format!("exit status {code}"),
        None => "unknown exit status".to_owned(),
    }
}

fn signal(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {number}"),
    };
    format!("signal {number} ({name})")
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(unix)]
    fn a_status_is_told_in_words() {
        let ended = |command: &str| {
            let status = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
            super::describe(status)
        };
        assert_eq!(ended("exit 0"), "exit status 0");
        assert_eq!(ended("exit 3"), "exit status 3");
        assert_eq!(ended("kill -SEGV $$"), "signal 11 (SIGSEGV)");
        assert_eq!(ended("exit 139"), "exit status 139, which is signal 11 (SIGSEGV)");
        assert_eq!(ended("exit 200"), "exit status 200");
    }
}
