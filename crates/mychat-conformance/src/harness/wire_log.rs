//! Records every byte of a case with its time and direction, and turns them into the lines of a report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::transcript::Writes;
use mychat_scenario::template::actor_names::ActorNames;
use mychat_scenario::template::text;

/// One event on a connection.
#[derive(Debug, Clone)]
struct WireEvent {
    at: Instant,
    actor: Arc<str>,
    direction: Direction,
    bytes: Vec<u8>,
    size: usize,
    mark: bool,
}

/// The direction of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Bytes from the suite to the server.
    Sent,
    /// Bytes from the server to the suite.
    Received,
    /// A note, such as the end of the connection.
    Note,
}

/// One line of the log as reports show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireLine {
    /// Milliseconds since the case began.
    pub ms: f64,
    /// The actor whose connection it is.
    pub actor: String,
    /// The direction.
    pub dir: Direction,
    /// The bytes as readable text, with the names that the case uses.
    pub text: String,
    /// The number of bytes; 0 for a note.
    pub bytes: usize,
    /// The first 2048 bytes in hexadecimal.
    pub hex: String,
    /// A remark on the line that broke a rule.
    pub mark: Option<String>,
}

/// The bytes of a running case, in order. Clones share one log.
#[derive(Debug, Clone)]
pub(crate) struct WireLog {
    start: Instant,
    events: Arc<Mutex<Vec<WireEvent>>>,
}

/// The number of events that a log keeps; later ones are dropped.
const MAX_EVENTS: usize = 4000;
/// The number of bytes that a log keeps of each event.
const MAX_BYTES: usize = 2048;

impl Default for WireLog {
    fn default() -> Self {
        Self { start: Instant::now(), events: Arc::default() }
    }
}

impl WireLog {
    /// Appends an event. For [`Direction::Note`] the bytes are text.
    pub(crate) fn note(&self, actor: &Arc<str>, direction: Direction, bytes: &[u8]) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < MAX_EVENTS {
            events.push(WireEvent {
                at: Instant::now(),
                actor: Arc::clone(actor),
                direction,
                bytes: bytes[..bytes.len().min(MAX_BYTES)].to_vec(),
                size: bytes.len(),
                mark: false,
            });
        }
    }

    /// Marks the last received event of an actor that contains these bytes as the violation.
    pub(crate) fn mark(&self, actor: &str, bytes: &[u8]) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |event: &WireEvent| {
            !bytes.is_empty()
                && event.bytes.windows(bytes.len().min(256)).any(|part| part == &bytes[..bytes.len().min(256)])
        };
        let found = events.iter_mut().rev().find(|event| {
            event.direction != Direction::Sent && *event.actor == *actor && (bytes.is_empty() || holds(event))
        });
        if let Some(event) = found {
            event.mark = true;
        }
    }

    /// Returns how the messages were written.
    pub(crate) fn writes(&self) -> Writes {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = events.iter().filter(|event| event.direction == Direction::Sent);
        let is_even = |event: &WireEvent| match memchr::memchr(b'\n', &event.bytes) {
            Some(at) => at + 1 == event.size,
            // The end of a long message is not kept.
            None => event.size > event.bytes.len(),
        };
        Writes { count: sent.clone().count(), are_uneven: !sent.clone().all(is_even) }
    }

    /// Returns the lines so far.
    pub(crate) fn wire_lines(&self, names: &ActorNames) -> Vec<WireLine> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |event: &WireEvent| {
            let is_note = event.direction == Direction::Note;
            let text =
                if is_note { String::from_utf8_lossy(&event.bytes).into_owned() } else { text::shown(&event.bytes) };
            let cut = if event.size > event.bytes.len() { format!("{text} … ({} B)", event.size) } else { text };
            WireLine {
                ms: (event.at - self.start).as_secs_f64() * 1e3,
                actor: event.actor.to_string(),
                dir: event.direction,
                text: names.humanize(&cut),
                bytes: if is_note { 0 } else { event.size },
                hex: if is_note { String::new() } else { mychat_scenario::template::text::hexadecimal(&event.bytes) },
                mark: event.mark.then(|| "first violation".to_owned()),
            }
        };
        events.iter().map(line).collect()
    }
}
