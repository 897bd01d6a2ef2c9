//! The counters over HTTP: `/metrics` in Prometheus's text format, and `/health`.
//!
//! This is the least of HTTP/1.1 that a scraper, a probe and `curl` need: one request a connection, no body.

mod text;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::{AbortHandle, JoinSet};

use crate::metrics::Metrics;
use crate::server::handle::ServerHandle;

pub use text::exposition;

/// Requests answered at one time; for a further one the oldest is given up.
const AT_ONCE: usize = 16;

/// Bytes that a request may have, its header included.
const REQUEST: usize = 8 * 1024;

/// Time for a request and its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time for all workers to take a turn; a server that needs longer is not healthy.
const TURN: Duration = Duration::from_secs(1);

/// Why the page cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("cannot show metrics on {address}")]
pub struct PageError {
    address: String,
    source: io::Error,
}

/// A page whose port is open.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    address: SocketAddr,
    source: Source,
}

/// What the page shows.
#[derive(Debug, Clone)]
struct Source {
    metrics: Arc<Metrics>,
    handle: ServerHandle,
}

impl Page {
    /// Opens the port.
    pub async fn bind(address: &str, metrics: Arc<Metrics>, handle: ServerHandle) -> Result<Self, PageError> {
        let fail = |source| PageError { address: address.to_owned(), source };
        let candidates: Vec<SocketAddr> = lookup_host(address).await.map_err(fail)?.collect();
        let listener = TcpListener::bind(&*candidates).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Self { listener, address, source: Source { metrics, handle } })
    }

    /// Where it is, with its real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows it until cancelled.
    pub async fn serve(self) -> Infallible {
        let (mut requests, mut ages) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
        loop {
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    let source = self.source.clone();
                    ages.push_back(requests.spawn(tokio::time::timeout(PATIENCE, answer(socket, source))));
                }
                // No descriptor, or a peer that is gone already.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            while requests.try_join_next().is_some() {}
            ages.retain(|request| !request.is_finished());
            if ages.len() > AT_ONCE {
                // An honest request takes no time: the oldest is of somebody who says nothing.
                ages.pop_front().inspect(AbortHandle::abort);
            }
        }
    }
}

async fn answer(mut socket: TcpStream, source: Source) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && !request.windows(2).any(|end| end == b"\n\n") {
        if request.len() > REQUEST || socket.read_buf(&mut request).await? == 0 {
            return reply(socket, "400 Bad Request", "bad request\n", true).await;
        }
    }
    let line = request.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let with_body = method != "HEAD";
    match (method, target.split('?').next().unwrap_or_default()) {
        ("GET" | "HEAD", "/metrics") => reply(socket, "200 OK", &exposition(&source.metrics), with_body).await,
        ("GET" | "HEAD", "/health") if source.handle.is_well(TURN).await => {
            reply(socket, "200 OK", "ok\n", with_body).await
        }
        ("GET" | "HEAD", "/health") => reply(socket, "503 Service Unavailable", "stuck or stopping\n", with_body).await,
        ("GET" | "HEAD", _) => reply(socket, "404 Not Found", "see /metrics and /health\n", with_body).await,
        _ => reply(socket, "405 Method Not Allowed", "only GET and HEAD\n", with_body).await,
    }
}

async fn reply(mut socket: TcpStream, status: &str, body: &str, with_body: bool) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    if with_body {
        socket.write_all(body.as_bytes()).await?;
    }
    socket.shutdown().await
}
