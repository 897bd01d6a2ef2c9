//! A plan against a server: virtual users on worker threads, and what they saw.

mod act;
mod affinity;
mod backlog;
pub mod clock;
pub mod observations;
pub mod conduct;
mod connection;
mod desk;
mod dial;
mod hear;
mod pace;
pub mod shared;
pub mod spoken;
mod tcp;
mod thread;
mod turn;
mod user;
mod vigil;
mod waiting;
pub mod wire;
pub mod worker;
