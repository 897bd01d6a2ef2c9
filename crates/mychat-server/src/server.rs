//! The whole server: bind, run, stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::accept::{self, BindError, Reception};
use crate::config::Config;
use crate::limits::Gate;
use crate::metrics::Metrics;
use crate::router::Router;
use crate::session::Wakes;
use crate::worker::{MAIL, Mail, Shared, Worker};

/// Descriptors that are not for connections: listeners, the runtimes' own, standard streams, and some to spare.
const RESERVED_DESCRIPTORS: usize = 128;

/// How long after the deadline of a stop a worker has to notice it.
const GRACE: Duration = Duration::from_secs(1);

/// A server whose ports are open and that serves nobody yet.
#[derive(Debug)]
pub struct Server {
    config: Config,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    metrics: Arc<Metrics>,
}

/// Why a server ended otherwise than it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A thread or its runtime could not be made.
    #[error("cannot start a worker")]
    Start(#[source] io::Error),
    /// A worker ended by itself, which is a bug.
    #[error("worker {0} failed")]
    Worker(usize),
    /// A worker did not end in time.
    #[error("worker {0} did not stop in time")]
    Stuck(usize),
}

impl Server {
    /// Opens all ports of the configuration, in its order.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for address in &config.listen {
            let listener = accept::bind(address).await?;
            let local = listener.local_addr();
            addresses.push(local.map_err(|source| BindError::Listen { address: address.clone(), source })?);
            listeners.push(listener);
        }
        Ok(Self { config, listeners, addresses, metrics: Arc::default() })
    }

    /// The addresses it listens on, with their real ports, in the order of the configuration.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its counters, which outlive it.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Serves until `shutdown` is ready, then stops in four steps: no more accepting; every session is told and ends;
    /// what waits for it is written; whoever has not read it by `--shutdown-timeout` is closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let timeout = self.config.shutdown_timeout;
        let mut crew = Crew::start(&self)?;
        let mut accepting = JoinSet::new();
        let reception = Arc::new(Reception {
            workers: crew.mail.clone(),
            gate: Gate::new(room(), self.config.admission.max_per_address),
            metrics: self.metrics,
            next: AtomicUsize::new(0),
        });
        for listener in self.listeners {
            accepting.spawn(Arc::clone(&reception).run(listener));
        }
        tokio::select! {
            () = shutdown => {}
            failed = crew.first_failure() => return Err(failed),
        }
        // The listeners go with their tasks; once these are gone no socket can come behind the last mail.
        accepting.shutdown().await;
        crew.stop(timeout).await
    }
}

/// The worker threads.
struct Crew {
    mail: Vec<mpsc::Sender<Mail>>,
    finished: Vec<oneshot::Receiver<io::Result<()>>>,
}

impl Crew {
    fn start(server: &Server) -> Result<Self, RunError> {
        let count = server.config.workers.get();
        let max_users = server.config.admission.max_users.map_or(usize::MAX, std::num::NonZeroUsize::get);
        let shared = Shared {
            config: Arc::new(server.config.clone()),
            router: Arc::new(Router::new(count, max_users)),
            metrics: Arc::clone(&server.metrics),
            wakes: (0..count).map(|_| Arc::new(Wakes::default())).collect(),
        };
        let mut crew = Self { mail: Vec::new(), finished: Vec::new() };
        for me in 0..count {
            let (mail, inbox) = mpsc::channel(MAIL);
            let (done, finished) = oneshot::channel();
            let shared = shared.clone();
            // The thread is waited for through `finished`; a panic drops `done`, which tells the same.
            std::thread::Builder::new()
                .name(format!("worker-{me}"))
                .spawn(move || done.send(Worker::run(shared, me as u16, inbox)))
                .map_err(RunError::Start)?;
            crew.mail.push(mail);
            crew.finished.push(finished);
        }
        Ok(crew)
    }

    /// Ready once a worker ends that was not told to.
    async fn first_failure(&mut self) -> RunError {
        std::future::poll_fn(|context| {
            for (worker, finished) in self.finished.iter_mut().enumerate() {
                if let std::task::Poll::Ready(result) = std::pin::Pin::new(finished).poll(context) {
                    return std::task::Poll::Ready(match result {
                        Ok(Err(error)) => RunError::Start(error),
                        Ok(Ok(())) | Err(_) => RunError::Worker(worker),
                    });
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    async fn stop(self, timeout: Duration) -> Result<(), RunError> {
        let deadline = Instant::now() + timeout;
        for mail in &self.mail {
            // A worker that is gone is found out below.
            let _ = mail.send(Mail::Drain(deadline)).await;
        }
        for (worker, finished) in self.finished.into_iter().enumerate() {
            match tokio::time::timeout_at((deadline + GRACE).into(), finished).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(_)) | Err(_)) => return Err(RunError::Worker(worker)),
                Err(_) => return Err(RunError::Stuck(worker)),
            }
        }
        Ok(())
    }
}

/// How many connections the descriptors allow; raises the soft limit to the hard one.
fn room() -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(RESERVED_DESCRIPTORS).max(16)
}
