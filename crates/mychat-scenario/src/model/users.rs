//! Groups of users: their names, rates, actions, sessions, read policies and ways to leave.

use std::time::Duration;

use serde::Serialize;

use super::{Action, Rooms, Span, Weighted};

/// Users that behave alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Its name in the file.
    pub name: String,
    /// The number of users, at least 1.
    pub count: u32,
    /// The pattern of the users' names.
    pub name_pattern: NamePattern,
    /// Connections per second while the group joins.
    pub join: f64,
    /// The schedule of the users' actions.
    pub pace: Pace,
    /// Actions with their weights; empty for users that only read.
    pub actions: Vec<Weighted>,
    /// The rooms that the users join after each login; `None`: they do not use rooms.
    pub rooms: Option<Rooms>,
    /// The time until a user leaves and comes back; `None`: it stays to the end.
    pub session: Option<Span<Duration>>,
    /// Ways to leave: one is drawn each time, in the proportion in which they are listed.
    pub leave: Vec<Leave>,
    /// The read policy.
    pub read: ReadPolicy,
    /// True if errors of these users are expected and do not count against the server.
    pub hostile: bool,
}

impl Group {
    /// Returns true if its users may leave and come back: by their plan, or because a server may close their connections
    /// for the frames that they send.
    pub fn may_come_back(&self) -> bool {
        let provokes = |action: &Action| match action {
            Action::Oversize { .. } | Action::Garbage { .. } => !self.hostile,
            Action::Reconnect { .. } => true,
            Action::Frame { gets, .. } => !gets.is_empty() && !self.hostile,
            _ => false,
        };
        self.session.is_some() || self.actions.iter().any(|weighted| provokes(&weighted.action))
    }
}

/// A user's name: text with places for the group's name and the user's number in it, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamePattern {
    /// The pieces in order.
    pub pieces: Vec<NamePiece>,
}

/// A piece of a [`NamePattern`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum NamePiece {
    /// Itself.
    Text(String),
    /// `{group}`.
    Group,
    /// `{n}`, or `{n:04}` with leading zeros up to a width.
    Number {
        /// Digits at least; 0 for as many as it takes.
        width: usize,
    },
}

impl NamePattern {
    /// The name of user `number` (from 1) of a group.
    pub fn name(&self, group: &str, number: u32) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                NamePiece::Text(text) => text.clone(),
                NamePiece::Group => group.to_owned(),
                NamePiece::Number { width } => format!("{number:0width$}"),
            })
            .collect()
    }
}

/// The schedule of a user's actions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Pace {
    /// Never: they only read.
    Silent,
    /// Open loop: by a schedule that does not wait for the server.
    Open {
        /// The rate at 100 %.
        rate: Rate,
        /// The distribution of the times.
        arrivals: Arrivals,
    },
    /// Closed loop: this long after the last action of their own was delivered or answered, or timed out.
    Closed {
        /// The pause.
        think: Span<Duration>,
    },
}

/// Actions per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Rate {
    /// Of the whole group.
    Group(f64),
    /// Of each user.
    Each(f64),
}

impl Rate {
    /// Actions per second of one of `count` users.
    pub fn per_user(self, count: u32) -> f64 {
        match self {
            Rate::Group(rate) => rate / f64::from(count),
            Rate::Each(rate) => rate,
        }
    }
}

/// The distribution of scheduled times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Independent of each other.
    #[default]
    Poisson,
    /// Equally far apart.
    Even,
}

/// A way to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Leave {
    /// `DISCONNECT`, then the server closes.
    Disconnect,
    /// The socket is closed in order.
    Fin,
    /// The connection is reset.
    Rst,
}

/// A read policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum ReadPolicy {
    /// As fast as it can.
    #[default]
    Fast,
    /// A limit in bytes per second.
    Rate(u64),
    /// Stops for `pause`, every `every`.
    Pauses {
        /// The length of the break.
        pause: Duration,
        /// From one stop to the next.
        every: Duration,
    },
    /// Not at all.
    Never,
}
