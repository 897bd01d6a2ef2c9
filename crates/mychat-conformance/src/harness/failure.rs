//! The reasons why a case did not pass, with the evidence that the diagnosis needs.

/// The reason why a case did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaseFailure {
    /// The server did something else than the check demands.
    Fail {
        /// The behaviour that the check demands.
        want: String,
        /// The behaviour that was seen.
        got: String,
        /// Facts about the failure, the most telling first.
        evidence: Vec<Evidence>,
    },
    /// The case did not get as far as the rule that it checks.
    Inconclusive(String),
    /// The server did not work when the check began, so that nothing is known about the rule.
    ControlFailed(Control),
    /// The check does not apply to this server or this run.
    Skipped(String),
}

/// An ability of a working server, which a check relies on when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Control {
    /// Users connect. `connected` of `wanted` users could.
    Login { connected: usize, wanted: usize },
    /// A private message arrives.
    Message,
    /// A broadcast arrives.
    Broadcast,
    /// A user joins a chat room.
    Room,
}

impl Control {
    /// Describes the failure on a server that never had this ability, with the check that judges it.
    pub(crate) fn never_worked(self) -> String {
        match self {
            Self::Login { connected: 0, .. } => {
                "users cannot connect, so nothing is known (see conn.ack-ok)".to_owned()
            }
            Self::Login { connected, wanted } => {
                format!("only {connected} of {wanted} users can connect, so nothing is known (see conn.race-distinct)")
            }
            Self::Message => "private messages do not arrive, so nothing is known (see msg.deliver)".to_owned(),
            Self::Broadcast => "broadcasts do not arrive, so nothing is known (see bcast.sender)".to_owned(),
            Self::Room => "users cannot join a room, so nothing is known (see room.join)".to_owned(),
        }
    }

    /// Describes the failure on a server that had this ability up to the check `since`.
    pub(crate) fn lost(self, since: &str) -> String {
        format!("already broken since {since}: {}", self.loss())
    }

    /// Describes the loss of this ability.
    pub(crate) const fn loss(self) -> &'static str {
        match self {
            Self::Login { .. } => "users can no longer connect",
            Self::Message => "private messages no longer arrive",
            Self::Broadcast => "broadcasts no longer arrive",
            Self::Room => "users can no longer join a room",
        }
    }
}

/// The result of one step, or of all steps of a case.
pub(crate) type StepResult = Result<(), CaseFailure>;

/// A fact about a failure that the transcript alone does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A frame arrived where the step expected another one, or none.
    UnexpectedFrame {
        /// The actor who received it.
        actor: String,
        /// The frame without its terminator.
        frame: Vec<u8>,
    },
    /// A step that waited for certain frames got another one.
    WrongReply {
        /// The actor who waited.
        actor: String,
        /// The frame that arrived; empty if the server closed the connection.
        frame: Vec<u8>,
        /// The patterns of the frames that would have been right.
        expected: Vec<String>,
    },
    /// The expected frame arrived after another frame that was sent later.
    Overtaken,
    /// None of the expected frames arrived.
    NoReply {
        /// The actor who waited.
        actor: String,
        /// The patterns of the frames that would have been right.
        expected: Vec<String>,
    },
    /// `CONNECT` was not answered by `CONNECT_ACK|OK`.
    LoginFailed {
        /// True if not one byte arrived on the connection.
        is_silent: bool,
        /// True if the server closed the connection.
        is_closed: bool,
        /// The frames that arrived on it.
        frames: Vec<Vec<u8>>,
        /// The bytes of each write on it.
        sent: Vec<Vec<u8>>,
    },
    /// The server did not close a connection that it has to close.
    NotClosed,
    /// The server closed a connection that has to stay open.
    ClosedUnexpectedly {
        /// The actor whose connection it was.
        actor: String,
    },
    /// A list did not name the right users, or none came.
    WrongList(ListEvidence),
    /// A list is not written as names with commas between them.
    MalformedList,
    /// A list arrived before the reply to `CONNECT`.
    ListBeforeReply {
        /// The name that the connection requested; empty if it requested none.
        own: String,
        /// The first list that arrived.
        list: String,
    },
    /// A list arrived on a connection that did not log in.
    ListWithoutLogin {
        /// The first list that arrived.
        first: String,
    },
    /// Some of several users who connected at the same time were refused.
    SimultaneousLoginsRefused {
        /// The number of users who got `CONNECT_ACK|OK`.
        accepted: usize,
    },
    /// No message was delivered any more while one client did not read.
    DeliveryBlocked,
    /// A client that read again got parts of messages.
    PartialMessages,
    /// Every user got the same message, which no user had sent.
    MessageFromNobody,
    /// A message was neither delivered nor answered by an error.
    MessageLost,
}

/// The facts about a wrong list. Names are those on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListEvidence {
    /// The actor who received it.
    pub(crate) actor: String,
    /// The last list, names separated by commas.
    pub(crate) list: Option<String>,
    /// The number of list frames that arrived.
    pub(crate) received: usize,
    /// The number of list frames that had arrived when somebody last left.
    pub(crate) stale: usize,
    /// The names of this case that the list must have, and no others.
    pub(crate) exactly: Option<Vec<String>>,
    /// The names that the list must have.
    pub(crate) with: Vec<String>,
    /// The names that the list must not have.
    pub(crate) without: Vec<String>,
    /// True if only users of this case can be on the server.
    pub(crate) is_alone: bool,
}

impl CaseFailure {
    /// Returns a failure without evidence.
    pub(crate) fn fail(want: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Fail { want: want.into(), got: got.into(), evidence: Vec::new() }
    }

    /// Returns the outcome of a step whose connection could not be made. A limit of this machine is not the server's fault.
    pub(crate) fn no_connection(error: &std::io::Error) -> Self {
        Self::Inconclusive(match mychat_target::local_limit(error) {
            Some(limit) => format!("{limit} ({error})"),
            None => format!("the server takes no connection: {error}"),
        })
    }

    /// Adds a fact to a failure. Changes nothing in the other variants.
    #[must_use]
    pub(crate) fn with(mut self, fact: Evidence) -> Self {
        if let Self::Fail { evidence, .. } = &mut self {
            evidence.push(fact);
        }
        self
    }

    /// Returns the evidence of a failure; none in the other variants.
    pub(crate) fn evidence(&self) -> &[Evidence] {
        if let Self::Fail { evidence, .. } = self { evidence } else { &[] }
    }

    /// Turns the failure of a step that only prepares the check into a failed control.
    #[must_use]
    pub(crate) fn in_control(self, control: Control) -> Self {
        match self {
            Self::Fail { .. } | Self::Inconclusive(_) => Self::ControlFailed(control),
            Self::ControlFailed(_) | Self::Skipped(_) => self,
        }
    }

    /// Puts the evidence of an earlier failure before the own one: the first failure tells most about the cause.
    #[must_use]
    pub(crate) fn after(mut self, earlier: &Self) -> Self {
        if let Self::Fail { evidence, .. } = &mut self {
            evidence.splice(0..0, earlier.evidence().iter().cloned());
        }
        self
    }
}
