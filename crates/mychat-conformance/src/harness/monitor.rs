//! What every frame from a server must be, whatever the case is about: looked at on all connections of all cases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What is looked at; each has a check of its own in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Every byte belongs to a frame with an end.
    Terminated,
    /// At most 1024 bytes.
    Limit,
    /// UTF-8.
    Utf8,
    /// A reply that the protocol knows, with the right number of fields.
    Grammar,
    /// `ERROR`, a code and a text.
    ErrorFormat,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Terminated, Self::Limit, Self::Utf8, Self::Grammar, Self::ErrorFormat];

    /// The check in the catalogue that reports it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Terminated => "frame.out-terminated",
            Self::Limit => "frame.out-limit",
            Self::Utf8 => "frame.out-utf8",
            Self::Grammar => "frame.out-grammar",
            Self::ErrorFormat => "cmd.error-format",
        }
    }

    /// What it wants.
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

/// A broken rule, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The case in which it was seen.
    pub case: String,
    /// What was seen.
    pub got: String,
}

/// What all monitors of a run saw. Clones are the same book.
#[derive(Debug, Clone, Default)]
pub struct Monitors {
    book: Arc<Mutex<MonitorState>>,
}

/// A server that makes up codes is not to fill a line.
const MOST_CODES: usize = 12;

#[derive(Debug, Default)]
struct MonitorState {
    frames: u64,
    errors: u64,
    codes: BTreeSet<String>,
    violations: BTreeMap<Rule, Violation>,
    /// Mistakes in how messages are written, by the case in which they were seen first.
    forms: BTreeMap<String, &'static str>,
    /// Whether a line end came with nothing before it.
    empty: bool,
}

impl Monitors {
    /// Counts a frame and looks at it. Where the case itself sent bytes that are no UTF-8 (`sent_invalid_utf8`), a server that passes
    /// them on breaks the rule about what it was sent, which that case judges, and not the one about its own words.
    pub fn observe_frame(&self, case: &str, frame: &[u8], sent_invalid_utf8: bool) {
        let mut violation = inspect(frame);
        violation.retain(|rule| !(sent_invalid_utf8 && *rule == Rule::Utf8));
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.frames += 1;
        book.empty |= frame.is_empty();
        if let Some(error) = frame.strip_prefix(b"ERROR") {
            book.errors += 1;
            if book.codes.len() < MOST_CODES {
                let code = error.split(|byte| *byte == b'|').nth(1).unwrap_or_default();
                book.codes.insert(String::from_utf8_lossy(&code[..code.len().min(40)]).into_owned());
            }
        }
        if !violation.is_empty()
            && let Some(mistake) = crate::harness::malformed::malformed_message(frame)
        {
            book.forms.entry(case.to_owned()).or_insert(mistake);
        }
        for rule in violation {
            let swapped = if rule == Rule::ErrorFormat && is_swapped(frame) { SWAPPED } else { "" };
            let got = || format!("{}{swapped}", shown(frame));
            book.violations.entry(rule).or_insert_with(|| Violation { case: case.to_owned(), got: got() });
        }
    }

    /// Forgets what a case showed of a rule: its server was killed in the middle of a word.
    pub fn forget(&self, rule: Rule, case: &str) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if book.violations.get(&rule).is_some_and(|report_violation| report_violation.case == case) {
            book.violations.remove(&rule);
        }
    }

    /// Notes a breach that no single frame shows.
    pub fn report_violation(&self, rule: Rule, case: &str, got: String) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.violations.entry(rule).or_insert_with(|| Violation { case: case.to_owned(), got });
        if rule == Rule::Terminated {
            book.forms.entry(case.to_owned()).or_insert(UNENDED);
        }
    }

    /// A mistake in how messages are written that a case met, and that may be all that is wrong there.
    pub fn mistake(&self, case: &str) -> Option<&'static str> {
        let mistake = self.book.lock().unwrap_or_else(PoisonError::into_inner).forms.get(case).copied()?;
        Some(if mistake == UNENDED && self.are_mixed() { MIXED } else { mistake })
    }

    /// Whether messages lack their line ends, and line ends come alone: two threads wrote at the same time.
    fn are_mixed(&self) -> bool {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.empty && book.violations.contains_key(&Rule::Terminated)
    }

    /// The mistake behind a breach of a rule, where it is another one than what the rule is about.
    pub fn cause(&self, rule: Rule) -> Option<&'static str> {
        (matches!(rule, Rule::Terminated | Rule::Grammar) && self.are_mixed()).then_some(MIXED)
    }

    /// The first breach of a rule.
    pub fn violation(&self, rule: Rule) -> Option<Violation> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).violations.get(&rule).cloned()
    }

    /// The codes of all errors, as they came.
    pub fn codes(&self) -> Vec<String> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).codes.iter().cloned().collect()
    }

    /// Frames that a rule was held against.
    pub fn seen(&self, rule: Rule) -> u64 {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if rule == Rule::ErrorFormat { book.errors } else { book.frames }
    }
}

