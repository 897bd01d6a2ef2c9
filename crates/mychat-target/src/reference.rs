//! The tool's own server as a child process, so that its CPU time and memory can be measured apart from the tool's.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::describe_exit;

/// A running reference server. It is killed when this is dropped. It also exits when this process dies, because its
/// standard input is a pipe that then closes.
#[derive(Debug)]
pub struct Reference {
    child: Mutex<Child>,
    address: String,
}

/// An error of starting the reference server.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The executable of this program could not be started.
    #[error("cannot start the reference server")]
    Start(#[source] std::io::Error),
    /// It ended, or did not report its address.
    #[error("the reference server did not start: {0}")]
    NotListening(String),
}

const START_TIMEOUT: Duration = Duration::from_secs(10);

impl Reference {
    /// Starts the server on a free port of the loopback interface and waits until it listens.
    pub async fn start() -> Result<Self, ReferenceError> {
        let program = std::env::current_exe().map_err(ReferenceError::Start)?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--with-parent"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        // Ctrl-C in a terminal signals the whole process group. The server must keep running until the run has drained.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(ReferenceError::Start)?;
        let stdout = child.stdout.take().ok_or_else(|| ReferenceError::NotListening("it has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = match tokio::time::timeout(START_TIMEOUT, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => {
                let ended = tokio::time::timeout(START_TIMEOUT, child.wait()).await;
                let status = ended.ok().and_then(Result::ok).map_or(String::new(), |status| format!(" ({status})"));
                return Err(ReferenceError::NotListening(format!("it ended at once{status}")));
            }
            Ok(Err(error)) => return Err(ReferenceError::NotListening(error.to_string())),
            Err(_) => {
                return Err(ReferenceError::NotListening(format!(
                    "it did not report its address within {} s",
                    START_TIMEOUT.as_secs()
                )));
            }
        };
        let address = line
            .strip_prefix("listening on ")
            .ok_or_else(|| ReferenceError::NotListening(format!("it wrote `{line}`")))?
            .to_owned();
        Ok(Self { child: Mutex::new(child), address })
    }

    /// Returns the `HOST:PORT` on which it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns its process id; `None` if it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Returns its exit status in words; `None` while it runs.
    pub fn exit_status(&self) -> Option<String> {
        let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        ended.ok().flatten().map(describe_exit)
    }

    /// Closes its standard input, so that it exits by itself, and waits for it.
    pub async fn stop(self) {
        let mut child = self.child.into_inner().unwrap_or_else(PoisonError::into_inner);
        drop(child.stdin.take());
        if tokio::time::timeout(START_TIMEOUT, child.wait()).await.is_err() {
            // Dropping the handle kills it.
            drop(child);
        }
    }
}
