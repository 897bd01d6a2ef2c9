//! Connections that this machine could not make, whatever the server does.

/// Failed connections of the generator, with the first reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LocalFailures {
    /// Number of connections that could not be made.
    pub count: u64,
    /// The limit of this machine that the first one met.
    pub reason: &'static str,
}

impl LocalFailures {
    /// Counts a failed connection.
    pub fn add(&mut self, reason: &'static str) {
        self.merge(Self { count: 1, reason });
    }

    /// Adds the failures of another worker.
    pub fn merge(&mut self, other: Self) {
        if self.count == 0 {
            self.reason = other.reason;
        }
        self.count += other.count;
    }
}
