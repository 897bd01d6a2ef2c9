//! One session of one user: when it began and ended, how it ended, what it received.

use std::ops::Range;

use crate::plan::RunTime;
use crate::record::inbox::Inbox;
use mychat_scenario::model::Leave;

/// One session of one user, from login request to the end of its connection.
#[derive(Debug)]
pub struct UserSession {
    /// Index of the user.
    pub user: u32,
    /// Time of the login request: from then on the user may receive messages.
    pub asked: RunTime,
    /// Time at which the welcome arrived: from then on the user must receive messages.
    pub online: RunTime,
    /// Time at which the user began to leave: from then on it may receive messages.
    pub leaving: Option<RunTime>,
    /// Time at which the connection ended.
    pub ended: Option<RunTime>,
    /// How the session ended.
    pub end: SessionEnd,
    /// Sequence numbers of the messages sent in this session.
    pub sequences: Range<u32>,
    /// What it received.
    pub inbox: Inbox,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// It lasted to the end of the run.
    Stayed,
    /// The user left.
    Left(Leave),
    /// The server closed the connection of a user that had done nothing wrong.
    Closed,
    /// The server closed the connection after the user had sent something forbidden.
    Provoked,
}

impl SessionEnd {
    /// Returns true if the last messages of the user may have been dropped with its connection.
    pub const fn may_drop_last_messages(self) -> bool {
        matches!(self, Self::Left(Leave::Rst) | Self::Closed | Self::Provoked)
    }
}
