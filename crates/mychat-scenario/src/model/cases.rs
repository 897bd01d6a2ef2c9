//! Scripted cases, step by step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::procedures::Procedure;

/// A scripted case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// What it shows.
    pub title: String,
    /// Its id; by default made from the title.
    pub id: String,
    /// What a failure means.
    pub level: Level,
    /// Statements of the protocol's text (`T13`).
    pub spec: Vec<String>,
    /// Rules of this project's reading (`F5`).
    pub rule: Vec<String>,
    /// The likely mistake behind a failure.
    pub likely: Option<String>,
    /// Whether it takes seconds.
    pub slow: bool,
    /// What it takes to make sense.
    pub needs: Vec<Need>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The line in the file, from 1.
    pub line: usize,
}

impl Case {
    /// A case without steps.
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

/// What a case takes to make sense; where it is missing the case is skipped, with this reason.
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
}

/// What a failed case means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The protocol's own text is broken.
    #[default]
    Must,
    /// What any robust server does is not done.
    Should,
    /// A reading, recorded only.
    May,
}

/// One step of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Step {
    /// `connect`: (actor, the name it asks for when that is another actor's), each opened, connected and welcomed.
    Connect(Vec<(String, Option<String>)>),
    /// `open`: a socket, nothing said.
    Open(String),
    /// `send`: a frame per actor; the terminator is added.
    Send(Vec<(String, String)>),
    /// `bytes`: exactly these.
    Bytes {
        /// Who sends.
        actor: String,
        /// Text with `{hex:…}` and escapes.
        text: String,
        /// Bytes a piece; `None`: all at once.
        split: Option<usize>,
        /// Time between two pieces.
        every: Option<Duration>,
    },
    /// `gets`: the next frame, lists aside, matches one of the patterns.
    Gets(Vec<(String, Vec<String>)>),
    /// `list`: sooner or later the actor's list is so.
    List {
        /// Whose list.
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
    /// `repeat`.
    Repeat {
        /// How often.
        times: u32,
        /// What.
        steps: Vec<Step>,
    },
    /// `observe`: what these got since they were asked last is written down, whatever it is.
    Observe(Vec<String>),
    /// `first`: the very first frame of the connection, lists included.
    First(Vec<(String, Vec<String>)>),
    /// `no_list`: no list has come, proven by a fence.
    NoList(Vec<String>),
    /// `within_limit`: nothing that came is longer than a frame may be.
    WithinLimit(Vec<String>),
    /// `if_open` and `if_user`: the steps, where the actor's connection is still open, or the actor was let in.
    IfOpen {
        /// Whose connection.
        actor: String,
        /// Whether it must have been let in, too.
        as_user: bool,
        /// What.
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
    /// A procedure: what steps cannot say.
    Procedure(Procedure),
}

/// How an actor closes its connection.
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
