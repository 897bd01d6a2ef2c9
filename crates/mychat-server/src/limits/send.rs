//! The limits for users that do not read (rule M6).

use std::time::Duration;

use super::memory::MAX_SEND_TOTAL;

/// The limits above which a user that does not read is disconnected (rule M6). All of them apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimit {
    /// Bytes that may wait for one user, in addition to those that the kernel has taken.
    pub queue: usize,
    /// Bytes that may wait for all users together. Once half of that waits, no user may have more than an equal share of
    /// the other half. The default of the program depends on the available memory.
    pub total: usize,
    /// The time that output may wait while the socket takes no byte of it.
    pub timeout: Duration,
}

impl SendLimit {
    /// Returns the limit for one of `workers` workers, which share the users.
    #[must_use]
    pub(crate) const fn share_of_one(self, workers: usize) -> Self {
        Self { total: self.total / workers, ..self }
    }

    /// Returns true if `waiting` bytes are too many for one of `users` users while `all` bytes wait for all of them.
    pub(crate) const fn is_exceeded(&self, waiting: usize, users: usize, all: u64) -> bool {
        waiting > self.queue || (all > self.total as u64 / 2 && waiting > self.total / 2 / users)
    }
}

impl Default for SendLimit {
    fn default() -> Self {
        Self { queue: 1024 * 1024, total: MAX_SEND_TOTAL, timeout: Duration::from_secs(10) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m6_once_half_of_the_total_waits_each_user_has_an_equal_share() {
        let limit = SendLimit { queue: 100, total: 2000, ..SendLimit::default() };
        assert!(limit.is_exceeded(101, 1, 0) && !limit.is_exceeded(100, 50, 1000));
        assert!(limit.is_exceeded(21, 50, 1001) && !limit.is_exceeded(20, 50, 1001));
        assert!(limit.share_of_one(2).is_exceeded(21, 25, 501));
    }
}
