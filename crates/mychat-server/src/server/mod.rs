//! The server as a whole: bind, run, stop.

mod handle;
mod signals;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::metrics::Metrics;
use crate::net::listen::{self, BindError};
use crate::worker::{CHANNEL_CAPACITY, PoolError, WorkerMessage, WorkerPool};

pub use handle::ServerHandle;
pub(crate) use signals::{SignalAction, Signals};

/// A server whose ports are open and that accepts no connections yet.
#[derive(Debug)]
pub struct Server {
    config: Arc<Config>,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    metrics: Arc<Metrics>,
    /// The channels of the workers, by number.
    channels: Vec<mpsc::Sender<WorkerMessage>>,
    receivers: Vec<mpsc::Receiver<WorkerMessage>>,
    /// The present configuration, which handles replace.
    current_config: watch::Sender<Arc<Config>>,
}

/// A failure of a running server.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A thread or its poller could not be created, or a poller failed.
    #[error("cannot start a worker")]
    Start(#[source] io::Error),
    /// The worker ended without being told to, which is a bug.
    #[error("worker {0} failed")]
    Worker(usize),
    /// The worker did not end in time.
    #[error("worker {0} did not stop in time")]
    Stuck(usize),
}

impl From<PoolError> for RunError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Start(error) => Self::Start(error),
            PoolError::Failed(worker) => Self::Worker(worker),
            PoolError::Stuck(worker) => Self::Stuck(worker),
        }
    }
}

impl Server {
    /// Opens all ports of the configuration, in its order.
    ///
    /// # Errors
    /// An address does not resolve, or a port cannot be opened.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for address in &config.listen {
            for listener in listen::bind(address, config.socket).await? {
                let local = listener.local_addr();
                addresses.push(local.map_err(|source| BindError::Listen { address: address.clone(), source })?);
                listeners.push(listener);
            }
        }
        let (channels, receivers) = (0..config.workers.get()).map(|_| mpsc::channel(CHANNEL_CAPACITY)).unzip();
        let config = Arc::new(config);
        let current_config = watch::Sender::new(Arc::clone(&config));
        Ok(Self { config, listeners, addresses, metrics: Arc::default(), channels, receivers, current_config })
    }

    /// Returns the addresses that the server listens on, with their real ports, in the order of the configuration.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the counters of the server. They stay readable after it has stopped.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Returns a handle that changes and checks the running server.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(&self.channels, self.current_config.clone())
    }

    /// Serves until `shutdown` is ready. Then the server stops in four steps: it closes its ports; it ends every session
    /// with an `ERROR` reply; it writes what waits; and at `--shutdown-timeout` it closes the connections that are left.
    ///
    /// # Errors
    /// A worker could not be started, failed, or did not stop in time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut current_config = self.current_config.subscribe();
        let listeners = self.listeners.into_iter().map(TcpListener::into_std).collect::<io::Result<Vec<_>>>();
        let listeners = listeners.map_err(RunError::Start)?;
        let mut pool = WorkerPool::start(self.config, listeners, self.metrics, self.channels, self.receivers)?;
        // Kept alive, so that handles can change the configuration.
        let _sender = self.current_config;
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                failed = pool.first_failure() => return Err(failed.into()),
                Ok(()) = current_config.changed() => {
                    let config = Arc::clone(&current_config.borrow_and_update());
                    pool.update_config(config).await;
                }
            }
        }
        let timeout = current_config.borrow().shutdown_timeout;
        Ok(pool.stop(timeout).await?)
    }
}
