//! Monitors: rules for every frame from the server, checked on all connections of all cases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::harness::malformed::{REPLY_PREFIXES, malformed_message};

/// A rule for single frames. Each one has a check in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameRule {
    /// Every frame has a terminator.
    Terminated,
    /// A frame has at most 1024 bytes.
    Limit,
    /// A frame is UTF-8.
    Utf8,
    /// A frame is a reply of the protocol with the right number of fields.
    Grammar,
    /// An `ERROR` has a code and a text, in this order.
    ErrorFormat,
}

impl FrameRule {
    /// All rules.
    pub const ALL: [Self; 5] = [Self::Terminated, Self::Limit, Self::Utf8, Self::Grammar, Self::ErrorFormat];

    /// Returns the id of the check that reports violations of this rule.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Terminated => "frame.out-terminated",
            Self::Limit => "frame.out-limit",
            Self::Utf8 => "frame.out-utf8",
            Self::Grammar => "frame.out-grammar",
            Self::ErrorFormat => "cmd.error-format",
        }
    }

    /// Returns the demand of this rule, for reports.
    pub const fn want(self) -> &'static str {
        match self {
            Self::Terminated => "a line end behind every message, also between two that are sent together",
            Self::Limit => "no message longer than 1024 bytes",
            Self::Utf8 => "UTF-8 in every byte that the server sends",
            Self::Grammar => {
                "CONNECT_ACK|OK or FAIL, USER_LIST|names, MESSAGE|sender|text, BROADCAST|sender|text or ERROR|code|text"
            }
            Self::ErrorFormat => "ERROR|code|text in this order, with neither of the two empty",
        }
    }
}

/// The first violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The case in which it was seen.
    pub case: String,
    /// The frame that violates the rule, for reports.
    pub got: String,
    /// The beginning of the frame; empty if no single frame shows the violation.
    pub frame: Vec<u8>,
}

/// The number of bytes that are kept of a frame that violates a rule.
const MAX_KEPT: usize = 256;

/// Rules that are not applied to the frames of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FrameExemptions {
    /// The case itself sent invalid UTF-8, which the server may have forwarded: the case judges that.
    pub(crate) invalid_utf8: bool,
    /// Lists may exceed the limit: the text does not say what becomes of a list that does not fit into a message (rule L4).
    pub(crate) long_lists: bool,
    /// Frames that may arrive beside whole replies of MyChat/1.
    pub(crate) others: OtherFrames,
}

/// Frames that may arrive on a connection beside whole replies of MyChat/1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OtherFrames {
    #[default]
    None,
    /// Parts of messages: the server sends no line ends, and one read may return less than a message.
    Fragments,
    /// Frames of an extension, which the case judges.
    Extensions,
}

/// The monitors of a run, with their findings. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Monitors {
    state: Arc<Mutex<MonitorState>>,
}

/// At most this many different codes of `ERROR` are remembered.
const MAX_CODES: usize = 12;

#[derive(Debug, Default)]
struct MonitorState {
    frames: u64,
    errors: u64,
    codes: BTreeSet<String>,
    violations: BTreeMap<FrameRule, Violation>,
    /// The first hint for a malformed message, by case.
    malformed: BTreeMap<String, &'static str>,
    /// True if an empty frame arrived.
    has_empty_frame: bool,
    /// True if a frame without its terminator arrived.
    has_unterminated_frame: bool,
}

