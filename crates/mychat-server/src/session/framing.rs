//! Raw peers, which end frames with nothing: their detection, and the way frames are written to them (rules R1 to R7).
//!
//! Inside the server every frame ends in LF: outboxes, the turn log and the roster hold the same bytes for all sessions.
//! Content cannot contain LF (rule R4), so the frames for a raw peer can be cut out again:
//!
//! ```text
//!   outbox     CONNECT_ACK|OK⏎USER_LIST|ana,bob⏎BROADCAST|bob|hola⏎ …
//!              └─ 1 write ─┘  └─── 1 write ────┘ └─── 1 write ────┘
//!                      FRAME_GAP            FRAME_GAP
//! ```
//!
//! Two frames must not reach a raw peer in one read. They share a TCP segment if the second is written while the kernel
//! still holds the first, which [`UNSENT_LOW_WATER`] prevents. They share a read if the peer's program has not read the
//! first yet. The server cannot see that, so it gives the program [`FRAME_GAP`] to read each frame.

use std::time::Duration;

use memchr::memchr;
use mychat_proto::{Command, Framing};

use crate::config::ServerFraming;
use crate::outbox::WriteParts;

/// The time between two frames to a raw peer (rule R2): at most 100 frames per second.
pub const FRAME_GAP: Duration = Duration::from_millis(10);

/// The silence after an unterminated `CONNECT` that proves a peer to be raw (rule R7).
pub(crate) const DETECTION_SILENCE: Duration = Duration::from_millis(50);

/// The number of unsent bytes from which on the kernel reports the socket of a raw session as full.
pub(crate) const UNSENT_LOW_WATER: u32 = 1;

/// The framing of one peer, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingState {
    /// The peer ends frames in LF, and so does the server.
    LineFeed,
    /// The peer is raw and may be sent a frame.
    Raw,
    /// The peer is raw and was just sent a frame; the next one waits for [`FRAME_GAP`].
    WaitGap,
    /// The peer has sent nothing yet.
    Undetected,
    /// The peer has sent `CONNECT|name` without a line feed: it may be raw.
    MaybeRaw,
}

impl FramingState {
    /// Returns the state before a peer has sent anything.
    pub const fn new(choice: ServerFraming) -> Self {
        match choice {
            ServerFraming::Lf => Self::LineFeed,
            ServerFraming::Raw => Self::Raw,
            ServerFraming::Auto => Self::Undetected,
        }
    }

    /// Returns the framing of the peer's input. A peer that may be raw is read with LF framing until that is certain.
    pub const fn framing(self) -> Framing {
        match self {
            Self::Raw | Self::WaitGap => Framing::Raw,
            Self::LineFeed | Self::Undetected | Self::MaybeRaw => Framing::Lf,
        }
    }

    /// Returns the state after `bytes` were read.
    #[must_use]
    pub fn after_read(self, bytes: &[u8]) -> Self {
        match self {
            Self::Undetected if is_whole_connect(bytes) => Self::MaybeRaw,
            Self::Undetected | Self::MaybeRaw => Self::LineFeed,
            Self::LineFeed | Self::Raw | Self::WaitGap => self,
        }
    }
}

/// Returns true if `bytes` are `CONNECT|name` and nothing else. The name need not be legal: an illegal one gets an error
/// reply.
fn is_whole_connect(bytes: &[u8]) -> bool {
    memchr(b'\n', bytes).is_none() && matches!(Command::parse(bytes), Ok(Command::Connect { name }) if !name.is_empty())
}

/// The first frame of an outbox, for a raw peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstFrame<'a> {
    /// The bytes to send: the frame without its ending.
    pub(crate) text: &'a [u8],
    /// The number of bytes that the frame has in the outbox, with its ending.
    pub(crate) len: usize,
}

impl<'a> FirstFrame<'a> {
    /// Cuts the first frame out of `parts`. The rest of a partly written frame counts as a frame.
    pub(crate) fn of(parts: &WriteParts<'a>) -> Option<Self> {
        let bytes = parts.first()?;
        let end = memchr(b'\n', bytes)?;
        // If the content ends in CR, the framing added one more CR, which belongs to the ending.
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
    fn only_a_whole_connect_without_line_feed_may_be_raw() {
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
            assert_eq!(before.after_read(bytes.as_bytes()), after, "{before:?} {bytes:?}");
        }
    }

    #[test]
    fn frames_are_cut_out_of_the_outbox_unchanged() {
        let (log, mut outbox, now) = (TurnLog::default(), Outbox::default(), Instant::now());
        let frames = ["ERROR|400|a", "MESSAGE|ana|b\r", "MESSAGE|ana|\r\r", "USER_LIST|c"];
        outbox.subscribe(&log);
        for frame in &frames[..3] {
            let write = |out: &mut Vec<u8>| {
                let start = out.len();
                out.extend_from_slice(frame.as_bytes());
                Framing::Lf.end(out, start);
                Ok(())
            };
            let kind = if frame.starts_with('M') { FrameKind::Message } else { FrameKind::Reply };
            outbox.enqueue(&log, kind, write).unwrap();
        }
        outbox.request_roster();
        let mut cut = Vec::new();
        while let Some(FirstFrame { text, len }) = FirstFrame::of(&outbox.parts(&log, b"USER_LIST|c\n")) {
            cut.push(String::from_utf8(text.to_vec()).unwrap());
            outbox.record_sent(len, &log, b"USER_LIST|c\n", now, &mut LocalCounts::default());
        }
        assert_eq!(cut, frames);
    }
}
