//! What a scenario file says, once every value in it is known to make sense. Plain data: nothing here reads YAML.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// A whole file: who, how much over time, what must hold, and scripted cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    /// The scenario's name, for reports.
    pub name: String,
    /// One sentence about it.
    pub about: Option<String>,
    /// `HOST:PORT` that the file asks for; `--target` and `--spawn` go before it.
    pub target: Option<String>,
    /// How frames end on the wire.
    pub framing: FramingChoice,
    /// The seed of everything drawn; where it is missing one is drawn and printed.
    pub seed: Option<u64>,
    /// Patience for an answer.
    pub timeout: Duration,
    /// How exactly deliveries are accounted for.
    pub verify: Verify,
    /// The groups of users, in the file's order.
    pub groups: Vec<Group>,
    /// The stages of the load, in order; each has a name that is unique in the file.
    pub stages: Vec<Stage>,
    /// Scripted cases, in order.
    pub cases: Vec<Case>,
    /// What must hold for the run to pass.
    pub expect: Vec<Condition>,
    /// What ends the run early, as failed.
    pub abort_if: Vec<Condition>,
}

/// How frames end on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FramingChoice {
    /// Find out by asking the server.
    #[default]
    Auto,
    /// LF.
    Lf,
    /// CR LF.
    CrLf,
    /// Nothing: a segment is a message.
    Raw,
}

/// How exactly deliveries are accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Every single one, per sender and recipient.
    #[default]
    Full,
    /// A count and a sum of hashes per recipient.
    Counts,
    /// Not at all.
    None,
}

/// Users that behave alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Its name in the file.
    pub name: String,
    /// How many users, at least 1.
    pub count: u32,
    /// What they are called.
    pub naming: NamePattern,
    /// Connections per second while the group joins.
    pub join: f64,
    /// When its users act.
    pub pace: Pace,
    /// What they do, with the weight of each; empty for users who only read.
    pub actions: Vec<Weighted>,
    /// How long a user stays before it leaves and comes back; `None`: to the end.
    pub session: Option<Span<Duration>>,
    /// How users leave: one of these is drawn each time, in the proportion in which they are listed.
    pub leave: Vec<Leave>,
    /// How fast they read.
    pub read: ReadPolicy,
    /// Whether their own troubles are to be expected, and do not count against the server.
    pub hostile: bool,
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

/// When users act.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Pace {
    /// Never: they only read.
    Silent,
    /// Open loop: by a schedule that does not wait for the server.
    Open {
        /// How often at 100 %.
        rate: Rate,
        /// How the times lie.
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

/// How scheduled times lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Independent of each other.
    #[default]
    Poisson,
    /// Equally far apart.
    Even,
}

/// A value, or a range of values to draw from uniformly, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span<T> {
    /// The lowest.
    pub from: T,
    /// The highest, not below `from`.
    pub to: T,
}

/// How a user leaves.
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

/// How fast a user reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum ReadPolicy {
    /// As fast as it can.
    #[default]
    Fast,
    /// So many bytes per second.
    Rate(u64),
    /// Stops for `pause`, every `every`.
    Pauses {
        /// How long it stops.
        pause: Duration,
        /// From one stop to the next.
        every: Duration,
    },
    /// Not at all.
    Never,
}

/// An action and how often it is drawn against the group's others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weighted {
    /// At least 1.
    pub weight: u32,
    /// The action.
    pub action: Action,
}

/// What a user does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Action {
    /// `BROADCAST`.
    Broadcast {
        /// What is sent.
        content: Content,
    },
    /// `MESSAGE`.
    Private {
        /// To whom.
        to: To,
        /// What is sent.
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
        /// How long it waits in the middle.
        stall: Duration,
    },
    /// Leaves and comes back under the same name.
    Reconnect {
        /// How it leaves.
        leave: Leave,
    },
}

impl Action {
    /// All names of actions, as they stand in files.
    pub const NAMES: [&'static str; 8] =
        ["broadcast", "private", "frame", "oversize", "duplicate_name", "garbage", "half_frame", "reconnect"];

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
        }
    }
}

/// To whom a private message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum To {
    /// One of this group (index), drawn each time; never the sender itself unless the group has no other.
    Group(usize),
    /// A name that nobody has: must be answered by `ERROR|404`.
    Nobody,
    /// The sender.
    Myself,
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
    /// So many that the forwarded frame has 1023 bytes: the longest that is legal under both readings of the limit.
    Max,
}

/// A stage of the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// Given, or `hold-1`, `ramp-1` and so on.
    pub name: String,
    /// Which kind.
    pub kind: StageKind,
    /// The rates at its start, in percent of the groups' own.
    pub from: f64,
    /// The rates at its end; they go there linearly.
    pub to: f64,
    /// How long it lasts (of a `find_max`: 0, the search decides).
    pub duration: Duration,
    /// Indices of the groups that act; `None`: all.
    pub only: Option<Vec<usize>>,
}

/// Kinds of stages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum StageKind {
    /// Verified, but kept out of the figures.
    Warmup,
    /// A constant rate.
    Hold,
    /// A rate that changes.
    Ramp,
    /// A constant rate far above the others.
    Spike,
    /// Nobody acts.
    Pause,
    /// Looks for the highest rate at which all expectations hold.
    FindMax(FindMax),
}

