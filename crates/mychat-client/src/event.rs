//! The events of a client: [`ClientEvent`] and its parts.

use std::collections::HashSet;
use std::time::Duration;

use mychat_proto::{ErrorCode, Framing, ReplyError};

use crate::error::DisconnectCause;
use crate::rooms::RoomUpdate;

/// An event of a connection. Names and texts are as received: a program must escape control characters before it shows
/// them (rule S5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// A private message (§3.3.2).
    Message {
        /// The sender's name.
        from: String,
        /// The text.
        content: String,
    },
    /// A message to all users (§3.3.3). A user's own broadcasts also arrive (rule M3).
    Broadcast {
        /// The sender's name.
        from: String,
        /// The text.
        content: String,
    },
    /// Something in or around chat rooms. Occurs only with [`ConnectOptions::rooms`](crate::ConnectOptions::rooms).
    Room(RoomUpdate),
    /// A new list of users (§3.2.6).
    Roster(RosterUpdate),
    /// An `ERROR` from the server, for example for an unknown recipient (rule M2).
    Error(ServerError),
    /// A frame that is not a valid reply. It was skipped, and the session continues.
    Unreadable(ReplyError),
    /// The connection was lost or an attempt to reconnect failed, and another attempt follows. Occurs only with
    /// [`ConnectOptions::reconnect`](crate::ConnectOptions::reconnect).
    Lost {
        /// The cause of the loss or of the failed attempt.
        reason: DisconnectCause,
        /// Number of the next attempt, starting at 1.
        attempt: u32,
        /// Time until the next attempt.
        retry_in: Duration,
    },
    /// The connection is established again with the same name. A roster follows.
    Reconnected {
        /// The framing in use.
        framing: Framing,
    },
    /// The last event of the connection.
    Closed(CloseReason),
}

/// The reason for which a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client disconnected.
    Left,
    /// The connection was lost, and reconnecting was not enabled or failed.
    Lost(DisconnectCause),
}

/// The parameters of an `ERROR` from the server (§3.2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The code as received: three digits in MyChat/1, any text from other servers.
    pub code: String,
    /// The server's description for people.
    pub text: String,
}

impl ServerError {
    /// Returns the code if MyChat/1 defines it.
    pub fn kind(&self) -> Option<ErrorCode> {
        ErrorCode::from_text(&self.code)
    }
}

/// The connected users and the changes since the last list. A list shows the current state (rule L3), so a user who
/// joins and leaves between two lists appears in neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RosterUpdate {
    /// All users, in the server's order.
    pub users: Vec<String>,
    /// Users who were not in the previous list. Empty for the first list.
    pub joined: Vec<String>,
    /// Users who were in the previous list and are not in this one.
    pub left: Vec<String>,
}

/// Compares each list of users with the previous one.
#[derive(Debug, Default)]
pub(crate) struct RosterTracker {
    known: Option<Vec<String>>,
}

impl RosterTracker {
    pub(crate) fn update(&mut self, users: Vec<String>) -> RosterUpdate {
        let (joined, left) = match &self.known {
            None => (Vec::new(), Vec::new()),
            Some(known) => (missing(&users, known), missing(known, &users)),
        };
        self.known = Some(users.clone());
        RosterUpdate { users, joined, left }
    }
}

/// Returns the names of `list` that are not in `other`.
fn missing(list: &[String], other: &[String]) -> Vec<String> {
    let other: HashSet<&str> = other.iter().map(String::as_str).collect();
    list.iter().filter(|name| !other.contains(name.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn lists_after_the_first_report_changes() {
        let mut tracker = RosterTracker::default();
        let first = tracker.update(names("Alice Bob"));
        assert_eq!((first.joined, first.left), (vec![], vec![]));
        let second = tracker.update(names("Bob Carla Dora"));
        assert_eq!((second.joined, second.left), (names("Carla Dora"), names("Alice")));
        let third = tracker.update(names("Dora Carla Bob"));
        assert_eq!((third.joined, third.left), (vec![], vec![]), "the order has no meaning");
    }
}
