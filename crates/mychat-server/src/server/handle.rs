//! What can be asked of a server and changed while it runs, from anywhere.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Config;
use crate::worker::WorkerMessage;

/// A handle on a server. It does not keep the server running.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    workers: Vec<mpsc::WeakSender<WorkerMessage>>,
    limits: watch::Sender<Arc<Config>>,
}

impl ServerHandle {
    pub(crate) fn new(workers: &[mpsc::Sender<WorkerMessage>], limits: watch::Sender<Arc<Config>>) -> Self {
        Self { workers: workers.iter().map(mpsc::Sender::downgrade).collect(), limits }
    }

    /// Makes the limits of another configuration hold from now on. Returns the names of what differs and takes a
    /// restart.
    pub fn adopt(&self, newer: &Config) -> Vec<&'static str> {
        let (adopted, ignored) = self.limits.borrow().adopt(newer);
        // The value is kept even where nobody looks at it any more.
        self.limits.send_replace(Arc::new(adopted));
        ignored
    }

    /// Shares users out among all workers now, without waiting until the first is busy.
    pub fn spread(&self) {
        let first = self.workers.first().and_then(mpsc::WeakSender::upgrade);
        // Where its mail is full it is busy enough to come to that by itself.
        let _ = first.map(|mail| mail.try_send(WorkerMessage::SpreadSessions));
    }

    /// Whether every worker takes a turn within that time.
    pub async fn is_well(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, async {
            for worker in &self.workers {
                let (pong, answer) = oneshot::channel();
                let Some(mail) = worker.upgrade() else { return false };
                if mail.send(WorkerMessage::Ping(pong)).await.is_err() || answer.await.is_err() {
                    return false;
                }
            }
            true
        })
        .await
        .unwrap_or(false)
    }
}
