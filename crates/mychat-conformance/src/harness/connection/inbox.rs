//! Splits the bytes of one connection into frames, and keeps track of the login, the lists and the end of the connection.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mychat_proto::{Deframer, Framing, Inbound};

use super::ConnConfig;
use super::frame_text::{contains, fence_number, glued_at, rejoin_content};
use crate::harness::monitor::{FrameExemptions, FrameRule, Monitors, OtherFrames, UNENDED, exceeds_limit};
use crate::harness::wire_log::{Direction, WireLog};

/// The way a connection ended. Each of them counts as closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionEnd {
    /// The server sent FIN.
    Closed,
    /// The server sent RST.
    Reset,
    /// The reader stopped because the server sent more than the limits allow.
    Flood,
}

/// A frame that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedFrame {
    /// Without its terminator.
    pub bytes: Vec<u8>,
    /// The time at which it was read.
    pub at: Instant,
    /// True if a step expected this frame.
    pub consumed: bool,
}

/// Everything that arrived on one connection.
#[derive(Debug)]
pub(crate) struct ConnInbox {
    /// The frames without lists, in order.
    pub frames: Vec<ReceivedFrame>,
    /// The end of the connection; none while it is open.
    pub end: Option<ConnectionEnd>,
    /// True if `CONNECT_ACK|OK` arrived.
    pub logged_in: bool,
    /// The number of replies to `CONNECT`.
    pub connect_replies: usize,
    /// The number of list frames that arrived before the first reply to `CONNECT`.
    pub early_lists: usize,
    /// The names of the last list, separated by commas. Continued list frames are joined.
    pub list: Option<String>,
    /// The number of complete lists.
    pub lists: usize,
    /// All complete lists, if a procedure asked for them.
    pub kept_lists: Option<Vec<String>>,
    /// The names in each of the last 64 list frames.
    pub list_frames: Vec<String>,
    /// The number of bytes that arrived.
    pub bytes: u64,
    /// True if messages are only counted and not stored.
    pub count_only: bool,
    /// The number of frames without lists.
    pub count: u64,
    /// The lengths of the shortest and the longest message that was only counted.
    pub sizes: Option<(usize, usize)>,
    /// The number of reads that brought something else than ring fences.
    pub arrivals: u64,
    /// The numbers of the ring fences that arrived. They are in no other field.
    pub fences: BTreeSet<u64>,
    fence_prefix: Arc<str>,
    list_frames_seen: usize,
    unfinished: Vec<u8>,
    scanned: usize,
    flooded: bool,
    raw: Option<Deframer>,
    /// The framing of the frames to the server: one that reads lines has to send lines.
    send_framing: Framing,
    continued: String,
    actor: Arc<str>,
    case: Arc<str>,
    sent_invalid_utf8: Arc<AtomicBool>,
    exempt: FrameExemptions,
    /// The hint for the first malformed message.
    malformed: Option<&'static str>,
    monitors: Monitors,
    wire_log: WireLog,
}

/// A longer frame is taken for one without an end.
const MAX_UNFINISHED: usize = 8 * 1024 * 1024;
/// The numbers of frames and bytes after which a connection is flooded. No case causes that many.
const MAX_FRAMES: usize = 50_000;
const MAX_BYTES: u64 = 64 << 20;

impl ConnInbox {
    pub(super) fn new(actor: Arc<str>, config: &ConnConfig) -> Self {
        let raw = config.framing.receive == Framing::Raw;
        Self {
            frames: Vec::new(),
            end: None,
            logged_in: false,
            connect_replies: 0,
            early_lists: 0,
            list: None,
            lists: 0,
            kept_lists: None,
            list_frames: Vec::new(),
            bytes: 0,
            count_only: false,
            count: 0,
            sizes: None,
            arrivals: 0,
            fences: BTreeSet::new(),
            fence_prefix: config.members.fence_prefix(),
            list_frames_seen: 0,
            unfinished: Vec::new(),
            scanned: 0,
            flooded: false,
            send_framing: config.framing.send,
            raw: raw.then(|| Deframer::for_replies(Framing::Raw).lenient()),
            continued: String::new(),
            actor,
            case: Arc::clone(&config.case),
            sent_invalid_utf8: Arc::clone(&config.sent_invalid_utf8),
            exempt: FrameExemptions {
                invalid_utf8: false,
                long_lists: config.may_send_long_lists,
                others: if config.has_extensions {
                    OtherFrames::Extensions
                } else if raw && config.framing.send.is_terminated() {
                    // The tool, not the server, may have cut it there.
                    OtherFrames::Fragments
                } else {
                    OtherFrames::None
                },
            },
            malformed: None,
            monitors: config.monitors.clone(),
            wire_log: config.wire_log.clone(),
        }
    }

