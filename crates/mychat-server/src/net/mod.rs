//! The server's contact with the kernel: listeners, accepted connections, and the poller that reports events.

pub(crate) mod acceptor;
pub(crate) mod listen;
pub(crate) mod poller;
