//! Bytes into frames, incrementally and bounded: the one file that knows where a frame ends.
//!
//! Two kinds of framing exist. With a terminator (rule F2) segments mean nothing: a frame may come byte by byte and
//! many may come at once. Without one (`raw`, what the protocol's first implementation speaks) a segment *is* a
//! message, and all that can be done about two of them in one segment is to cut where a known command starts.

use memchr::{memchr, memchr_iter};

/// The longest frame in bytes, terminator not counted, in both directions (rule F3, §3.1.2).
pub const MAX_FRAME: usize = 1024;

/// The bytes without a line feed that are put up with: one more, and the connection is given up (rule F5).
pub const MAX_UNTERMINATED: usize = 64 * 1024;

/// How the end of a frame is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Framing {
    /// A line feed ends a frame; one carriage return before it is tolerated on input (rule F2).
    #[default]
    Lf,
    /// As [`Framing::Lf`] on input; frames written end in CR LF.
    CrLf,
    /// No terminator: one segment is one message.
    Raw,
}

impl Framing {
    /// Ends the frame that was just appended to `out` and begins at `start`.
    ///
    /// A frame whose own last byte is a CR gets CR LF: the reader takes one CR for the terminator's and the content
    /// arrives as it was (rule S5).
    pub fn end(self, out: &mut Vec<u8>, start: usize) {
        match self {
            Framing::Raw => {}
            Framing::Lf if out.len() > start && out.last() == Some(&b'\r') => out.extend_from_slice(b"\r\n"),
            Framing::Lf => out.push(b'\n'),
            Framing::CrLf => out.extend_from_slice(b"\r\n"),
        }
    }

    /// Whether segments mean nothing because frames are terminated.
    pub const fn is_terminated(self) -> bool {
        !matches!(self, Framing::Raw)
    }
}

/// Who wrote the bytes that a [`Deframer`] reads. It matters in raw framing alone: what a server sends can be cut
/// where one of its commands starts, what a client sends cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Speaker {
    /// A client: in raw framing each segment is one frame.
    #[default]
    Client,
    /// A server: in raw framing a segment may hold several replies.
    Server,
}

/// What a [`Deframer`] found next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// A whole frame without its terminator, at most [`MAX_FRAME`] bytes, possibly empty (rule F4), not yet known to
    /// be UTF-8.
    Frame(&'a [u8]),
    /// A frame has outgrown [`MAX_FRAME`]. Said once a frame, as soon as it is known; the rest of that frame is
    /// discarded up to its terminator (rule F5).
    Oversize,
    /// More than [`MAX_UNTERMINATED`] bytes went by without a line feed (rule F5). Nothing more comes out of this
    /// deframer.
    Overrun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Collecting a frame; its bytes so far are in `pending`.
    Collect,
    /// The frame in `pending` was handed out and is to be forgotten at the next call.
    Spent,
    /// Inside an oversize frame, of which this many bytes went by before the input that is being read.
    Discard(u32),
    /// Beyond [`MAX_UNTERMINATED`].
    Overrun,
}

/// Cuts a stream of bytes into frames. It keeps an unfinished frame and nothing else: where whole frames arrive it
/// allocates nothing, and a connection that is silent between two frames owns no heap at all. The buffer of a frame
/// that came in pieces serves the ones behind it until input ends between two frames.
#[derive(Debug)]
pub struct Deframer {
    pending: Vec<u8>,
    state: State,
    framing: Framing,
    speaker: Speaker,
    limit: Limit,
}

/// Which frames a deframer refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Those over [`MAX_FRAME`].
    Protocol,
    /// Those over [`MAX_UNTERMINATED`]: for a tool that must see what a server does wrong.
    Lenient,
}

impl Limit {
    const fn bytes(self) -> usize {
        match self {
            Limit::Protocol => MAX_FRAME,
            Limit::Lenient => MAX_UNTERMINATED,
        }
    }
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new(Framing::Lf)
    }
}

impl Deframer {
    /// A deframer for what clients send.
    pub const fn new(framing: Framing) -> Self {
        Self::for_speaker(framing, Speaker::Client)
    }

    /// A deframer for what servers send.
    pub const fn for_replies(framing: Framing) -> Self {
        Self::for_speaker(framing, Speaker::Server)
    }

    const fn for_speaker(framing: Framing, speaker: Speaker) -> Self {
        Self { pending: Vec::new(), state: State::Collect, framing, speaker, limit: Limit::Protocol }
    }

    /// Lets frames of up to [`MAX_UNTERMINATED`] bytes through instead of [`MAX_FRAME`]: for tools that must see and
    /// report what a peer does wrong. With a terminator, [`Inbound::Oversize`] is then always followed by
    /// [`Inbound::Overrun`].
    #[must_use]
    pub const fn lenient(mut self) -> Self {
        self.limit = Limit::Lenient;
        self
    }

