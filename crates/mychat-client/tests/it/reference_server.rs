//! The reference server in this process, for tests of rooms.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use mychat_server::{Config, Server};
use tokio::sync::oneshot;

/// A reference server on a free port. Dropping it stops the server.
pub(crate) struct ReferenceServer {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ReferenceServer {
    pub(crate) fn start() -> Self {
        let config = Config { listen: vec!["127.0.0.1:0".to_owned()], ..Config::default() };
        let (give_addr, addr) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(config).await.unwrap();
                give_addr.send(server.local_addrs()[0]).unwrap();
                server.run(async { drop(stopped.await) }).await.unwrap();
            });
        });
        Self { addr: addr.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn addr(&self) -> String {
        self.addr.to_string()
    }
}

impl Drop for ReferenceServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the server did not panic");
        }
    }
}
