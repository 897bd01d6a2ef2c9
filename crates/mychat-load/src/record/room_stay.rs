//! The stay of a user in a chat room.

use crate::plan::{Addressee, RunTime};

/// One stay of a user in a room, from its `JOIN` to the echo of its `LEAVE` or the end of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomStay {
    /// The addressee of messages to the room.
    pub room: Addressee,
    /// Time of the `JOIN`: from then on the user may receive messages of the room.
    pub requested_at: RunTime,
    /// Time at which the echo of the `JOIN` arrived: from then on the user must receive them. `None` if it never arrived.
    pub joined_at: Option<RunTime>,
    /// Time of the `LEAVE`: from then on the user may receive them; `None` if the stay lasted to the end of the session.
    pub leaving_at: Option<RunTime>,
    /// Time at which the echo of the `LEAVE` arrived: from then on the user must not receive them.
    pub left_at: Option<RunTime>,
}

impl RoomStay {
    /// Returns the stay that a `JOIN` at `requested_at` begins.
    pub fn new(room: Addressee, requested_at: RunTime) -> Self {
        Self { room, requested_at, joined_at: None, leaving_at: None, left_at: None }
    }
}
