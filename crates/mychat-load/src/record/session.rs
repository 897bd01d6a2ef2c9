//! One session of one user: when it began and ended, how it ended, what it received.

use std::ops::Range;

use crate::plan::{RunTime, UserId};
use crate::record::inbox::UserInbox;
use crate::record::room_stay::RoomStay;
use mychat_scenario::model::Leave;

/// One session of one user, from login request to the end of its connection.
#[derive(Debug)]
pub struct UserSession {
    /// The user.
    pub user: UserId,
    /// Time of the login request: from then on the user may receive messages.
    pub requested_at: RunTime,
    /// Time at which the welcome arrived: from then on the user must receive messages.
    pub online_at: RunTime,
    /// Time at which the user began to leave: from then on it may receive messages.
    pub leaving_at: Option<RunTime>,
    /// Time at which the connection ended.
    pub ended_at: Option<RunTime>,
    /// The manner of its end.
    pub end: UserSessionEnd,
    /// Sequence numbers of the messages sent in this session.
    pub sequences: Range<u32>,
    /// Its stays in chat rooms, in the order of their beginning.
    pub rooms: Vec<RoomStay>,
    /// The messages that it received.
    pub inbox: UserInbox,
}

/// The end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSessionEnd {
    /// It lasted to the end of the run.
    Stayed,
    /// The user left.
    Left(Leave),
    /// The server closed the connection of a user that had done nothing wrong.
    Closed,
    /// The server closed the connection after the user had sent something forbidden.
    Provoked,
}

impl UserSessionEnd {
    /// Returns true if the last messages of the user may have been dropped with its connection.
    pub const fn may_drop_last_messages(self) -> bool {
        matches!(self, Self::Left(Leave::Rst) | Self::Closed | Self::Provoked)
    }
}
