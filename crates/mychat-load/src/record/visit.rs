//! One stay of one user: when it came and went, how it ended, what it received.

use std::ops::Range;

use crate::plan::Nanos;
use crate::record::inbox::Inbox;
use mychat_scenario::model::Leave;

/// One stay of one user. Times are nanoseconds since the run began.
#[derive(Debug)]
pub struct Visit {
    /// Index of the user.
    pub user: u32,
    /// When it asked for its name: from then on it may receive.
    pub asked: Nanos,
    /// When it was welcomed: from then on it must receive.
    pub online: Nanos,
    /// When it began to leave, if it did: from then on it may receive.
    pub leaving: Option<Nanos>,
    /// When its connection was over, if it was.
    pub ended: Option<Nanos>,
    /// How it ended.
    pub end: End,
    /// The sequence numbers of the messages that it sent.
    pub sequences: Range<u32>,
    /// What it received.
    pub inbox: Inbox,
}

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It lasted to the end of the run.
    Stayed,
    /// The user left.
    Left(Leave),
    /// The server closed the connection of a user that had done nothing wrong.
    Closed,
    /// The server closed the connection, and had a right to: the user had sent what is not allowed.
    Provoked,
}

impl End {
    /// Whether messages that the user sent last may have died with its connection.
    pub const fn may_drop_the_last(self) -> bool {
        matches!(self, Self::Left(Leave::Rst) | Self::Closed | Self::Provoked)
    }
}
