//! Runs a plan against a server: virtual users on worker threads, and what they observed.
//!
//! ```text
//! coordinator ─► net (a thread and its sockets) ─► worker ─► send, receive ─► recording, user
//!  phases,        turns, timers, transport          timers,    frames           samples,
//!  results                                          sessions                    state
//! ```
//!
//! Each module uses only those to its right, and [`shared`]. [`worker`] knows neither sockets nor the system's clock: those
//! are behind [`wire::Wire`] and [`clock::Clock`], and [`coordinator::WorkerSet`] does the same for the phases of a run.

pub mod arrival_clock;
pub mod clock;
mod connection;
pub mod coordinator;
mod net;
pub mod observations;
mod receive;
mod recording;
mod send;
pub mod shared;
mod timer_queue;
mod user;
pub mod verbatim;
pub mod wire;
pub mod worker;
