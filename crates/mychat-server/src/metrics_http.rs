//! The counters over HTTP/1: `/metrics` in Prometheus's text format, and `/health`.
//!
//! Each connection serves one request, within limits on its size, its time and the number of connections.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::{AbortHandle, JoinSet};

use crate::metrics::Metrics;
use crate::metrics::exposition::exposition;
use crate::server::ServerHandle;

/// Connections open at one time; a further one closes the oldest.
const MAX_CONNECTIONS: usize = 16;

/// Bytes of a request line with its header; 8 KiB is the least that hyper allows.
const MAX_REQUEST: usize = 8 * 1024;

/// Time for a request and its response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for all workers to take a turn; a server that needs longer is not healthy.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// Media type of all responses.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// An error while opening the port of the metrics.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics on {address}")]
pub struct MetricsBindError {
    address: String,
    source: io::Error,
}

/// An HTTP server for metrics whose port is open.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
    resources: Resources,
}

/// The resources that the HTTP server offers.
#[derive(Debug, Clone)]
struct Resources {
    metrics: Arc<Metrics>,
    handle: ServerHandle,
}

impl MetricsServer {
    /// Opens the port. `address` is `HOST:PORT`.
    pub async fn bind(address: &str, metrics: Arc<Metrics>, handle: ServerHandle) -> Result<Self, MetricsBindError> {
        let fail = |source| MetricsBindError { address: address.to_owned(), source };
        let candidates: Vec<SocketAddr> = lookup_host(address).await.map_err(fail)?.collect();
        let listener = TcpListener::bind(&*candidates).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Self { listener, address, resources: Resources { metrics, handle } })
    }

    /// Returns the address, with the real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves requests until cancelled.
    pub async fn serve(self) -> Infallible {
        let (mut connections, mut by_age) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
        loop {
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    let serving = serve_one(socket, self.resources.clone());
                    by_age.push_back(connections.spawn(tokio::time::timeout(REQUEST_TIMEOUT, serving)));
                }
                // No descriptor is left, or the peer is gone already.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            while connections.try_join_next().is_some() {}
            by_age.retain(|connection| !connection.is_finished());
            if by_age.len() > MAX_CONNECTIONS {
                // An honest request takes milliseconds: the oldest peer is one that sends nothing.
                by_age.pop_front().inspect(AbortHandle::abort);
            }
        }
    }
}

/// Serves one request and closes the connection. hyper answers what is not HTTP with 400.
async fn serve_one(socket: TcpStream, resources: Resources) {
    let service = service_fn(|request: Request<Incoming>| {
        let resources = resources.clone();
        async move { Ok::<_, Infallible>(resources.respond(request.method(), request.uri()).await) }
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(MAX_REQUEST).auto_date_header(false).title_case_headers(true);
    // A peer that breaks off needs no answer.
    let _ = http.serve_connection(TokioIo::new(socket), service).await;
}

impl Resources {
    async fn respond(&self, method: &Method, uri: &Uri) -> Response<String> {
        let (status, body) = match uri.path() {
            _ if method != Method::GET && method != Method::HEAD => {
                (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned())
            }
            "/metrics" => (StatusCode::OK, exposition(&self.metrics)),
            "/health" if self.handle.is_well(TURN_TIMEOUT).await => (StatusCode::OK, "ok\n".to_owned()),
            "/health" => (StatusCode::SERVICE_UNAVAILABLE, "stuck or stopping\n".to_owned()),
            _ => (StatusCode::NOT_FOUND, "see /metrics and /health\n".to_owned()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
        response
    }
}
