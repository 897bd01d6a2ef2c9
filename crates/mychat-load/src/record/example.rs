//! The first few violations of a run, kept whole so that a person can see what happened.

use mychat_proto::text::visible_line;
use serde::{Deserialize, Serialize};

/// Kinds of violation that a run reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// Never arrived.
    Lost,
    /// Arrived more than once.
    Duplicated,
    /// Arrived after one that was sent later.
    Reordered,
    /// Arrived at two users in different order than another message.
    Disordered,
    /// Arrived at a user it was not sent to.
    Misrouted,
    /// Arrived changed.
    Corrupted,
    /// The reply was not the required one.
    WrongReply,
    /// An ERROR frame without a cause.
    Error,
    /// The server ended the connection of a user that had done nothing wrong.
    Disconnect,
    /// The server did not let the user in.
    Refused,
    /// The user was online and missing in another user's final roster.
    #[serde(rename = "unlisted")]
    MissingInRoster,
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Kind of violation.
    pub kind: ViolationKind,
    /// Name of the sender, if known.
    pub sender: Option<String>,
    /// Name of the user that received it or should have.
    pub recipient: Option<String>,
    /// Sequence number of the message at its sender, from 0.
    pub sequence: Option<u32>,
    /// Description of what happened.
    pub what: String,
    /// The frames concerned, as received, with control bytes escaped.
    pub frames: Vec<String>,
}

/// Number of examples kept of each kind.
const KEPT: usize = 5;

/// The first few violations of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examples {
    kept: Vec<Example>,
}

impl Examples {
    /// Returns true if another example of this kind would be kept. Spares the caller the work of formatting one in vain.
    pub fn wants(&self, kind: ViolationKind) -> bool {
        self.kept.iter().filter(|example| example.kind == kind).count() < KEPT
    }

    /// Returns the first example of this kind about the user of this name, or else the first of this kind.
    pub fn about(&self, kind: ViolationKind, user: &str) -> Option<&Example> {
        let mut of_kind = self.kept.iter().filter(|example| example.kind == kind);
        of_kind.clone().find(|example| example.recipient.as_deref() == Some(user)).or_else(|| of_kind.next())
    }

    /// Adds an example unless there are enough of its kind.
    pub fn push(&mut self, example: Example) {
        if self.wants(example.kind) {
            self.kept.push(example);
        }
    }

    /// Adds the examples of another worker.
    pub fn merge(&mut self, other: Self) {
        for example in other.kept {
            self.push(example);
        }
    }

    /// Returns all examples, sorted by kind.
    pub fn into_sorted(mut self) -> Vec<Example> {
        self.kept.sort_by_key(|example| example.kind);
        self.kept
    }
}

/// Formats a frame as text with nothing hidden: invisible characters are escaped, and the middle of a long frame is replaced
/// by its length.
pub fn readable(frame: &[u8]) -> String {
    const SHOWN: usize = 160;
    let escaped = |bytes: &[u8]| visible_line(&String::from_utf8_lossy(bytes)).into_owned();
    if frame.len() <= SHOWN {
        return escaped(frame);
    }
    let (head, tail) = (&frame[..SHOWN - 20], &frame[frame.len() - 20..]);
    format!("{}…({} bytes in all)…{}", escaped(head), frame.len(), escaped(tail))
}