/// The parameters of a search for the highest rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindMax {
    /// Percent to start with.
    pub start: f64,
    /// Percent to stop at.
    pub max: f64,
    /// Factor from one probe to the next while it grows.
    pub grow: f64,
    /// Length of a probe.
    pub probe: Duration,
    /// Time before a probe that does not count.
    pub settle: Duration,
    /// Width of the answer, as a part of it.
    pub within: f64,
    /// Length of the probe that confirms the answer.
    pub confirm: Duration,
}

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

/// A procedure and its parameters, checked against the table of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Procedure {
    /// Which one.
    pub name: &'static str,
    /// Whole numbers.
    pub numbers: BTreeMap<&'static str, u64>,
    /// Words, frames and pieces of text.
    pub words: BTreeMap<&'static str, String>,
    /// Actors.
    pub actors: BTreeMap<&'static str, Vec<String>>,
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

/// One condition of `expect` or `abort_if`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// As it stands in the file.
    pub text: String,
    /// The line in the file, from 1.
    pub line: usize,
    /// What is measured.
    pub measure: Measure,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub value: Value,
    /// `for`: how long it must hold to count (`abort_if`).
    pub window: Option<Duration>,
}

/// A figure of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What.
    pub metric: Metric,
    /// Of which part of the run.
    pub selector: Selector,
    /// Which statistic; `Some` for latencies, `None` for counts (for `server.rss`, `server.cpu`: optional).
    pub stat: Option<Stat>,
}

/// Which part of the run; `None`: all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Selector {
    /// Index of a group.
    pub group: Option<usize>,
    /// Index into [`Action::NAMES`].
    pub action: Option<usize>,
    /// Index of a stage.
    pub stage: Option<usize>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "documented as a table in scenarios/README.md, from `Metric::describe`")]
pub enum Metric {
    Connect,
    Ack,
    Delivery,
    DeliveryFirst,
    DeliveryLast,
    DeliverySpread,
    Service,
    Lateness,
    Roster,
    Achieved,
    Sent,
    Delivered,
    Lost,
    Duplicated,
    Reordered,
    Misrouted,
    Corrupted,
    WrongReplies,
    Errors,
    Disconnects,
    CasesFailed,
    ServerRss,
    ServerCpu,
}

/// What kind of figure a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Microseconds; takes a statistic.
    Latency,
    /// How many.
    Count,
    /// A part of something, in percent.
    Percent,
    /// Bytes.
    Bytes,
}

impl Metric {
    /// All of them with their names in files.
    pub const ALL: [(&'static str, Self); 23] = [
        ("connect", Self::Connect),
        ("ack", Self::Ack),
        ("delivery", Self::Delivery),
        ("delivery.first", Self::DeliveryFirst),
        ("delivery.last", Self::DeliveryLast),
        ("delivery.spread", Self::DeliverySpread),
        ("service", Self::Service),
        ("lateness", Self::Lateness),
        ("roster", Self::Roster),
        ("achieved", Self::Achieved),
        ("sent", Self::Sent),
        ("delivered", Self::Delivered),
        ("lost", Self::Lost),
        ("duplicated", Self::Duplicated),
        ("reordered", Self::Reordered),
        ("misrouted", Self::Misrouted),
        ("corrupted", Self::Corrupted),
        ("wrong_replies", Self::WrongReplies),
        ("errors", Self::Errors),
        ("disconnects", Self::Disconnects),
        ("cases.failed", Self::CasesFailed),
        ("server.rss", Self::ServerRss),
        ("server.cpu", Self::ServerCpu),
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, metric)| *metric == self).map_or("", |(name, _)| name)
    }

    /// What kind of figure it is. `errors` counts frames, and may be compared in percent of what was sent as well.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Connect
            | Self::Ack
            | Self::Delivery
            | Self::DeliveryFirst
            | Self::DeliveryLast
            | Self::DeliverySpread
            | Self::Service
            | Self::Lateness
            | Self::Roster => Unit::Latency,
            Self::Achieved | Self::Errors | Self::ServerCpu => Unit::Percent,
            Self::ServerRss => Unit::Bytes,
            _ => Unit::Count,
        }
    }
}

/// A statistic of a latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Stat {
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
    Mean,
}

impl Stat {
    /// All of them with their names in files.
    pub const ALL: [(&'static str, Self); 7] = [
        ("p50", Self::P50),
        ("p90", Self::P90),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("p99.9", Self::P999),
        ("max", Self::Max),
        ("mean", Self::Mean),
    ];

    /// The quantile, where it is one.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            Self::Max | Self::Mean => None,
        }
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Op {
    Less,
    AtMost,
    Equal,
    NotEqual,
    AtLeast,
    More,
}

impl Op {
    /// All of them with their signs in files, longer ones first.
    pub const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::More),
    ];

    /// Whether `left OP right` holds.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => (left - right).abs() < f64::EPSILON,
            Self::NotEqual => (left - right).abs() >= f64::EPSILON,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// What a figure is compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Value {
    /// In the metric's unit: microseconds, a count, percent, bytes. For `errors` a bare number is a count
    /// ([`Value::Count`]).
    Number(f64),
    /// A count, for a metric whose unit is percent.
    Count(f64),
    /// So many times another figure of the same kind.
    Times(f64, Measure),
}
