//! Scripted cases, step by step.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::procedures::Procedure;

/// A scripted case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// The property that the case checks.
    pub title: String,
    /// Its id; by default made from the title.
    pub id: String,
    /// The severity of a failure.
    pub level: Level,
    /// Statements of the protocol's text (`T13`).
    pub spec: Vec<String>,
    /// Rules of this project's reading (`F5`).
    pub rule: Vec<String>,
    /// The likely mistake behind a failure.
    pub likely: Option<String>,
    /// True if the case takes seconds.
    pub slow: bool,
    /// Conditions without which the case is skipped.
    pub needs: Vec<Need>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The line in the file, from 1.
    pub line: usize,
}

impl Case {
    /// Returns true if the case is about frames of an extension (rules N1 to Q7), which are not those of MyChat/1.
    pub fn concerns_extensions(&self) -> bool {
        self.needs.contains(&Need::Rooms) || self.rule.iter().any(|rule| rule.starts_with(['N', 'Q']))
    }

    /// Returns a case without steps.
    pub fn untold(id: &str) -> Self {
        Self {
            title: id.to_owned(),
            id: id.to_owned(),
            level: Level::Must,
            spec: Vec::new(),
            rule: Vec::new(),
            likely: None,
            slow: false,
            needs: Vec::new(),
            steps: Vec::new(),
            line: 0,
        }
    }
}

/// A condition that a case needs; without it the case is skipped, and the report names the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// A framing with a terminator.
    Terminator,
    /// A server that this tool starts, so that it can be watched and started again.
    Spawn,
    /// A server on this machine: floods do not leave it unless asked for by name.
    Loopback,
    /// A framing without a terminator.
    Raw,
    /// A server that was just started, where this tool can start it: what it uses is counted.
    Fresh,
    /// A server that announces the extension `rooms`.
    Rooms,
}

/// The severity of a failed case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The server violates the text of the protocol.
    #[default]
    Must,
    /// The server lacks something that every robust server does.
    Should,
    /// An interpretation of the protocol, recorded only.
    May,
}

impl Level {
    /// All levels, the most severe first.
    pub const ALL: [Self; 3] = [Self::Must, Self::Should, Self::May];

    /// Returns the level as a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One step of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Step {
    /// `connect`: (actor, the name it asks for when that is another actor's), each opened, connected and welcomed.
    Connect(Vec<(String, Option<String>)>),
    /// `open`: a connection on which nothing is sent.
    Open(String),
    /// `send`: a frame per actor; the terminator is added.
    Send(Vec<(String, String)>),
    /// `bytes`: exactly these.
    Bytes {
        /// The sending actor.
        actor: String,
        /// Text with `{hex:…}` and escapes.
        text: String,
        /// Bytes per part; `None`: one write.
        split: Option<usize>,
        /// Time between two parts.
        every: Option<Duration>,
    },
    /// `gets`: the next frame, lists aside, matches one of the patterns.
    Gets(Vec<(String, Vec<String>)>),
    /// `list`: the actor's list reaches this state within the timeout.
    List {
        /// The actor whose list is checked.
        actor: String,
        /// Exactly these of the case's own names.
        is: Option<Vec<String>>,
        /// At least these.
        has: Vec<String>,
        /// None of these.
        lacks: Vec<String>,
    },
    /// `silence`: nothing but lists, proven by a fence.
    Silence(Vec<String>),
    /// `closed`: the server closes the connection.
    Closed(Vec<String>),
    /// `alive`: the connection still works.
    Alive(Vec<String>),
    /// `close`.
    Close(Vec<(String, CloseKind)>),
    /// `wait`.
    Wait(Duration),
    /// `together`: the steps start at the same time.
    Together(Vec<Step>),
    /// `control`: the steps show that the server works before the check begins.
    Control(Vec<Step>),
    /// `repeat`.
    Repeat {
        /// The number of repetitions.
        times: u32,
        /// The steps to run.
        steps: Vec<Step>,
    },
    /// `observe`: records all frames that these actors received since the last `observe`, without judging them.
    Observe(Vec<String>),
    /// `first`: the very first frame of the connection, lists included.
    First(Vec<(String, Vec<String>)>),
    /// `no_list`: no list has come, proven by a fence.
    NoList(Vec<String>),
    /// `within_limit`: nothing that came is longer than a frame may be.
    WithinLimit(Vec<String>),
    /// `if_open` and `if_user`: the steps, where the actor's connection is still open, or the actor was let in.
    IfOpen {
        /// The actor whose connection is checked.
        actor: String,
        /// True if the server must have accepted the actor's CONNECT as well.
        as_user: bool,
        /// The steps to run.
        steps: Vec<Step>,
    },
    /// `profile`: what a declared reading asks for, or else `otherwise`.
    Profile {
        /// The profile's key.
        key: String,
        /// Steps by declared value.
        is: Vec<(String, Vec<Step>)>,
        /// Steps where it is not declared.
        otherwise: Vec<Step>,
    },
    /// `room`: the members negotiate the extension `rooms` and join, in this order. It prepares a check and judges nothing.
    Room {
        /// The name of the room, with placeholders.
        name: String,
        /// The actors that join; the first one creates the room.
        members: Vec<String>,
    },
    /// `pages`: the next frames of the actor are the pages of one list with these names.
    Pages {
        /// The actor whose frames are checked.
        actor: String,
        /// The fields before the names, such as `MEMBERS|garden`.
        of: String,
        /// Exactly these names, with placeholders.
        is: Option<Vec<String>>,
        /// At least these.
        has: Vec<String>,
        /// None of these.
        lacks: Vec<String>,
    },
    /// A procedure: what steps cannot say.
    Procedure(Procedure),
}

/// A way to close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CloseKind {
    /// `DISCONNECT`.
    Disconnect,
    /// Both directions, in order.
    Fin,
    /// The sending direction alone.
    Half,
    /// Reset.
    Rst,
}