    /// Returns the number of list frames.
    pub(crate) fn list_count(&self) -> usize {
        self.list_frames_seen
    }

    /// Returns true if the framing is raw.
    pub(super) fn is_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// Returns the bytes after the last terminator.
    pub(crate) fn unfinished(&self) -> &[u8] {
        &self.unfinished
    }

    /// Returns true if a frame or the unfinished rest contains these bytes.
    pub(crate) fn has_bytes(&self, bytes: &[u8]) -> bool {
        self.frames.iter().rev().any(|frame| contains(&frame.bytes, bytes)) || contains(&self.unfinished, bytes)
    }

    /// Takes the bytes of one read.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let (fences, others) = (self.fences.len(), self.count + self.list_frames_seen as u64);
        self.split(bytes);
        let only_fences = self.fences.len() > fences && self.count + self.list_frames_seen as u64 == others;
        self.arrivals += u64::from(!only_fences);
    }

    fn split(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.wire_log.note(&self.actor, Direction::Received, bytes);
        if let Some(mut raw) = self.raw.take() {
            let mut frames = Vec::new();
            let mut feed = raw.feed(bytes);
            while let Some(inbound) = feed.next() {
                if let Inbound::Frame(frame) = inbound {
                    frames.push(frame.to_vec());
                }
            }
            self.raw = Some(raw);
            for frame in rejoin_content(frames) {
                self.handle_segment(frame);
            }
            return;
        }
        self.unfinished.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(end) = memchr::memchr(b'\n', &self.unfinished[self.scanned.max(start)..]) {
            let end = self.scanned.max(start) + end;
            let frame = &self.unfinished[start..end];
            let frame = frame.strip_suffix(b"\r").unwrap_or(frame).to_vec();
            start = end + 1;
            self.split_glued(frame);
        }
        self.unfinished.drain(..start);
        self.scanned = self.unfinished.len();
        if self.unfinished.len() > MAX_UNFINISHED {
            self.monitors.report_violation(FrameRule::Terminated, &self.case, "8 MiB without a line end".to_owned());
            self.unfinished.clear();
            self.scanned = 0;
            self.flooded = true;
        }
    }

    /// Returns true if the connection has exceeded a limit, so that reading has to stop.
    pub(super) fn is_flooded(&self) -> bool {
        let exceeds_limit = self.frames.len() > MAX_FRAMES || self.bytes > MAX_BYTES && !self.count_only;
        self.flooded || exceeds_limit
    }

    /// Records the end of the connection. `sending_closed`: this side had closed its sending direction before, so the server
    /// need not finish its last frame.
    pub(super) fn end_stream(&mut self, end: ConnectionEnd, sending_closed: bool) {
        self.end = Some(end);
        let note: &[u8] = match end {
            ConnectionEnd::Closed => b"closed by the server (FIN)",
            ConnectionEnd::Reset => b"closed by the server (RST)",
            ConnectionEnd::Flood => b"closed by us: it sent too much",
        };
        self.wire_log.note(&self.actor, Direction::Note, note);
        // A server that crashes may stop in the middle of a frame; one that closes properly has to end it first.
        if end == ConnectionEnd::Closed && !sending_closed && !self.count_only {
            self.end_unfinished();
        }
    }

    /// Handles the unfinished bytes as a frame. The caller has waited long enough for the terminator.
    pub(crate) fn end_unfinished(&mut self) {
        if self.unfinished.is_empty() {
            return;
        }
        let frame = std::mem::take(&mut self.unfinished);
        self.scanned = 0;
        self.report_unterminated(&frame);
        self.split_glued(frame);
    }

    /// Handles a frame that the next command or the end of a read has cut off. Only with raw framing it needs no line end.
    fn handle_segment(&mut self, mut frame: Vec<u8>) {
        if frame.ends_with(b"\n") {
            frame.pop();
        } else if self.send_framing.is_terminated() {
            self.report_unterminated(&frame);
        }
        self.split_glued(frame);
    }

    /// Remembers a missing line end. A server that ends nothing it sends is understood all the same.
    fn note_unterminated(&mut self) {
        if self.raw.is_none() {
            self.malformed.get_or_insert(UNENDED);
        }
    }

    fn report_unterminated(&mut self, frame: &[u8]) {
        self.note_unterminated();
        let got = format!("{} without a line end", mychat_scenario::template::text::shown(frame));
        self.monitors.report_violation(FrameRule::Terminated, &self.case, got);
    }

    fn split_glued(&mut self, frame: Vec<u8>) {
        match glued_at(&frame) {
            Some(at) => {
                self.note_unterminated();
                self.monitors.report_violation(
                    FrameRule::Terminated,
                    &self.case,
                    format!(
                        "{}: two messages without a line end between them",
                        mychat_scenario::template::text::shown(&frame)
                    ),
                );
                let second = frame[at..].to_vec();
                self.handle_frame(frame[..at].to_vec());
                self.split_glued(second);
            }
            None => self.handle_frame(frame),
        }
    }

    fn handle_frame(&mut self, frame: Vec<u8>) {
        if let Some(number) = fence_number(&frame, &self.fence_prefix) {
            self.fences.insert(number);
            return;
        }
        if self.count_only && (frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|")) {
            self.count += 1;
            let (shortest, longest) = self.sizes.unwrap_or((frame.len(), frame.len()));
            self.sizes = Some((shortest.min(frame.len()), longest.max(frame.len())));
            if exceeds_limit(&frame) {
                self.observe(&frame);
            }
            return;
        }
        self.observe(&frame);
        if frame.is_empty() {
            // Empty frames are ignored here; a monitor reports them.
            return;
        }
        if let Some(names) = frame.strip_prefix(b"USER_LIST|") {
            self.handle_list(&String::from_utf8_lossy(names));
            return;
        }
        if frame.starts_with(b"CONNECT_ACK|") {
            self.connect_replies += 1;
            self.logged_in |= frame == b"CONNECT_ACK|OK";
        }
        self.count += 1;
        self.frames.push(ReceivedFrame { bytes: frame, at: Instant::now(), consumed: false });
    }

    /// Returns the hint for a malformed message that arrived here.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        self.malformed.map(|hint| if hint == UNENDED { self.monitors.unterminated_hint() } else { hint })
    }

    fn observe(&mut self, frame: &[u8]) {
        let invalid_utf8 = self.sent_invalid_utf8.load(Ordering::Relaxed);
        let exempt = FrameExemptions { invalid_utf8, ..self.exempt };
        let malformed = self.monitors.observe_frame(&self.case, frame, exempt);
        self.malformed = self.malformed.or(malformed);
    }

    /// Joins continued lists: a list frame that ends in a comma continues in the next one. If the next one repeats the first
    /// name, it is a new list of a server that ends every list with a comma.
    fn handle_list(&mut self, names: &str) {
        self.early_lists += usize::from(self.connect_replies == 0);
        self.list_frames_seen += 1;
        self.list_frames.push(names.to_owned());
        if self.list_frames.len() > 64 {
            self.list_frames.remove(0);
        }
        let first = names.split(',').next().unwrap_or_default();
        let repeated = self.continued.split(',').any(|name| !name.is_empty() && name == first);
        if repeated {
            self.continued.clear();
        }
        self.continued.push_str(names);
        if names.ends_with(',') {
            // The part so far counts as the list until the rest arrives.
            self.list = Some(self.continued.trim_end_matches(',').to_owned());
            return;
        }
        let list = std::mem::take(&mut self.continued);
        if let Some(kept_lists) = &mut self.kept_lists {
            kept_lists.push(list.clone());
        }
        self.lists += 1;
        self.list = Some(list);
    }
}
