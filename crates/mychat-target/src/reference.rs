//! The tool's own server as a child process, so that its CPU time and memory are its own.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running reference server. It ends when this is dropped, and also when this process is killed: it watches the pipe
/// that is its standard input.
#[derive(Debug)]
pub struct Reference {
    child: Child,
    address: String,
}

/// The reference server did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// This program's own file cannot be run.
    #[error("cannot start the reference server")]
    Start(#[source] std::io::Error),
    /// It ended, or said something else than where it listens.
    #[error("the reference server did not start: {0}")]
    NotListening(String),
}

const START_TIMEOUT: Duration = Duration::from_secs(10);

impl Reference {
    /// Starts it on a free port of the loopback interface and waits until it listens.
    pub async fn start() -> Result<Self, SpawnError> {
        let program = std::env::current_exe().map_err(SpawnError::Start)?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--with-parent"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        // Ctrl-C in a terminal goes to a whole process group. The server is to outlive it until the run has drained.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(SpawnError::Start)?;
        let stdout = child.stdout.take().ok_or_else(|| SpawnError::NotListening("it has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = match tokio::time::timeout(START_TIMEOUT, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return Err(SpawnError::NotListening("it ended at once".to_owned())),
            Ok(Err(error)) => return Err(SpawnError::NotListening(error.to_string())),
            Err(_) => {
                return Err(SpawnError::NotListening(format!("it said nothing within {} s", START_TIMEOUT.as_secs())));
            }
        };
        let address = line
            .strip_prefix("listening on ")
            .ok_or_else(|| SpawnError::NotListening(format!("it said `{line}`")))?
            .to_owned();
        Ok(Self { child, address })
    }

    /// `HOST:PORT` where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Lets it end by itself: its standard input closes.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        if tokio::time::timeout(START_TIMEOUT, self.child.wait()).await.is_err() {
            // It is killed when the handle is dropped.
            drop(self.child);
        }
    }
}
