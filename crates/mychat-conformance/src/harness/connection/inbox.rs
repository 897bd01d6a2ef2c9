//! The bytes of one connection into frames, in order, with what each one says about the connection kept up to date.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mychat_proto::{Deframer, Framing, Inbound};

use super::ConnConfig;
use crate::harness::monitor::{Monitors, Rule};
use crate::harness::wire_log::{Direction, WireLog};

/// How the server ended a connection. Both count as closing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN.
    Closed,
    /// RST.
    Reset,
    /// By us: it sent more than anybody could want.
    Flood,
}

/// A frame that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedFrame {
    /// Without its terminator.
    pub bytes: Vec<u8>,
    /// When it was read.
    pub at: Instant,
    /// Whether a step has asked for it.
    pub consumed: bool,
}

/// All that arrived on one connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Frames that are no lists, in order.
    pub frames: Vec<ReceivedFrame>,
    /// How the server ended the connection.
    pub end: Option<End>,
    /// Whether `CONNECT_ACK|OK` came.
    pub logged_in: bool,
    /// How many answers to `CONNECT` came.
    pub connect_replies: usize,
    /// How many whole lists came before the first answer to `CONNECT`.
    pub early_lists: usize,
    /// The names of the last list, with commas, continued ones put together.
    pub list: Option<String>,
    /// How many lists came.
    pub lists: usize,
    /// All lists, where somebody wants them.
    pub kept_lists: Option<Vec<String>>,
    /// The frames of lists as they came, the last few.
    pub list_frames: Vec<String>,
    /// Bytes that arrived.
    pub bytes: u64,
    /// Whether frames are counted alone.
    pub count_only: bool,
    /// How many frames came that are no lists.
    pub count: u64,
    /// The shortest and the longest of those that were counted alone.
    pub sizes: Option<(usize, usize)>,
    list_frames_seen: usize,
    unfinished: Vec<u8>,
    scanned: usize,
    flooded: bool,
    raw: Option<Deframer>,
    continued: String,
    actor: Arc<str>,
    case: Arc<str>,
    sent_invalid_utf8: Arc<AtomicBool>,
    monitors: Monitors,
    wire_log: WireLog,
}

/// A frame this long never ends.
const MAX_UNFINISHED: usize = 8 * 1024 * 1024;
/// No case causes so many messages on one connection, or so many bytes of them.
const MAX_FRAMES: usize = 50_000;
const MAX_BYTES: u64 = 64 << 20;
const COMMANDS: [&[u8]; 5] = [b"CONNECT_ACK|", b"USER_LIST|", b"MESSAGE|", b"BROADCAST|", b"ERROR|"];