impl Monitors {
    /// Counts a frame and checks it against all rules without an exemption. Returns the hint for a malformed message.
    pub(crate) fn observe_frame(&self, case: &str, frame: &[u8], exempt: FrameExemptions) -> Option<&'static str> {
        let mut violated = inspect(frame);
        violated.retain(|rule| match rule {
            FrameRule::Utf8 => !exempt.invalid_utf8 && exempt.others != OtherFrames::Fragments,
            FrameRule::Limit => !(exempt.long_lists && frame.starts_with(b"USER_LIST|")),
            FrameRule::Grammar => exempt.others == OtherFrames::None || is_reply(frame),
            FrameRule::Terminated | FrameRule::ErrorFormat => true,
        });
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.frames += 1;
        state.has_empty_frame |= frame.is_empty();
        if let Some(error) = frame.strip_prefix(b"ERROR") {
            state.errors += 1;
            if state.codes.len() < MAX_CODES {
                let code = error.split(|byte| *byte == b'|').nth(1).unwrap_or_default();
                state.codes.insert(String::from_utf8_lossy(&code[..code.len().min(40)]).into_owned());
            }
        }
        let malformed = if violated.is_empty() { None } else { malformed_message(frame) };
        if let Some(mistake) = malformed {
            state.malformed.entry(case.to_owned()).or_insert(mistake);
        }
        for rule in violated {
            let swapped = if rule == FrameRule::ErrorFormat && is_swapped(frame) { SWAPPED } else { "" };
            let violation = || Violation {
                case: case.to_owned(),
                got: format!("{}{swapped}", shown(frame)),
                frame: frame[..frame.len().min(MAX_KEPT)].to_vec(),
            };
            state.violations.entry(rule).or_insert_with(violation);
        }
        malformed
    }

    /// Removes the violation of `rule` if it was seen in `case`. Used where the server was killed and may have written a part
    /// of a frame.
    pub fn forget(&self, rule: FrameRule, case: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.violations.get(&rule).is_some_and(|violation| violation.case == case) {
            state.violations.remove(&rule);
        }
    }

    /// Records a violation that no single frame shows.
    pub fn report_violation(&self, rule: FrameRule, case: &str, got: String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.violations.entry(rule).or_insert_with(|| Violation { case: case.to_owned(), got, frame: Vec::new() });
        if rule == FrameRule::Terminated {
            state.has_unterminated_frame = true;
        }
    }

    /// Returns the hint for malformed messages that arrived in a case. They may be the cause of its failure.
    pub fn mistake(&self, case: &str) -> Option<&'static str> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).malformed.get(case).copied()
    }

    /// Returns the hint for a message without a line end.
    pub(crate) fn unterminated_hint(&self) -> &'static str {
        if self.are_mixed() { MIXED } else { UNENDED }
    }

    /// Returns true if terminators are missing and others arrived alone: two threads wrote at the same time.
    fn are_mixed(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.has_empty_frame && state.has_unterminated_frame
    }

    /// Returns the hint for a violation of `rule` whose cause is another mistake.
    pub fn cause(&self, rule: FrameRule) -> Option<&'static str> {
        (matches!(rule, FrameRule::Terminated | FrameRule::Grammar) && self.are_mixed()).then_some(MIXED)
    }

    /// Returns the first violation of a rule.
    pub fn violation(&self, rule: FrameRule) -> Option<Violation> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).violations.get(&rule).cloned()
    }

    /// Returns the codes of all `ERROR` frames, at most [`MAX_CODES`] of them.
    pub fn codes(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).codes.iter().cloned().collect()
    }

    /// Returns the number of frames that were checked against a rule.
    pub fn seen(&self, rule: FrameRule) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if rule == FrameRule::ErrorFormat { state.errors } else { state.frames }
    }
}

pub(crate) const UNENDED: &str =
    "some messages are sent without a line end: each needs its own (see frame.out-terminated)";
/// The hint of the check `frame.out-atomic`.
const MIXED: &str = "several threads write to one socket without a lock, or send() is used where sendall() is needed";
const SWAPPED: &str = ", with the text before the code";

/// Returns true if an `ERROR` has its text before its code.
fn is_swapped(frame: &[u8]) -> bool {
    let is_number = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    let fields: Vec<&[u8]> = frame.splitn(3, |byte| *byte == b'|').collect();
    matches!(fields.as_slice(), [b"ERROR", code, text] if is_number(text) && !is_number(code))
}

/// Returns true if a frame begins like a reply of MyChat/1.
fn is_reply(frame: &[u8]) -> bool {
    REPLY_PREFIXES.iter().any(|prefix| frame.starts_with(prefix))
}

fn shown(frame: &[u8]) -> String {
    if frame.is_empty() { "an empty line".to_owned() } else { mychat_scenario::template::text::shown(frame) }
}

/// Returns the rules that a frame violates.
pub(crate) fn inspect(frame: &[u8]) -> Vec<FrameRule> {
    let mut violation = Vec::new();
    if exceeds_limit(frame) {
        violation.push(FrameRule::Limit);
    }
    if std::str::from_utf8(frame).is_err() {
        violation.push(FrameRule::Utf8);
    }
    let fields: Vec<&[u8]> = frame.splitn(3, |byte| *byte == b'|').collect();
    let grammatical = match fields.as_slice() {
        [b"CONNECT_ACK", status] => matches!(*status, b"OK" | b"FAIL"),
        [b"USER_LIST", _] => true,
        [b"MESSAGE" | b"BROADCAST", sender, _] => !sender.is_empty(),
        [b"ERROR", rest @ ..] => {
            if rest.len() != 2 || rest.iter().any(|field| field.is_empty()) || is_swapped(frame) {
                violation.push(FrameRule::ErrorFormat);
            }
            !rest.is_empty()
        }
        _ => false,
    };
    if !grammatical {
        violation.push(FrameRule::Grammar);
    }
    violation
}

/// Returns true if a frame is too long. A reply inside of it shows that a line end may be missing between two short ones.
pub(crate) fn exceeds_limit(frame: &[u8]) -> bool {
    let has_reply_inside =
        || REPLY_PREFIXES.iter().any(|prefix| memchr::memmem::find_iter(frame, prefix).any(|at| at > 0));
    frame.len() > mychat_proto::MAX_FRAME && !has_reply_inside()
}

#[cfg(test)]
mod tests {
    use super::{FrameExemptions, FrameRule, Monitors, OtherFrames, inspect};

