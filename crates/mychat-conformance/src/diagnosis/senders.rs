//! Mistakes that deliver messages to the wrong user, or under the wrong name.

use super::{KnownMistake, Unexpected, mistake};
use crate::harness::failure::Evidence;
use crate::harness::malformed::is_placeholder;
use crate::harness::transcript::{ConnectionTranscript, FrameRecord, Transcript};

pub(super) const MISTAKES: &[KnownMistake] = &[
    mistake(
        "the sender's own copy of a broadcast has the wrong name: everybody gets BROADCAST|sender|text (see bcast.echo)",
        |transcript, evidence| {
            Delivery::of(transcript, evidence).is_some_and(|it| {
                it.command == b"BROADCAST" && it.is_own_text && it.is_broadcast && !it.is_sent_by(it.sender)
            })
        },
    ),
    mistake(
        "the sender of a private message gets a copy that looks as if the recipient had written it (see msg.deliver)",
        |transcript, evidence| {
            Delivery::of(transcript, evidence).is_some_and(|it| {
                it.is_message() && it.is_own_text && it.sender != it.own && it.is_addressed_to(it.sender)
            })
        },
    ),
    mistake(
        "a connection that has not logged in can write, and has no name yet: answer it with an error (see conn.before-message and conn.before-broadcast)",
        |transcript, evidence| {
            Delivery::of(transcript, evidence).is_some_and(|it| {
                let sender = String::from_utf8_lossy(it.sender);
                is_placeholder(&sender) && !it.is_sent_by(it.sender)
            })
        },
    ),
    mistake(
        "the connection takes a name that was refused: set the name only after you know that it is free (see conn.twice-taken and conn.fail-no-voice)",
        |transcript, evidence| {
            Delivery::of(transcript, evidence)
                .is_some_and(|it| it.has_requested_name() && it.was_refused() && !it.is_sent_by(it.sender))
        },
    ),
    mistake(
        "a broadcast is forwarded as a MESSAGE: everybody gets BROADCAST|sender|text (see bcast.sender)",
        |transcript, evidence| {
            Delivery::of(transcript, evidence)
                .is_some_and(|it| it.is_message() && it.is_broadcast && !it.is_addressed_to(it.own))
        },
    ),
    mistake(
        "the recipient's name stands where the sender's name belongs, or connections share the variable that holds the name (see msg.deliver)",
        |transcript, evidence| {
            Delivery::of(transcript, evidence)
                .is_some_and(|it| it.is_message() && it.sender == it.own && !it.is_sent_by(it.own))
        },
    ),
    mistake(
        "the sender's name is another user's: connections share the variable that holds it, or it is taken from the message",
        |transcript, evidence| {
            Delivery::of(transcript, evidence)
                .is_some_and(|it| !it.is_sent_by(it.sender) && transcript.named(it.sender).is_some())
        },
    ),
    mistake(
        "private messages go to other users than their recipient (see msg.only-recipient)",
        |transcript, evidence| {
            Delivery::of(transcript, evidence).is_some_and(|it| it.is_message() && !it.is_addressed_to(it.own))
        },
    ),
];

/// A delivered text with the connections that sent it.
struct Delivery<'a> {
    command: &'a [u8],
    sender: &'a [u8],
    /// The name of the user who received it.
    own: &'a [u8],
    /// The connections on which this text was sent.
    senders: Vec<&'a ConnectionTranscript>,
    /// The content with the pipe before it.
    text: Vec<u8>,
    /// True if it was sent by `BROADCAST`.
    is_broadcast: bool,
    /// True if the user who received it is one of its senders.
    is_own_text: bool,
}

impl<'a> Delivery<'a> {
    /// Returns `None` for other frames, for empty content, and for content that no actor sent.
    fn of(transcript: &'a Transcript, evidence: &'a Evidence) -> Option<Self> {
        let frame = Unexpected::message(evidence)?;
        let [command, sender, content] = frame.fields.as_slice() else { return None };
        let own = transcript.connection(frame.actor)?.name.as_deref()?.as_bytes();
        let text = [b"|", *content].concat();
        let senders: Vec<_> = transcript.connections.iter().filter(|conn| conn.has_sent(&text)).collect();
        if content.is_empty() || senders.is_empty() || own.is_empty() {
            return None;
        }
        let is_broadcast = senders.iter().any(|conn| conn.has_sent(&[b"BROADCAST", text.as_slice()].concat()));
        let is_own_text = senders.iter().any(|conn| conn.actor == frame.actor);
        Some(Self { command, sender, own, senders, text, is_broadcast, is_own_text })
    }

    fn is_message(&self) -> bool {
        self.command == b"MESSAGE"
    }

    /// Returns true if a sender of this text has this name.
    fn is_sent_by(&self, name: &[u8]) -> bool {
        self.senders.iter().any(|conn| conn.has_name(name))
    }

    /// Returns true if this text was sent to the user of this name.
    fn is_addressed_to(&self, name: &[u8]) -> bool {
        let frame = [b"MESSAGE|", name, &self.text].concat();
        self.senders.iter().any(|conn| conn.has_sent(&frame))
    }

    /// Returns true if the server refused a name that a sender of this text requested.
    fn was_refused(&self) -> bool {
        let is_refusal = |frame: &FrameRecord| frame.bytes == b"CONNECT_ACK|FAIL";
        self.senders.iter().any(|conn| conn.frames.iter().any(is_refusal))
    }

    /// Returns true if a sender of this text once requested the name that it arrived under.
    fn has_requested_name(&self) -> bool {
        let frame = [b"CONNECT|", self.sender].concat();
        self.senders.iter().any(|conn| conn.has_sent(&frame))
    }
}
