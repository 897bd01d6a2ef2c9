//! What a client hears: [`Event`] and its parts.

use std::collections::HashSet;
use std::time::Duration;

use mychat_proto::{ErrorCode, Framing, ReplyError};

use crate::error::Loss;

/// One thing that happened. Names and texts are as they came: whoever shows them makes control characters harmless
/// (rule S5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A private message (§3.3.2).
    Message {
        /// Who wrote it.
        from: String,
        /// What.
        content: String,
    },
    /// A message to everybody (§3.3.3). One's own come back like everybody else's (rule M3).
    Broadcast {
        /// Who wrote it.
        from: String,
        /// What.
        content: String,
    },
    /// Who is there now (§3.2.6).
    Roster(Roster),
    /// The server said `ERROR`: an unknown recipient, for example (rule M2).
    Error(ServerError),
    /// A frame that makes no sense. It was skipped; the session goes on.
    Unreadable(ReplyError),
    /// The connection is lost, or an attempt to make it anew failed; the next attempt follows. Comes only where
    /// [`Options::reconnect`](crate::Options::reconnect) was asked for.
    Lost {
        /// Why.
        reason: Loss,
        /// Number of the attempt that follows, from 1.
        attempt: u32,
        /// Time until that attempt.
        retry_in: Duration,
    },
    /// The connection is there again, with the same name. A roster follows.
    Reconnected {
        /// The framing in use.
        framing: Framing,
    },
    /// The last event of all.
    Closed(Closed),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// This side left.
    Left,
    /// The connection was lost, and was not to be made anew or could not be.
    Lost(Loss),
}

/// An `ERROR` of the server's (§3.2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Code as it was sent: three digits here, any text from other servers.
    pub code: String,
    /// The server's words, for people.
    pub text: String,
}

impl ServerError {
    /// The code, if it is one of this project's.
    pub fn kind(&self) -> Option<ErrorCode> {
        ErrorCode::from_text(&self.code)
    }
}

/// Who is connected, and what changed since the last list. Lists are state (rule L3): somebody who came and left
/// between two of them appears in neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roster {
    /// Everybody, in the server's order.
    pub users: Vec<String>,
    /// Those who were not in the list before. Empty in the first list.
    pub joined: Vec<String>,
    /// Those who are not in the list any more.
    pub left: Vec<String>,
}

/// Compares each list with the one before.
#[derive(Debug, Default)]
pub(crate) struct RosterTracker {
    known: Option<Vec<String>>,
}

impl RosterTracker {
    pub(crate) fn update(&mut self, users: Vec<String>) -> Roster {
        let (joined, left) = match &self.known {
            None => (Vec::new(), Vec::new()),
            Some(known) => (missing(&users, known), missing(known, &users)),
        };
        self.known = Some(users.clone());
        Roster { users, joined, left }
    }
}

/// The names of `list` that are not in `other`.
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
    fn the_first_list_is_no_news_and_later_ones_say_who_came_and_went() {
        let mut tracker = RosterTracker::default();
        let first = tracker.update(names("Alice Bob"));
        assert_eq!((first.joined, first.left), (vec![], vec![]));
        let second = tracker.update(names("Bob Carla Dora"));
        assert_eq!((second.joined, second.left), (names("Carla Dora"), names("Alice")));
        let third = tracker.update(names("Dora Carla Bob"));
        assert_eq!((third.joined, third.left), (vec![], vec![]), "order is no news");
    }
}
