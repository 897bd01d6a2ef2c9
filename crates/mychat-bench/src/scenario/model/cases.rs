//! Scripted cases, step by step.

use std::time::Duration;

use serde::Serialize;

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
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The line in the file, from 1.
    pub line: usize,
}

/// What a failed case means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
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
