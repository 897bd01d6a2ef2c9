//! The identity of a session, on its worker and among all workers.

/// A session of one worker. Slab indices are reused; the generation tells a session from an earlier one with the same
/// index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey {
    /// The index in the worker's slab.
    pub index: u32,
    /// The number of the connection, unique among all open ones.
    pub generation: u32,
}

/// A session of any worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionAddress {
    /// The worker that owns the session.
    pub worker: u16,
    /// The session on that worker.
    pub key: SessionKey,
}
