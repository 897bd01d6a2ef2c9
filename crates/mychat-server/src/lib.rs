//! The MyChat reference server.
//!
//! ```text
//! bytes ─► frame ─► command ─► action ─► router ─► outbox ─► bytes
//!          └── mychat-proto ──┘ state     who       log, cursor
//! ```
//!
//! One thread per worker owns its users outright: their sockets are entries in a slab, not tasks. What is said during
//! one turn of its loop is collected and written at the turn's end, one write per user, because a write costs the same
//! whatever it carries. Workers share one [`router`], which decides who has a name and in which order broadcasts are.
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
//! Reading order: [`config`], [`session::state`] (the rules of a session), [`router`], [`outbox`]
//! and [`session::framing`] (peers without line feeds), all without I/O; then [`net::poller`], [`session`] and [`worker`]
//! around them, and [`net::acceptor`], [`server`], [`cli`] on top.

pub mod cli;
pub mod config;
pub mod error_reply;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod net;
pub mod notify;
pub mod outbox;
pub mod program;
pub mod router;
pub mod server;
pub mod session;
pub mod settings;
pub mod units;
pub mod worker;

pub use cli::Args;
pub use config::Config;
pub use metrics::{Counter, EndReason, Metrics};
pub use net::listen::BindError;
pub use program::main_with;
pub use server::handle::ServerHandle;
pub use server::{RunError, Server};
pub use session::framing::FramingChoice;
