//! Sockets: listeners, accepted connections, and the poll that reports changes.

pub mod acceptor;
pub mod listen;
pub mod poller;