impl Inbox {
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
            list_frames_seen: 0,
            unfinished: Vec::new(),
            scanned: 0,
            flooded: false,
            raw: raw.then(|| Deframer::for_replies(Framing::Raw).lenient()),
            continued: String::new(),
            actor,
            case: Arc::clone(&config.case),
            sent_invalid_utf8: Arc::clone(&config.sent_invalid_utf8),
            monitors: config.monitors.clone(),
            wire_log: config.wire_log.clone(),
        }
    }

    /// How many frames of lists came.
    pub(crate) fn list_count(&self) -> usize {
        self.list_frames_seen
    }

    /// Whether a read is a message, or some.
    pub(super) fn is_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// What came behind the last end of a frame.
    pub(crate) fn unfinished(&self) -> &[u8] {
        &self.unfinished
    }

    /// Whether these bytes are in a frame that came, or in what has no end yet.
    pub(crate) fn has_bytes(&self, bytes: &[u8]) -> bool {
        self.frames.iter().rev().any(|frame| contains(&frame.bytes, bytes)) || contains(&self.unfinished, bytes)
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.wire_log.note(&self.actor, Direction::Received, bytes);
        if let Some(mut raw) = self.raw.take() {
            let mut whole = Vec::new();
            let mut feed = raw.feed(bytes);
            while let Some(inbound) = feed.next() {
                if let Inbound::Frame(frame) = inbound {
                    whole.push(frame.strip_suffix(b"\n").unwrap_or(frame).to_vec());
                }
            }
            self.raw = Some(raw);
            for frame in rejoin_content(whole) {
                self.split_glued(frame);
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
            self.monitors.report_violation(Rule::Terminated, &self.case, "8 MiB without a line end".to_owned());
            self.unfinished.clear();
            self.scanned = 0;
            self.flooded = true;
        }
    }

    /// Whether more came than anybody could want: whoever goes on reading never comes to an end.
    pub(super) fn is_flooded(&self) -> bool {
        let kept_lists = self.frames.len() > MAX_FRAMES || self.bytes > MAX_BYTES && !self.count_only;
        self.flooded || kept_lists
    }

    /// `left`: we had closed our direction before, and a server need not go on with what it was saying to us.
    pub(super) fn end_stream(&mut self, end: End, left: bool) {
        self.end = Some(end);
        let words: &[u8] = match end {
            End::Closed => b"closed by the server (FIN)",
            End::Reset => b"closed by the server (RST)",
            End::Flood => b"closed by us: it sends without end",
        };
        self.wire_log.note(&self.actor, Direction::Note, words);
        // A server that dies may stop anywhere; one that closes in order ends its last frame before.
        if end == End::Closed && !left && !self.count_only {
            self.end_unfinished();
        }
    }

    /// Takes what has no end for a frame: whoever waited long enough knows that none comes.
    pub(crate) fn end_unfinished(&mut self) {
        if self.unfinished.is_empty() {
            return;
        }
        let frame = std::mem::take(&mut self.unfinished);
        self.scanned = 0;
        self.monitors.report_violation(
            Rule::Terminated,
            &self.case,
            format!("{} without a line end", mychat_scenario::template::text::shown(&frame)),
        );
        self.split_glued(frame);
    }

    fn split_glued(&mut self, frame: Vec<u8>) {
        match glued_at(&frame) {
            Some(at) => {
                self.monitors.report_violation(
                    Rule::Terminated,
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
        if self.count_only && (frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|")) {
            self.count += 1;
            let (least, most) = self.sizes.unwrap_or((frame.len(), frame.len()));
            self.sizes = Some((least.min(frame.len()), most.max(frame.len())));
            return;
        }
        self.monitors.observe_frame(&self.case, &frame, self.sent_invalid_utf8.load(Ordering::Relaxed));
        if frame.is_empty() {
            // A check of its own reports it; a client passes over it.
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

    /// A list whose last character is a comma goes on in the next frame. A server that ends every list so repeats its
    /// first name there, which no continuation does.
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
            // What is there so far: should no more come, this was all.
            self.list = Some(self.continued.trim_end_matches(',').to_owned());
            return;
        }
        let whole = std::mem::take(&mut self.continued);
        if let Some(kept_lists) = &mut self.kept_lists {
            kept_lists.push(whole.clone());
        }
        self.lists += 1;
        self.list = Some(whole);
    }
}

/// Whether one is in the other.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

/// Content that looks like a message is cut off where no terminator shows the difference. It goes back where it came from:
/// behind a message without content, since nobody sends empty ones, and where it has no sender, since every message has one.
fn rejoin_content(frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut whole: Vec<Vec<u8>> = Vec::with_capacity(frames.len());
    for frame in frames {
        match whole.last_mut() {
            Some(last) if has_text(last) && (last.ends_with(b"|") || is_without_sender(&frame)) => last.extend(frame),
            _ => whole.push(frame),
        }
    }
    whole
}

fn is_message(frame: &[u8]) -> bool {
    frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|")
}

/// Whether a frame ends in words of somebody's, which may look like anything.
fn has_text(frame: &[u8]) -> bool {
    is_message(frame) || frame.starts_with(b"ERROR|")
}

fn is_without_sender(frame: &[u8]) -> bool {
    is_message(frame) && memchr::memchr_iter(b'|', frame).count() == 1
}

/// Where a second reply begins in a frame that cannot hold one: behind the answer to `CONNECT`, and in a list, which
/// has no second pipe.
fn glued_at(frame: &[u8]) -> Option<usize> {
    for answer in [&b"CONNECT_ACK|OK"[..], b"CONNECT_ACK|FAIL"] {
        if let Some(rest) = frame.strip_prefix(answer) {
            return COMMANDS.iter().any(|command| rest.starts_with(command)).then_some(answer.len());
        }
    }
    let names = frame.strip_prefix(b"USER_LIST|")?;
    // A name may be called like a command, and stands behind whatever this server puts between names.
    let is_name = |at: &usize| *at > 0 && b"|,; ".contains(&names[at - 1]);
    let begins = |command: &&[u8]| memchr::memmem::find_iter(names, *command).find(|at| !is_name(at));
    let at = COMMANDS.iter().filter_map(begins).min()?;
    Some(at + b"USER_LIST|".len())
}

#[cfg(test)]
mod tests {
    use super::{glued_at, rejoin_content};

    #[test]
    fn a_reply_behind_a_list_is_found_and_a_name_like_a_command_is_a_name() {
        assert_eq!(glued_at(b"USER_LIST|ana,bobMESSAGE|ana|x"), Some("USER_LIST|ana,bob".len()));
        assert_eq!(glued_at(b"USER_LIST|ana|USER_LIST|bob"), None);
        assert_eq!(glued_at(b"USER_LIST|ana, ERROR|bob"), None);
    }

    #[test]
    fn content_that_looks_like_a_message_is_content() {
        let joined = |frames: &[&str]| -> Vec<String> {
            let frames = rejoin_content(frames.iter().map(|frame| frame.as_bytes().to_vec()).collect());
            frames.into_iter().map(|frame| String::from_utf8_lossy(&frame).into_owned()).collect()
        };
        assert_eq!(joined(&["MESSAGE|ana|", "MESSAGE|cat|x"]), ["MESSAGE|ana|MESSAGE|cat|x"]);
        assert_eq!(joined(&["BROADCAST|ana|one", "BROADCAST|two"]), ["BROADCAST|ana|oneBROADCAST|two"]);
        assert_eq!(joined(&["ERROR|400|use ", "MESSAGE|name"]), ["ERROR|400|use MESSAGE|name"]);
        assert_eq!(joined(&["MESSAGE|ana|a", "MESSAGE|ana|b", "USER_LIST|ana"]).len(), 3);
    }
}