const UNENDED: &str = "some messages are sent without a line end: each needs its own (see frame.out-terminated)";
/// As `frame.out-atomic` has it, which is about this.
const MIXED: &str = "several threads write to one socket without a lock, or send() is used where sendall() is needed";
const SWAPPED: &str = ", with the text before the code";

/// Whether an `ERROR` says its text first and its code behind it: a number is no text.
fn is_swapped(frame: &[u8]) -> bool {
    let is_number = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    let fields: Vec<&[u8]> = frame.splitn(3, |byte| *byte == b'|').collect();
    matches!(fields.as_slice(), [b"ERROR", code, text] if is_number(text) && !is_number(code))
}

fn shown(frame: &[u8]) -> String {
    if frame.is_empty() { "an empty line".to_owned() } else { mychat_scenario::template::text::shown(frame) }
}

/// Which rules a frame breaks.
pub(crate) fn inspect(frame: &[u8]) -> Vec<Rule> {
    let mut violation = Vec::new();
    let list = frame.starts_with(b"USER_LIST|");
    // A forward that had to outgrow the limit, and a list that did, have checks of their own.
    let forward = frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|");
    if frame.len() > mychat_proto::MAX_FRAME && !list && !forward {
        violation.push(Rule::Limit);
    }
    if std::str::from_utf8(frame).is_err() {
        violation.push(Rule::Utf8);
    }
    let fields: Vec<&[u8]> = frame.splitn(3, |byte| *byte == b'|').collect();
    let grammatical = match fields.as_slice() {
        [b"CONNECT_ACK", status] => matches!(*status, b"OK" | b"FAIL"),
        [b"USER_LIST", _] => true,
        [b"MESSAGE" | b"BROADCAST", sender, _] => !sender.is_empty(),
        [b"ERROR", rest @ ..] => {
            if rest.len() != 2 || rest.iter().any(|field| field.is_empty()) || is_swapped(frame) {
                violation.push(Rule::ErrorFormat);
            }
            !rest.is_empty()
        }
        _ => false,
    };
    if !grammatical {
        violation.push(Rule::Grammar);
    }
    violation
}

#[cfg(test)]
mod tests {
    use super::{Monitors, Rule, inspect};

    #[test]
    fn frames_that_break_rules() {
        let violation = |frame: &str| inspect(frame.as_bytes());
        for legal in ["CONNECT_ACK|OK", "USER_LIST|", "MESSAGE|a|b|c", "BROADCAST|a|", "ERROR|404|no"] {
            assert_eq!(violation(legal), [], "{legal}");
        }
        for illegal in ["", "hello", "CONNECT_ACK|ok", "CONNECT_ACK|OK|x", "USER_LIST|a|b", "MESSAGE|a"] {
            assert_eq!(violation(illegal), [Rule::Grammar], "{illegal}");
        }
        for illegal in ["ERROR|404", "ERROR||no", "ERROR|404|", "ERROR|no such user|404"] {
            assert_eq!(violation(illegal), [Rule::ErrorFormat], "{illegal}");
        }
        assert_eq!(violation("ERROR|404|404"), []);
        assert_eq!(inspect(b"ERROR|404|\xff"), [Rule::Utf8]);
    }

    #[test]
    fn line_ends_that_stand_elsewhere_are_mixed_up() {
        let monitors = Monitors::default();
        monitors.observe_frame("one", b"MESSAGE|ana|xMESSAGE|bob|y", false);
        monitors.report_violation(Rule::Terminated, "one", "two messages".to_owned());
        assert_eq!(monitors.cause(Rule::Terminated), None);
        assert!(monitors.mistake("one").is_some_and(|mistake| mistake.contains("out-terminated")));
        monitors.observe_frame("one", b"", false);
        assert!(monitors.cause(Rule::Grammar).is_some_and(|cause| cause.contains("lock")));
        assert!(monitors.mistake("one").is_some_and(|mistake| mistake.contains("lock")));
    }

    #[test]
    fn only_its_own_words_are_held_against_a_server() {
        let monitors = Monitors::default();
        monitors.observe_frame("led", b"BROADCAST|ana|\xff", true);
        assert_eq!(monitors.violation(Rule::Utf8), None);
        monitors.observe_frame("plain", b"BROADCAST|ana|\xff", false);
        assert_eq!(
            monitors.violation(Rule::Utf8).map(|report_violation| report_violation.case).as_deref(),
            Some("plain")
        );
        monitors.forget(Rule::Utf8, "led");
        assert!(monitors.violation(Rule::Utf8).is_some());
        monitors.forget(Rule::Utf8, "plain");
        assert_eq!(monitors.violation(Rule::Utf8), None);
    }
}
