//! The actions of users.

use std::time::Duration;

use serde::Serialize;

use super::{Leave, Span};

/// An action with its weight among the actions of its group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weighted {
    /// At least 1.
    pub weight: u32,
    /// The action.
    pub action: Action,
}

/// An action of a user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Action {
    /// `BROADCAST`.
    Broadcast {
        /// The content of the message.
        content: Content,
    },
    /// `MESSAGE`.
    Private {
        /// The recipient.
        to: To,
        /// The content of the message.
        content: Content,
    },
    /// A frame as it stands, and what is to come back for it.
    Frame {
        /// The frame.
        text: String,
        /// Patterns, one of which the next frame matches; empty: nothing comes back.
        gets: Vec<String>,
    },
    /// A frame that is too long: must be answered by an error, or the connection closed, and never be forwarded.
    Oversize {
        /// Bytes of the frame, without terminator; at least 1025.
        size: Span<u32>,
    },
    /// A second connection asks for a name in use: must be refused.
    DuplicateName {
        /// Index of the group whose names are asked for.
        of: usize,
    },
    /// A terminated frame that is not UTF-8: must be answered by an error, or the connection closed.
    Garbage {
        /// Bytes of the frame, without terminator; at least 1.
        size: Span<u32>,
    },
    /// The first half of a frame, a wait, and the rest.
    HalfFrame {
        /// The time between the two halves.
        stall: Duration,
    },
    /// Leaves and comes back under the same name.
    Reconnect {
        /// The way to close the connection.
        leave: Leave,
    },
    /// `SAY` to one of the rooms that the user is in, drawn each time.
    Say {
        /// The content of the message.
        content: Content,
    },
    /// `JOIN` of one of the group's rooms, unless the user is in as many as it may be.
    JoinRoom,
    /// `LEAVE` of one of the rooms that the user is in.
    LeaveRoom,
}

impl Action {
    /// All names of actions, as they stand in files.
    pub const NAMES: [&'static str; 11] = [
        "broadcast",
        "private",
        "frame",
        "oversize",
        "duplicate_name",
        "garbage",
        "half_frame",
        "reconnect",
        "say",
        "join_room",
        "leave_room",
    ];

    /// The name as it stands in a file, and in a selector.
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.kind()]
    }

    /// Index into [`Action::NAMES`].
    pub const fn kind(&self) -> usize {
        match self {
            Self::Broadcast { .. } => 0,
            Self::Private { .. } => 1,
            Self::Frame { .. } => 2,
            Self::Oversize { .. } => 3,
            Self::DuplicateName { .. } => 4,
            Self::Garbage { .. } => 5,
            Self::HalfFrame { .. } => 6,
            Self::Reconnect { .. } => 7,
            Self::Say { .. } => 8,
            Self::JoinRoom => 9,
            Self::LeaveRoom => 10,
        }
    }
}

/// The recipient of a private message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum To {
    /// One of this group (index), drawn each time; never the sender itself unless the group has no other.
    Group(usize),
    /// A name without a user: the server must answer `ERROR|404`.
    Nobody,
    /// The sender.
    Myself,
    /// The other of the two that the sender's group is paired into: the first with the second, the third with the fourth.
    Partner,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Bytes of content.
    pub size: Size,
    /// Words that the content starts with, after the stamp; the padding follows.
    pub text: Option<String>,
}

/// Bytes of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Size {
    /// In this span, at least the stamp.
    Bytes(Span<u32>),
    /// The size at which the forwarded frame has 1023 bytes: the longest frame that both readings of the limit allow.
    Max,
}
