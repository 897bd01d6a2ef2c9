//! Splits a stream of bytes into frames, incrementally and in bounded memory.
//!
//! There are two kinds of framing. With a terminator (rule F2), the boundaries of TCP segments have no meaning. In `raw`
//! framing, which the first implementation of the protocol uses, one segment is one message. If a server's segment holds
//! several messages, it can only be split where a known command starts (rule R3).

use memchr::{memchr, memchr_iter};

/// Maximum length of a frame in bytes, without its terminator, in both directions (rule F3, §3.1.2).
pub const MAX_FRAME: usize = 1024;

/// Maximum number of bytes without a line feed. One more byte ends the connection (rule F5).
pub const MAX_UNTERMINATED: usize = 64 * 1024;

/// The way in which a frame ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Framing {
    /// A line feed ends a frame. On input, one carriage return before it belongs to the terminator (rule F2).
    #[default]
    Lf,
    /// Same as [`Framing::Lf`] on input. On output, frames end in CR LF.
    CrLf,
    /// No terminator: one segment is one message (rule R1).
    Raw,
}

/// A framing that is fixed, or one that is detected from the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FramingChoice {
    /// [`Framing::Lf`].
    #[default]
    Lf,
    /// [`Framing::CrLf`].
    CrLf,
    /// [`Framing::Raw`].
    Raw,
    /// Detect the framing (rules R6, R7).
    Auto,
}

impl FramingChoice {
    /// Returns the chosen framing, or `None` if it is detected.
    pub const fn fixed(self) -> Option<Framing> {
        match self {
            Self::Lf => Some(Framing::Lf),
            Self::CrLf => Some(Framing::CrLf),
            Self::Raw => Some(Framing::Raw),
            Self::Auto => None,
        }
    }

    /// Returns the name in files and options: `lf`, `crlf`, `raw` or `auto`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lf => "lf",
            Self::CrLf => "crlf",
            Self::Raw => "raw",
            Self::Auto => "auto",
        }
    }
}

impl Framing {
    /// Appends the terminator of the frame that starts at `out[start]`.
    ///
    /// A frame that itself ends in a CR gets CR LF. The reader then removes the CR of the terminator and keeps the CR of
    /// the content (rule S5).
    pub fn end(self, out: &mut Vec<u8>, start: usize) {
        match self {
            Framing::Raw => {}
            Framing::Lf if out.len() > start && out.last() == Some(&b'\r') => out.extend_from_slice(b"\r\n"),
            Framing::Lf => out.push(b'\n'),
            Framing::CrLf => out.extend_from_slice(b"\r\n"),
        }
    }

    /// Returns true if a terminator ends each frame.
    pub const fn is_terminated(self) -> bool {
        !matches!(self, Framing::Raw)
    }
}

/// The side that wrote the bytes. It matters only in raw framing: a server's segment can be split where one of its
/// commands starts, a client's cannot (rule R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameSource {
    Client,
    Server,
}

/// A frame, or a violation of a length limit, in the input of a [`Deframer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// A complete frame without its terminator. It has at most [`MAX_FRAME`] bytes, may be empty (rule F4) and may not be
    /// UTF-8.
    Frame(&'a [u8]),
    /// A frame is longer than [`MAX_FRAME`]. Reported once per frame, as soon as the limit is exceeded. The rest of the
    /// frame is discarded (rule F5).
    Oversize,
    /// More than [`MAX_UNTERMINATED`] bytes have arrived without a line feed (rule F5). The deframer returns nothing
    /// after this.
    Overrun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeframerState {
    /// `pending` holds the start of a frame, or nothing.
    Collecting,
    /// `pending` holds a frame that was returned. The next call clears it.
    Returned,
    /// The rest of an oversize frame is being discarded. The number counts its bytes before the current input.
    Discarding(u32),
    /// The limit [`MAX_UNTERMINATED`] was exceeded.
    Overrun,
}

/// Splits a stream of bytes into frames. It stores only an incomplete frame. It allocates nothing while frames arrive
/// complete, and owns no heap memory when the input ends between two frames. Until then, frames that arrive in pieces
/// share one buffer.
#[derive(Debug)]
pub struct Deframer {
    pending: Vec<u8>,
    state: DeframerState,
    framing: Framing,
    source: FrameSource,
    /// Longest accepted frame in bytes. A `u32` fits into the padding: a server holds one deframer a session.
    limit: u32,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new(Framing::Lf)
    }
}

impl Deframer {
    /// Creates a deframer for the frames of a client.
    pub const fn new(framing: Framing) -> Self {
        Self::with_source(framing, FrameSource::Client)
    }

    /// Creates a deframer for the frames of a server.
    pub const fn for_replies(framing: Framing) -> Self {
        Self::with_source(framing, FrameSource::Server)
    }

    const fn with_source(framing: Framing, source: FrameSource) -> Self {
        Self { pending: Vec::new(), state: DeframerState::Collecting, framing, source, limit: MAX_FRAME as u32 }
    }

    /// Accepts frames of up to [`MAX_UNTERMINATED`] bytes instead of [`MAX_FRAME`]. Test tools use it to see the frame
    /// that breaks the limit. With a terminator, [`Inbound::Overrun`] then follows each [`Inbound::Oversize`].
    #[must_use]
    pub const fn lenient(mut self) -> Self {
        self.limit = MAX_UNTERMINATED as u32;
        self
    }

    /// Returns the framing in use.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Returns the number of bytes of the incomplete frame, stored or discarded, CR included. If it is not 0 at the end
    /// of the stream, the peer closed inside a frame, and that frame must not be processed.
    pub fn pending(&self) -> usize {
        match self.state {
            DeframerState::Collecting => self.pending.len(),
            DeframerState::Returned | DeframerState::Overrun => 0,
            DeframerState::Discarding(bytes) => bytes as usize,
        }
    }