    #[test]
    fn frames_that_break_rules() {
        let violation = |frame: &str| inspect(frame.as_bytes());
        for legal in ["CONNECT_ACK|OK", "USER_LIST|", "MESSAGE|a|b|c", "BROADCAST|a|", "ERROR|404|no"] {
            assert_eq!(violation(legal), [], "{legal}");
        }
        for illegal in ["", "hello", "CONNECT_ACK|ok", "CONNECT_ACK|OK|x", "USER_LIST|a|b", "MESSAGE|a"] {
            assert_eq!(violation(illegal), [FrameRule::Grammar], "{illegal}");
        }
        for illegal in ["ERROR|404", "ERROR||no", "ERROR|404|", "ERROR|no such user|404"] {
            assert_eq!(violation(illegal), [FrameRule::ErrorFormat], "{illegal}");
        }
        assert_eq!(violation("ERROR|404|404"), []);
        assert_eq!(inspect(b"ERROR|404|\xff"), [FrameRule::Utf8]);
    }

    #[test]
    fn a_frame_that_is_too_long_breaks_a_rule_whatever_it_is() {
        let long = |start: &str, size: usize| format!("{start}{}", "x".repeat(size - start.len()));
        for start in ["MESSAGE|ana|", "BROADCAST|ana|", "USER_LIST|", "ERROR|404|"] {
            assert_eq!(inspect(long(start, 1024).as_bytes()), [], "{start}");
            assert_eq!(inspect(long(start, 1025).as_bytes()), [FrameRule::Limit], "{start}");
        }
        // Two messages of legal length, without a line end between them.
        let glued = [long("MESSAGE|ana|", 900), long("MESSAGE|bob|", 900)].concat();
        assert_eq!(inspect(glued.as_bytes()), []);
    }

    #[test]
    fn lists_that_the_profile_declares_may_be_long() {
        let long = |start: &str| format!("{start}{}", "x".repeat(1024)).into_bytes();
        let (monitors, exempt) =
            (Monitors::default(), FrameExemptions { long_lists: true, ..FrameExemptions::default() });
        monitors.observe_frame("one", &long("USER_LIST|"), exempt);
        assert_eq!(monitors.violation(FrameRule::Limit), None);
        monitors.observe_frame("one", &long("MESSAGE|ana|"), exempt);
        assert!(monitors.violation(FrameRule::Limit).is_some());
    }

    /// The tool cuts what a server without line ends sends: a part of a message breaks no rule.
    #[test]
    fn parts_of_messages_are_not_judged_like_messages() {
        let (monitors, fragment) =
            (Monitors::default(), FrameExemptions { others: OtherFrames::Fragments, ..FrameExemptions::default() });
        for part in [&b"klmnop"[..], b"T|ana|x", b"\x9f\x98\x80"] {
            monitors.observe_frame("one", part, fragment);
        }
        assert_eq!(monitors.violation(FrameRule::Grammar), None);
        assert_eq!(monitors.violation(FrameRule::Utf8), None);
        monitors.observe_frame("one", b"CONNECT_ACK|ok", fragment);
        assert!(monitors.violation(FrameRule::Grammar).is_some());
    }

    /// The frames of extensions are judged by the checks of extensions, the others as ever.
    #[test]
    fn frames_of_extensions_are_exempt_where_a_case_is_about_them() {
        let (monitors, exempt) =
            (Monitors::default(), FrameExemptions { others: OtherFrames::Extensions, ..FrameExemptions::default() });
        monitors.observe_frame("one", b"JOIN|garden|ana", exempt);
        assert_eq!(monitors.violation(FrameRule::Grammar), None);
        monitors.observe_frame("one", b"MESSAGE|ana", exempt);
        assert!(monitors.violation(FrameRule::Grammar).is_some());
        let base = Monitors::default();
        base.observe_frame("one", b"JOIN|garden|ana", FrameExemptions::default());
        assert!(base.violation(FrameRule::Grammar).is_some(), "nobody asked for it");
    }

    #[test]
    fn missing_and_lone_terminators_show_unlocked_writes() {
        let monitors = Monitors::default();
        monitors.observe_frame("one", b"MESSAGE|ana|xMESSAGE|bob|y", FrameExemptions::default());
        monitors.report_violation(FrameRule::Terminated, "one", "two messages".to_owned());
        assert_eq!(monitors.cause(FrameRule::Terminated), None);
        assert!(monitors.unterminated_hint().contains("out-terminated"));
        monitors.observe_frame("one", b"", FrameExemptions::default());
        assert!(monitors.cause(FrameRule::Grammar).is_some_and(|cause| cause.contains("lock")));
        assert!(monitors.unterminated_hint().contains("lock"));
    }

    #[test]
    fn invalid_utf8_that_the_case_sent_is_no_violation() {
        let monitors = Monitors::default();
        let exempt = FrameExemptions { invalid_utf8: true, ..FrameExemptions::default() };
        monitors.observe_frame("sender", b"BROADCAST|ana|\xff", exempt);
        assert_eq!(monitors.violation(FrameRule::Utf8), None);
        monitors.observe_frame("plain", b"BROADCAST|ana|\xff", FrameExemptions::default());
        assert_eq!(monitors.violation(FrameRule::Utf8).map(|violation| violation.case).as_deref(), Some("plain"));
        monitors.forget(FrameRule::Utf8, "sender");
        assert!(monitors.violation(FrameRule::Utf8).is_some());
        monitors.forget(FrameRule::Utf8, "plain");
        assert_eq!(monitors.violation(FrameRule::Utf8), None);
    }
}
