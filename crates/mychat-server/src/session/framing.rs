//! Peers without line feeds: how they are recognised, and how they are written to (rules R1 to R7).
//!
//! Inside the server every frame ends in LF, whoever it is for: outboxes, the turn's log and the list are the same bytes
//! for all. Content cannot hold one (rule R4), so what is written to a raw peer is cut out again:
//!
//! ```text
//!   outbox     CONNECT_ACK|OK⏎USER_LIST|ana,bob⏎BROADCAST|bob|hola⏎ …
//!              └─ a write ─┘  └─── a write ────┘ └─── a write ────┘
//!                         GAP                  GAP
//! ```
//!
//! Two frames share a segment where the second is written while the first is still in the kernel, and they share a read
//! where the peer has not read the first one yet. The kernel takes no frame while one is unsent ([`UNSENT`]); what the
//! peer's program does nobody can see from here, and the [`GAP`] is the time that it is given.

use std::time::Duration;

use clap::ValueEnum;
use memchr::memchr;
use mychat_proto::{Command, Framing};
use serde::Deserialize;

use crate::outbox::WriteParts;

/// Time between two frames to a raw peer (rule R2): at most 100 frames a second.
pub const GAP: Duration = Duration::from_millis(10);

/// Silence after a `CONNECT` without an ending that means that none will come.
pub const QUIET: Duration = Duration::from_millis(50);

/// Unsent bytes with which the kernel takes no more from a raw session.
pub const UNSENT: u32 = 1;

/// How the end of a frame is told: the values of `--framing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FramingChoice {
    /// A line feed ends a frame
    #[default]
    Lf,
    /// Nothing does: a segment is a frame
    Raw,
    /// Each peer as it begins: one that sends CONNECT|NAME and nothing more for 50 ms is raw
    Auto,
}

/// What is known of how a peer ends its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingState {
    /// In LF; so it is answered.
    LineFeed,
    /// In nothing.
    Raw,
    /// In nothing, and it has just been sent a frame: the next one waits for [`GAP`].
    WaitGap,
    /// Nothing is known before its first bytes.
    Undetected,
    /// It said `CONNECT|name`, and no line feed yet.
    MaybeRaw,
}

impl FramingState {
    /// Before a peer has said anything.
    pub const fn new(choice: FramingChoice) -> Self {
        match choice {
            FramingChoice::Lf => Self::LineFeed,
            FramingChoice::Raw => Self::Raw,
            FramingChoice::Auto => Self::Undetected,
        }
    }

    /// How its bytes are cut into frames. One that may be raw is heard like the others until that is certain.
    pub const fn framing(self) -> Framing {
        match self {
            Self::Raw | Self::WaitGap => Framing::Raw,
            Self::LineFeed | Self::Undetected | Self::MaybeRaw => Framing::Lf,
        }
    }

    /// After a read gave these bytes.
    #[must_use]
    pub fn after(self, bytes: &[u8]) -> Self {
        match self {
            Self::Undetected if is_whole_connect(bytes) => Self::MaybeRaw,
            Self::Undetected | Self::MaybeRaw => Self::LineFeed,
            Self::LineFeed | Self::Raw | Self::WaitGap => self,
        }
    }
}

/// Whether this is `CONNECT|name` and needs nothing to follow. The name need not be legal: that is answered.
fn is_whole_connect(bytes: &[u8]) -> bool {
    memchr(b'\n', bytes).is_none() && matches!(Command::parse(bytes), Ok(Command::Connect { name }) if !name.is_empty())
}

/// The first frame of what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstFrame<'a> {
    /// What a raw peer is sent of it.
    pub text: &'a [u8],
    /// Bytes that it has in the outbox, with its ending.
    pub len: usize,
}

impl<'a> FirstFrame<'a> {
    /// Cuts it out. What a write left of a frame counts as one.
    pub fn of(parts: &WriteParts<'a>) -> Option<Self> {
        let bytes = parts.first()?;
        let end = memchr(b'\n', bytes)?;
        // Content that ends in CR was given one more, which belongs to the ending.
        let text = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
        Some(Self { text, len: end + 1 })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::metrics::LocalCounts;
    use crate::outbox::{Outbox, TurnLog};
    use crate::router::FrameKind;

    #[test]
    fn a_whole_connect_and_silence_make_a_peer_suspect_and_anything_else_does_not() {
        use FramingState::{LineFeed, MaybeRaw, Raw, Undetected};
        for (before, bytes, after) in [
            (Undetected, "CONNECT|ana", MaybeRaw),
            (Undetected, "CONNECT| not legal", MaybeRaw),
            (Undetected, "CONNECT|ana\n", LineFeed),
            (Undetected, "CONNECT|ana\nBROADCAST|x", LineFeed),
            (Undetected, "CONNECT|", LineFeed),
            (Undetected, "CONNECT", LineFeed),
            (Undetected, "C", LineFeed),
            (Undetected, "DISCONNECT|", LineFeed),
            (MaybeRaw, "\n", LineFeed),
            (MaybeRaw, "a\n", LineFeed),
            (Raw, "BROADCAST|x", Raw),
            (LineFeed, "CONNECT|ana", LineFeed),
        ] {
            assert_eq!(before.after(bytes.as_bytes()), after, "{before:?} {bytes:?}");
        }
    }

    #[test]
    fn frames_are_cut_out_as_they_were_put_in() {
        let (log, mut outbox, now) = (TurnLog::default(), Outbox::default(), Instant::now());
        let frames = ["ERROR|400|a", "MESSAGE|ana|b\r", "MESSAGE|ana|\r\r", "USER_LIST|c"];
        outbox.join(&log);
        for frame in &frames[..3] {
            let write = |out: &mut Vec<u8>| {
                let start = out.len();
                out.extend_from_slice(frame.as_bytes());
                Framing::Lf.end(out, start);
                Ok(())
            };
            let kind = if frame.starts_with('M') { FrameKind::Message } else { FrameKind::Answer };
            outbox.post(&log, kind, write).unwrap();
        }
        outbox.owe_list();
        let mut cut = Vec::new();
        while let Some(FirstFrame { text, len }) = FirstFrame::of(&outbox.parts(&log, b"USER_LIST|c\n")) {
            cut.push(String::from_utf8(text.to_vec()).unwrap());
            outbox.sent(len, &log, b"USER_LIST|c\n", now, &mut LocalCounts::default());
        }
        assert_eq!(cut, frames);
    }
}
