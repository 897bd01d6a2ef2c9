//! The whole server: bind, run, stop.

pub mod handle;
pub mod signals;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::{Config, Spread};
use crate::limits::ConnectionLimiter;
use crate::metrics::Metrics;
use crate::net::listen::{self, BindError};
use crate::net::poller::{Poller, ThreadWaker};
use crate::router::{Router, SharedRouter};
use crate::server::handle::ServerHandle;
use crate::worker::cpu_pressure;
use crate::worker::{AcceptorSetup, CHANNEL_CAPACITY, ServerShared, Worker, WorkerMessage};

/// Descriptors that are not for connections: listeners, the runtimes' own, standard streams, and some to spare.
const RESERVED_DESCRIPTORS: usize = 128;

/// How long after the deadline of a stop a worker has to notice it.
const GRACE: Duration = Duration::from_secs(1);

/// A server whose ports are open and that serves nobody yet.
#[derive(Debug)]
pub struct Server {
    config: Arc<Config>,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    metrics: Arc<Metrics>,
    mail: Vec<mpsc::Sender<WorkerMessage>>,
    inboxes: Vec<mpsc::Receiver<WorkerMessage>>,
    limits: watch::Sender<Arc<Config>>,
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
            for listener in listen::bind(address, config.socket).await? {
                let local = listener.local_addr();
                addresses.push(local.map_err(|source| BindError::Listen { address: address.clone(), source })?);
                listeners.push(listener);
            }
        }
        let (mail, inboxes) = (0..config.workers.get()).map(|_| mpsc::channel(CHANNEL_CAPACITY)).unzip();
        let config = Arc::new(config);
        let limits = watch::Sender::new(Arc::clone(&config));
        Ok(Self { config, listeners, addresses, metrics: Arc::default(), mail, inboxes, limits })
    }

    /// The addresses it listens on, with their real ports, in the order of the configuration.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its counters, which outlive it.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// What can be asked of it and changed while it runs.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(&self.mail, self.limits.clone())
    }

    /// Serves until `shutdown` is ready, then stops in four steps: no more accepting; every session is told and ends;
    /// what waits for it is written; whoever has not read it by `--shutdown-timeout` is closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut limits = self.limits.subscribe();
        let mut crew = WorkerPool::start(self)?;
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                failed = crew.first_failure() => return Err(failed),
                Ok(()) = limits.changed() => {
                    let config = Arc::clone(&limits.borrow_and_update());
                    crew.adopt(config).await;
                }
            }
        }
        let timeout = limits.borrow().shutdown_timeout;
        crew.stop(timeout).await
    }
}

/// The worker threads.
struct WorkerPool {
    mail: Vec<mpsc::Sender<WorkerMessage>>,
    finished: Vec<oneshot::Receiver<io::Result<()>>>,
    gate: Arc<ConnectionLimiter>,
    router: SharedRouter,
}

impl WorkerPool {
    fn start(server: Server) -> Result<Self, RunError> {
        let Server { config, listeners, metrics, mail, inboxes, .. } = server;
        let admission = config.admission;
        let listeners = listeners.into_iter().map(TcpListener::into_std).collect::<io::Result<Vec<_>>>();
        let gate = ConnectionLimiter::new(room(), admission.max_per_address);
        let mut door = Some(AcceptorSetup {
            listeners: listeners.map_err(RunError::Start)?,
            gate: Arc::clone(&gate),
            others: mail.iter().skip(1).map(mpsc::Sender::downgrade).collect(),
        });
        let is_alone = config.spread == Spread::Busy && cpu_pressure::can_be_felt();
        let router = Arc::new(Router::new(mail.len(), is_alone, max_users(&config)));
        let watches = mail.iter().map(|_| Poller::new()).collect::<io::Result<Vec<_>>>();
        let (watches, bells): (Vec<Poller>, Vec<ThreadWaker>) = watches.map_err(RunError::Start)?.into_iter().unzip();
        let bells = bells.into_iter().map(Arc::new).collect();
        let shared = ServerShared { config, router: Arc::clone(&router), metrics, throttle: Arc::default(), bells };
        let mut crew = Self { mail, finished: Vec::new(), gate, router };
        for (me, (inbox, watch)) in inboxes.into_iter().zip(watches).enumerate() {
            let (done, finished) = oneshot::channel();
            let (shared, door) = (shared.clone(), door.take());
            // The thread is waited for through `finished`; a panic drops `done`, which tells the same.
            std::thread::Builder::new()
                .name(format!("worker-{me}"))
                .spawn(move || done.send(Worker::run(shared, me as u16, watch, inbox, door)))
                .map_err(RunError::Start)?;
            crew.finished.push(finished);
        }
        Ok(crew)
    }

    /// New limits hold for everybody, those that are in already included.
    async fn adopt(&self, config: Arc<Config>) {
        self.gate.set_per_address(config.admission.max_per_address);
        self.router.set_max_users(max_users(&config));
        for mail in &self.mail {
            // A worker that is gone is found out elsewhere.
            let _ = mail.send(WorkerMessage::UpdateConfig(Arc::clone(&config))).await;
        }
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
            let _ = mail.send(WorkerMessage::Drain(deadline)).await;
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

fn max_users(config: &Config) -> usize {
    config.admission.max_users.map_or(usize::MAX, std::num::NonZeroUsize::get)
}

/// How many connections the descriptors allow; raises the soft limit to the hard one.
fn room() -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(RESERVED_DESCRIPTORS).max(16)
}
