//! A reference server in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use mychat_server::{Config, Metrics, Server};
use tokio::sync::oneshot;

/// A reference server on a free port, in a thread of its own. It stops when it is dropped.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts one that listens on 127.0.0.1.
    pub fn start() -> Self {
        Self::listen("127.0.0.1:0")
    }

    /// Starts one that listens there.
    pub fn listen(address: &str) -> Self {
        Self::with(|config| config.listen = vec![address.to_owned()])
    }

    /// Starts one with some of its limits changed; on 127.0.0.1, unless that is changed too.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { listen: vec!["127.0.0.1:0".to_owned()], ..Config::default() };
        change(&mut config);
        let (told, started) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let server = Server::bind(config).await.expect("a free port");
                told.send((server.local_addrs()[0], server.metrics())).expect("the test waits for it");
                let stopped = async { drop(stopped.await) };
                server.run(stopped).await.expect("a server that runs to its end");
            });
        });
        let (address, metrics) = started.recv().expect("the server tells where it listens");
        Self { address, metrics, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself, which joining it shows.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the server did not panic");
            }
        }
    }
}
