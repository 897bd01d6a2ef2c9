//! The worker threads: start, changes of the configuration, stop.

use std::future::Future as _;
use std::io;
use std::net::TcpListener as StdListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use mychat_os::ThreadWaker;
use tokio::sync::{mpsc, oneshot};

use super::connections::AcceptorSetup;
use super::{ServerShared, Worker, WorkerMessage, cpu_pressure};
use crate::config::{Config, Spread};
use crate::limits::{ConnectionLimiter, raise_connection_capacity};
use crate::metrics::Metrics;
use crate::net::poller::Poller;
use crate::router::{Router, SharedRouter};

/// The time that a worker has to end after the deadline of a stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A failure of the worker threads.
#[derive(Debug)]
pub(crate) enum PoolError {
    /// A thread or its poller could not be created, or a poller failed.
    Start(io::Error),
    /// The worker ended without being told to, which is a bug.
    Failed(usize),
    /// The worker did not end in time.
    Stuck(usize),
}

/// The worker threads. Dropping the pool drops their channels, which makes them end.
#[derive(Debug)]
pub(crate) struct WorkerPool {
    channels: Vec<mpsc::Sender<WorkerMessage>>,
    /// The results of the threads. A panic drops the sender, which is received as an error.
    finished: Vec<oneshot::Receiver<io::Result<()>>>,
    limiter: Arc<ConnectionLimiter>,
    router: SharedRouter,
}

impl WorkerPool {
    /// Starts one worker for each receiver. Worker 0 accepts the connections of `listeners`.
    pub(crate) fn start(
        config: Arc<Config>,
        listeners: Vec<StdListener>,
        metrics: Arc<Metrics>,
        channels: Vec<mpsc::Sender<WorkerMessage>>,
        receivers: Vec<mpsc::Receiver<WorkerMessage>>,
    ) -> Result<Self, PoolError> {
        let limiter = ConnectionLimiter::new(raise_connection_capacity(), config.admission.max_per_address);
        let starts_with_single_worker = config.spread == Spread::Busy && cpu_pressure::is_supported();
        let router = Arc::new(Router::new(channels.len(), starts_with_single_worker, max_users(&config)));
        let pollers = channels.iter().map(|_| Poller::new()).collect::<io::Result<Vec<_>>>();
        let (pollers, wakers): (Vec<Poller>, Vec<ThreadWaker>) = pollers.map_err(PoolError::Start)?.into_iter().unzip();
        let shared = ServerShared {
            config,
            router: Arc::clone(&router),
            metrics,
            throttle: Arc::default(),
            rate_debts: Arc::default(),
            wakers: wakers.into_iter().map(Arc::new).collect(),
        };
        let mut acceptor = Some(AcceptorSetup {
            listeners,
            limiter: Arc::clone(&limiter),
            other_workers: channels.iter().skip(1).map(mpsc::Sender::downgrade).collect(),
        });
        let mut pool = Self { channels, finished: Vec::new(), limiter, router };
        for (id, (messages, poller)) in receivers.into_iter().zip(pollers).enumerate() {
            let (done, finished) = oneshot::channel();
            let (shared, acceptor) = (shared.clone(), acceptor.take());
            std::thread::Builder::new()
                .name(format!("worker-{id}"))
                .spawn(move || done.send(Worker::run(shared, id as u16, poller, messages, acceptor)))
                .map_err(PoolError::Start)?;
            pool.finished.push(finished);
        }
        Ok(pool)
    }

    /// Applies new limits, also to the connections and users that exist already.
    pub(crate) async fn update_config(&self, config: Arc<Config>) {
        self.limiter.set_max_per_address(config.admission.max_per_address);
        self.router.set_max_users(max_users(&config));
        for channel in &self.channels {
            // An error means that the worker has ended, which `first_failure` reports.
            let _ = channel.send(WorkerMessage::UpdateConfig(Arc::clone(&config))).await;
        }
    }

    /// Waits for the first worker that ends without being told to.
    pub(crate) async fn first_failure(&mut self) -> PoolError {
        std::future::poll_fn(|context| {
            for (worker, finished) in self.finished.iter_mut().enumerate() {
                if let Poll::Ready(result) = Pin::new(finished).poll(context) {
                    return Poll::Ready(match result {
                        Ok(Err(error)) => PoolError::Start(error),
                        Ok(Ok(())) | Err(_) => PoolError::Failed(worker),
                    });
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Drains all workers and waits until they have ended, at most a second longer than `timeout`.
    pub(crate) async fn stop(self, timeout: Duration) -> Result<(), PoolError> {
        let deadline = Instant::now() + timeout;
        for channel in &self.channels {
            // An error means that the worker has ended, which is found below.
            let _ = channel.send(WorkerMessage::Drain(deadline)).await;
        }
        for (worker, finished) in self.finished.into_iter().enumerate() {
            match tokio::time::timeout_at((deadline + STOP_GRACE).into(), finished).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(_)) | Err(_)) => return Err(PoolError::Failed(worker)),
                Err(_) => return Err(PoolError::Stuck(worker)),
            }
        }
        Ok(())
    }
}

fn max_users(config: &Config) -> usize {
    config.admission.max_users.map_or(usize::MAX, std::num::NonZeroUsize::get)
}