    /// Returns true if the next byte starts a frame.
    pub const fn is_between_frames(&self) -> bool {
        match self.state {
            DeframerState::Collecting => self.pending.is_empty(),
            DeframerState::Returned => true,
            DeframerState::Discarding(_) | DeframerState::Overrun => false,
        }
    }

    /// Returns the stored bytes of the incomplete frame. A caller that detects another framing passes them to a new
    /// deframer.
    pub fn into_unfinished(self) -> Vec<u8> {
        if self.state == DeframerState::Collecting { self.pending } else { Vec::new() }
    }

    /// Takes the next bytes of the stream. Call [`Feed::next`] until it returns `None`; the deframer then stores an
    /// incomplete frame for the next call. A caller that stops earlier must feed [`Feed::rest`] before other bytes,
    /// because the deframer does not store it.
    #[must_use = "nothing is read before `next` is called"]
    pub fn feed<'d, 'b>(&'d mut self, bytes: &'b [u8]) -> Feed<'d, 'b> {
        Feed { deframer: self, rest: bytes }
    }
}

/// The frames in one piece of input. See [`Deframer::feed`].
#[derive(Debug)]
pub struct Feed<'d, 'b> {
    deframer: &'d mut Deframer,
    rest: &'b [u8],
}

impl<'b> Feed<'_, 'b> {
    /// Returns the unread input. It starts after the last returned frame, or inside the frame that was last reported as
    /// oversize.
    pub const fn rest(&self) -> &'b [u8] {
        self.rest
    }

    /// Returns the next frame, or `None` at the end of the input. This is not an [`Iterator`], because a frame may borrow
    /// from the deframer until the next call.
    #[expect(clippy::should_implement_trait, reason = "lends from self, which Iterator cannot")]
    pub fn next(&mut self) -> Option<Inbound<'_>> {
        match self.deframer.framing {
            Framing::Lf | Framing::CrLf => self.next_terminated(),
            Framing::Raw => self.next_raw(),
        }
    }

    fn next_terminated(&mut self) -> Option<Inbound<'_>> {
        let limit = self.deframer.limit as usize;
        loop {
            match self.deframer.state {
                DeframerState::Overrun => {
                    self.rest = &[];
                    return None;
                }
                DeframerState::Returned => {
                    self.deframer.pending.clear();
                    self.deframer.state = DeframerState::Collecting;
                }
                DeframerState::Discarding(before) => {
                    let end = memchr(b'\n', self.rest);
                    let through = before as usize + end.unwrap_or(self.rest.len());
                    if through > MAX_UNTERMINATED {
                        return Some(self.overrun());
                    }
                    let Some(end) = end else {
                        self.deframer.state = DeframerState::Discarding(through as u32);
                        self.rest = &[];
                        return None;
                    };
                    self.rest = &self.rest[end + 1..];
                    self.deframer.state = DeframerState::Collecting;
                }
                DeframerState::Collecting => {
                    let rest = self.rest;
                    let end = memchr(b'\n', rest);
                    let piece = &rest[..end.unwrap_or(rest.len())];
                    // The last CR may be part of the terminator.
                    let size = self.deframer.pending.len() + piece.len();
                    let last = piece.last().or(self.deframer.pending.last());
                    let text = size - usize::from(last == Some(&b'\r'));
                    if text > limit {
                        // The input stays unread: the discarding branch finds the LF or counts towards the overrun.
                        self.deframer.state = DeframerState::Discarding(self.deframer.pending.len() as u32);
                        self.deframer.pending = Vec::new();
                        return Some(Inbound::Oversize);
                    }
                    let Some(end) = end else {
                        if piece.is_empty() && self.deframer.pending.is_empty() {
                            self.deframer.pending = Vec::new();
                        } else {
                            self.deframer.pending.extend_from_slice(piece);
                        }
                        self.rest = &[];
                        return None;
                    };
                    self.rest = &rest[end + 1..];
                    if self.deframer.pending.is_empty() {
                        return Some(Inbound::Frame(&piece[..text]));
                    }
                    self.deframer.pending.extend_from_slice(piece);
                    self.deframer.state = DeframerState::Returned;
                    return Some(Inbound::Frame(&self.deframer.pending[..text]));
                }
            }
        }
    }

    fn overrun(&mut self) -> Inbound<'static> {
        self.deframer.state = DeframerState::Overrun;
        self.deframer.pending = Vec::new();
        self.rest = &[];
        Inbound::Overrun
    }

    fn next_raw(&mut self) -> Option<Inbound<'_>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = match self.deframer.source {
            FrameSource::Client => self.rest.len(),
            FrameSource::Server => reply_boundary(self.rest),
        };
        let (frame, rest) = self.rest.split_at(end);
        self.rest = rest;
        if frame.len() > self.deframer.limit as usize { Some(Inbound::Oversize) } else { Some(Inbound::Frame(frame)) }
    }
}

/// The commands of all replies (§3.2). None of them is a suffix of another.
const REPLIES: [&[u8]; 5] = [b"CONNECT_ACK", b"USER_LIST", b"MESSAGE", b"BROADCAST", b"ERROR"];

/// Returns the end of the first reply in a raw segment: the next position at which a reply's command and a pipe follow,
/// or the end of the segment (rule R3).
fn reply_boundary(segment: &[u8]) -> usize {
    // A search from pipe to pipe reads a segment of many replies only once.
    memchr_iter(b'|', segment)
        .filter_map(|pipe| {
            let before = &segment[..pipe];
            REPLIES.iter().find(|command| before.ends_with(command)).map(|command| pipe - command.len())
        })
        .find(|&start| start > 0)
        .unwrap_or(segment.len())
}

#[cfg(test)]
mod tests;