    /// The framing in use.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Bytes of the unfinished frame that went by, kept or discarded, its CR included. Not 0 at the end of a stream
    /// means that the peer left in the middle of a frame, which is not to be processed.
    pub fn pending(&self) -> usize {
        match self.state {
            State::Collect => self.pending.len(),
            State::Spent | State::Overrun => 0,
            State::Discard(bytes) => bytes as usize,
        }
    }

    /// Whether the next byte begins a frame.
    pub const fn is_between_frames(&self) -> bool {
        match self.state {
            State::Collect => self.pending.is_empty(),
            State::Spent => true,
            State::Discard(_) | State::Overrun => false,
        }
    }

    /// The bytes of the unfinished frame that are kept: for who finds out that the peer ends its frames otherwise.
    pub fn into_unfinished(self) -> Vec<u8> {
        if self.state == State::Collect { self.pending } else { Vec::new() }
    }

    /// Takes the next bytes of the stream. Call [`Feed::next`] until it gives `None`: what is then left unfinished is
    /// kept for the next call. Who stops earlier must feed [`Feed::rest`] again before anything else, or end the
    /// connection: those bytes are kept nowhere.
    #[must_use = "nothing is read before `next` is called"]
    pub fn feed<'d, 'b>(&'d mut self, bytes: &'b [u8]) -> Feed<'d, 'b> {
        Feed { deframer: self, rest: bytes }
    }
}

/// The frames in one piece of input; see [`Deframer::feed`].
#[derive(Debug)]
pub struct Feed<'d, 'b> {
    deframer: &'d mut Deframer,
    rest: &'b [u8],
}

impl<'b> Feed<'_, 'b> {
    /// The input that is not used up yet. It starts behind the last frame that was taken, or inside the frame that was
    /// just said to be oversize.
    pub const fn rest(&self) -> &'b [u8] {
        self.rest
    }

    /// The next frame, or `None` when all input is used up. Not an [`Iterator`]: a frame borrows from the input or
    /// from the deframer and must be done with before the next one.
    #[expect(clippy::should_implement_trait, reason = "lends from self, which Iterator cannot")]
    pub fn next(&mut self) -> Option<Inbound<'_>> {
        match self.deframer.framing {
            Framing::Lf | Framing::CrLf => self.next_terminated(),
            Framing::Raw => self.next_raw(),
        }
    }

    fn next_terminated(&mut self) -> Option<Inbound<'_>> {
        let limit = self.deframer.limit.bytes();
        loop {
            match self.deframer.state {
                State::Overrun => {
                    self.rest = &[];
                    return None;
                }
                State::Spent => {
                    self.deframer.pending.clear();
                    self.deframer.state = State::Collect;
                }
                State::Discard(before) => {
                    let end = memchr(b'\n', self.rest);
                    let through = before as usize + end.unwrap_or(self.rest.len());
                    if through > MAX_UNTERMINATED {
                        return Some(self.overrun());
                    }
                    let Some(end) = end else {
                        self.deframer.state = State::Discard(through as u32);
                        self.rest = &[];
                        return None;
                    };
                    self.rest = &self.rest[end + 1..];
                    self.deframer.state = State::Collect;
                }
                State::Collect => {
                    let rest = self.rest;
                    let end = memchr(b'\n', rest);
                    let piece = &rest[..end.unwrap_or(rest.len())];
                    // One CR may still turn out to be the terminator's.
                    let size = self.deframer.pending.len() + piece.len();
                    let last = piece.last().or(self.deframer.pending.last());
                    let text = size - usize::from(last == Some(&b'\r'));
                    if text > limit {
                        // Say it now; the discarding branch finds the LF, or counts on towards the overrun.
                        self.deframer.state = State::Discard(self.deframer.pending.len() as u32);
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
                    self.deframer.state = State::Spent;
                    return Some(Inbound::Frame(&self.deframer.pending[..text]));
                }
            }
        }
    }

    fn overrun(&mut self) -> Inbound<'static> {
        self.deframer.state = State::Overrun;
        self.deframer.pending = Vec::new();
        self.rest = &[];
        Inbound::Overrun
    }

    fn next_raw(&mut self) -> Option<Inbound<'_>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = match self.deframer.speaker {
            Speaker::Client => self.rest.len(),
            Speaker::Server => reply_boundary(self.rest),
        };
        let (frame, rest) = self.rest.split_at(end);
        self.rest = rest;
        if frame.len() > self.deframer.limit.bytes() { Some(Inbound::Oversize) } else { Some(Inbound::Frame(frame)) }
    }
}

/// The first fields of all replies (§3.2). None of them ends in another one.
const REPLIES: [&[u8]; 5] = [b"CONNECT_ACK", b"USER_LIST", b"MESSAGE", b"BROADCAST", b"ERROR"];

/// Where the first reply of an unterminated segment ends: at the next place where a reply's command and its pipe
/// stand, or at the segment's end (rule R3).
fn reply_boundary(segment: &[u8]) -> usize {
    // One pass from pipe to pipe: a segment of many replies is read once, not once a reply.
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
