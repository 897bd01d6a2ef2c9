//! A handle with which any thread changes and checks a running server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Config;
use crate::settings::changes_that_need_restart;
use crate::worker::WorkerMessage;

/// A handle of a server. It does not keep the server running.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    workers: Vec<mpsc::WeakSender<WorkerMessage>>,
    current_config: watch::Sender<Arc<Config>>,
}

impl ServerHandle {
    pub(crate) fn new(workers: &[mpsc::Sender<WorkerMessage>], current_config: watch::Sender<Arc<Config>>) -> Self {
        Self { workers: workers.iter().map(mpsc::Sender::downgrade).collect(), current_config }
    }

    /// Applies the limits of `newer` from now on. Returns the names of settings that differ but need a restart.
    pub fn adopt(&self, newer: &Config) -> Vec<&'static str> {
        let (adopted, ignored) = {
            let current = self.current_config.borrow();
            (current.with_limits_of(newer), changes_that_need_restart(&current, newer))
        };
        // `send_replace` stores the value even if no server is running any more.
        self.current_config.send_replace(Arc::new(adopted));
        ignored
    }

    /// Spreads the users over all workers now, without waiting until worker 0 is busy.
    pub fn spread(&self) {
        let first = self.workers.first().and_then(mpsc::WeakSender::upgrade);
        // A worker with a full channel is so busy that it spreads its users anyway.
        let _ = first.map(|channel| channel.try_send(WorkerMessage::SpreadSessions));
    }

    /// Asks every worker for an answer. Returns true if all of them answer within `timeout`.
    pub async fn is_well(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, async {
            for worker in &self.workers {
                let (answer, answered) = oneshot::channel();
                let Some(channel) = worker.upgrade() else { return false };
                if channel.send(WorkerMessage::Ping(answer)).await.is_err() || answered.await.is_err() {
                    return false;
                }
            }
            true
        })
        .await
        .unwrap_or(false)
    }
}
