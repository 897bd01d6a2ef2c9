//! Finds out how a server frames its messages, and which reading it takes where the protocol's text permits several.
//!
//! [`probe_framing`] decides the framing of every command. [`probe_mistakes`] adds findings for the reader of a report; it
//! changes no framing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mychat_proto::Framing;

use crate::harness::FirstContact;
use crate::harness::connection::FramingPair;
use mychat_scenario::model::FramingChoice;

mod dialogue;
mod framing;
mod mistakes;
pub mod profile;
mod reply_ending;

pub use mistakes::probe_mistakes;

/// The result of probing the framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramingProbe {
    /// The framing of each direction.
    pub framing: FramingPair,
    /// Its name: lf, crlf or raw.
    pub name: &'static str,
    /// True if the user chose the framing, so that nothing was probed.
    pub given: bool,
    /// True if the server takes a `CONNECT` without a line end for a whole message.
    pub answers_unterminated: bool,
    /// True if the server sends no line ends.
    pub omits_line_ends: bool,
    /// The bytes that end every reply in place of a line end, escaped.
    pub other_terminator: Option<String>,
    /// A description of the reply, for reports.
    pub description: String,
    /// The mistake that the first dialogue shows, if any.
    pub mistake: Option<Cow<'static, str>>,
    /// Everything that the server sent before the client sent anything.
    pub unasked: Vec<u8>,
    /// The time from a `CONNECT` to its `CONNECT_ACK`; none if there was none.
    reply_time: Option<Duration>,
}

impl From<&FramingProbe> for FirstContact {
    fn from(found: &FramingProbe) -> Self {
        Self {
            mistake: found.mistake.clone(),
            is_about_terminator: found.other_terminator.is_some(),
            has_other_answer: found.reply_time.is_none()
                && found.unasked.is_empty()
                && found.other_terminator.is_none(),
            answers_unterminated: found.answers_unterminated,
            unasked: found.unasked.clone(),
        }
    }
}

impl FramingProbe {
    /// Returns the result for a framing that the user chose.
    fn given(framing: Framing) -> Self {
        Self {
            given: true,
            framing: FramingPair { send: framing, receive: framing },
            description: "as asked for".to_owned(),
            ..Self::found(framing, String::new())
        }
    }

    /// Returns the result for a server that takes frames with this framing. The replies are in lines, or raw.
    fn found(send: Framing, description: String) -> Self {
        let receive = if send == Framing::Raw { Framing::Raw } else { Framing::Lf };
        Self {
            framing: FramingPair { send, receive },
            name: framing_name(send),
            given: false,
            answers_unterminated: false,
            omits_line_ends: false,
            other_terminator: None,
            description,
            mistake: None,
            unasked: Vec::new(),
            reply_time: None,
        }
    }
}

/// Returns the name of a framing, as in options and reports.
pub const fn framing_name(framing: Framing) -> &'static str {
    match framing {
        Framing::Lf => "lf",
        Framing::CrLf => "crlf",
        Framing::Raw => "raw",
    }
}

/// Probes the framing of a server, unless `choice` names one.
pub async fn probe_framing(target: SocketAddr, choice: FramingChoice, timeout: Duration, nonce: &str) -> FramingProbe {
    match choice {
        FramingChoice::Lf => FramingProbe::given(Framing::Lf),
        FramingChoice::CrLf => FramingProbe::given(Framing::CrLf),
        FramingChoice::Raw => FramingProbe::given(Framing::Raw),
        FramingChoice::Auto => framing::detect(target, timeout, nonce).await,
    }
}

/// A profile: the readings of a server, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Profile {
    /// The readings that apply.
    pub values: BTreeMap<String, String>,
    /// The keys that a profile file declares.
    pub declared: Vec<String>,
    /// Descriptions of the observed behaviour, by key.
    pub observed: BTreeMap<String, String>,
}
