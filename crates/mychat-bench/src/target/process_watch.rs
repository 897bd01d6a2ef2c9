//! Watch over the process of a load's server.

use std::time::{Duration, Instant};

use super::LoadTarget;
use mychat_target::ProcessEnd;

/// Time for which the end of a process may become visible after its connections are closed.
const EXIT_WAIT: Duration = Duration::from_millis(500);
/// Time for which its last output may still be read.
const OUTPUT_WAIT: Duration = Duration::from_millis(50);
/// Number of lines of its output that a result keeps.
const LINES: usize = 12;

/// Notes when the server's process ends during a run.
pub(crate) struct ProcessWatch<'s> {
    server: &'s LoadTarget,
    started: Instant,
    /// Time since the start of the run at which the end was noticed, and the exit status.
    end: Option<(Duration, String)>,
}

impl<'s> ProcessWatch<'s> {
    /// Begins to watch at the start of a run. A process that has ended by then ended after zero seconds.
    pub(crate) fn new(server: &'s LoadTarget) -> Self {
        let end = server.exit_status().map(|status| (Duration::ZERO, status));
        Self { server, started: Instant::now(), end }
    }

    /// Looks if the process has ended.
    pub(crate) fn observe(&mut self) {
        if self.end.is_none() {
            self.end = self.server.exit_status().map(|status| (self.started.elapsed(), status));
        }
    }

    /// Returns true if the process has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Looks for a while if the process has ended, after users were disconnected or refused.
    pub(crate) async fn await_end(&mut self) {
        let until = Instant::now() + EXIT_WAIT;
        self.observe();
        while self.server.is_watched() && !self.has_ended() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.observe();
        }
    }

    /// Returns the end of the process with its last output; `None` if it still runs, or is not watched.
    pub(crate) async fn finish(self) -> Option<ProcessEnd> {
        let (after, status) = self.end?;
        tokio::time::sleep(OUTPUT_WAIT).await;
        Some(ProcessEnd { seconds: after.as_secs_f64(), status, output: self.server.last_lines(LINES) })
    }
}
