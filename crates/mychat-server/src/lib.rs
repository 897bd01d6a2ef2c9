//! The MyChat reference server: a chat room over TCP for tens of thousands of users.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mychat_server::{Config, Server};
//!
//! let server = Server::bind(Config { listen: vec!["127.0.0.1:0".into()], ..Config::default() }).await?;
//! println!("listening on {}", server.local_addrs()[0]);
//! server.run(async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Flow
//!
//! ```text
//! bytes ─► frame ─► command ─► action ─► batch ─► turn log, outbox ─► bytes
//!          └─ mychat-proto ─┘  session   router   outbox
//!                              state     exchange
//! ```
//!
//! The server runs one or more *workers*. A worker is a thread that owns its *sessions* (connections), which are entries
//! in a slab and not tasks. It waits for events in the kernel and then takes a *turn*: it reads all sessions that are
//! ready, and collects the frames that this causes. At the end of the turn it *flushes*, with one write per session. A
//! write costs about the same for one frame as for a hundred, so the server becomes more efficient the busier it is.
//!
//! All workers share one *router*. It has the *directory* of names and the *exchange*, which puts the *batches* of all
//! workers into one order, so that every user sees the broadcasts in the same order. While one core is enough, only
//! worker 0 has sessions and the exchange is bypassed.
//!
//! # Reading order
//!
//! | module | content |
//! |---|---|
//! | `config`, `settings`, `cli` | options, environment and file → `Config` |
//! | `session/state` | the rules of one session, as a pure function |
//! | `router` | names, batches, and their order over all workers |
//! | `rooms` | chat rooms: members, operators, modes, as a state machine over the common order |
//! | `outbox` | the bytes that wait for one session: turn log, queue, roster |
//! | `session`, `session/framing` | one connection; peers without line feeds |
//! | `limits`, `metrics` | connections, rates and memory; counters and their page |
//! | `net` | listeners, accepted sockets, the poller |
//! | `worker` | the turn, and the parts of a worker |
//! | `server`, `metrics_http`, `program` | bind, run, stop; metrics over HTTP; signals, service manager and exit codes |
//! | `health_check` | `mychat-server check`: asks a running server for an answer |
//!
//! The modules above `net` do no I/O of their own, except that a session reads and writes its socket.

mod cli;
pub mod config;
mod error_reply;
mod health_check;
mod limits;
mod log;
mod metrics;
mod metrics_http;
mod net;
mod notify;
mod outbox;
mod program;
mod rooms;
mod router;
mod server;
mod session;
mod settings;
mod worker;

pub use cli::{Args, ServerCli};
pub use config::{Config, ServerFraming};
pub use log::{Format, LogLevel};
pub use metrics::{Counter, EndReason, Metrics};
pub use metrics_http::{MetricsBindError, MetricsServer};
pub use net::listen::BindError;
pub use program::main_with;
pub use server::{RunError, Server, ServerHandle};

/// Internals for this crate's benchmarks, fuzz targets and tests. They may change at any time.
#[doc(hidden)]
pub mod internals {
    pub use crate::error_reply::ErrorReply;
    pub use crate::metrics::LocalCounts;
    pub use crate::outbox::{Outbox, TurnLog, WriteParts};
    pub use crate::router::{ClaimError, Directory, FrameKind, NameRegistration, SessionAddress, SessionKey};
    pub use crate::session::framing::{FRAME_GAP, FramingState};
    pub use crate::session::state::{SessionAction, SessionState};
}
