//! The connections of one case, and the record of everything on them.
//!
//! Layers, each built on those before it: `failure`, `outcome`, `transcript` and `wire_log` (plain data), `malformed`, `login_reply`
//! and `monitor` (checks of single frames), `pace`, `connection`, `env`, `context`, and on top of a context `fence`, `liveness`
//! and `extensions`.

pub(crate) mod connection;
pub(crate) mod context;
mod env;
mod extensions;
mod fence;
mod join;
pub(crate) mod failure;
pub(crate) mod liveness;
pub(crate) mod login_reply;
pub(crate) mod malformed;
pub(crate) mod monitor;
pub(crate) mod outcome;
pub(crate) mod pace;
pub(crate) mod transcript;
pub(crate) mod wire_log;

pub use env::{FirstContact, TestEnv};
pub use extensions::AnnouncedExtensions;
pub use join::join_all;
