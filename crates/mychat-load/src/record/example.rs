//! The first few violations of a run, kept whole so that a person can see what happened.

use serde::{Deserialize, Serialize};

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Never arrived.
    Lost,
    /// Arrived more than once.
    Duplicated,
    /// Arrived after one that was sent later.
    Reordered,
    /// Arrived at somebody it was not for.
    Misrouted,
    /// Arrived changed.
    Corrupted,
    /// Was answered otherwise than it must be.
    WrongReply,
    /// An error that nobody asked for.
    Error,
    /// The server ended the connection of a user that had done nothing wrong.
    Disconnect,
    /// The server did not let the user in.
    Refused,
    /// Was there, and missing in somebody's last list.
    Unlisted,
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What was broken.
    pub kind: Kind,
    /// Who sent it, where known.
    pub sender: Option<String>,
    /// Who got it, or should have.
    pub recipient: Option<String>,
    /// Which of the sender's messages, from 0.
    pub sequence: Option<u32>,
    /// What happened, in words.
    pub what: String,
    /// The frames concerned, as they were received, control bytes escaped.
    pub frames: Vec<String>,
}

/// How many are kept of each kind.
const KEPT: usize = 5;

/// The first few of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examples {
    kept: Vec<Example>,
}

impl Examples {
    /// Whether another one of this kind would be kept; asked before an example is drawn up.
    pub fn wants(&self, kind: Kind) -> bool {
        self.kept.iter().filter(|example| example.kind == kind).count() < KEPT
    }

    /// Keeps an example if there are not enough of its kind.
    pub fn push(&mut self, example: Example) {
        if self.wants(example.kind) {
            self.kept.push(example);
        }
    }

    /// Adds those of another worker.
    pub fn merge(&mut self, other: Self) {
        for example in other.kept {
            self.push(example);
        }
    }

    /// All of them, by kind.
    pub fn into_sorted(mut self) -> Vec<Example> {
        self.kept.sort_by_key(|example| example.kind);
        self.kept
    }
}

/// A frame as text in which nothing is hidden: control and other bytes that are not printable ASCII or UTF-8 text are
/// escaped, and the middle of a long frame is left out with its length.
pub fn readable(frame: &[u8]) -> String {
    const SHOWN: usize = 160;
    let escaped = |bytes: &[u8]| -> String {
        String::from_utf8_lossy(bytes)
            .chars()
            .flat_map(|c| -> Box<dyn Iterator<Item = char>> {
                if mychat_proto::name::is_invisible(c) {
                    Box::new(c.escape_default())
                } else {
                    Box::new(std::iter::once(c))
                }
            })
            .collect()
    };
    if frame.len() <= SHOWN {
        return escaped(frame);
    }
    let (head, tail) = (&frame[..SHOWN - 20], &frame[frame.len() - 20..]);
    format!("{}…({} bytes in all)…{}", escaped(head), frame.len(), escaped(tail))
}
