//! Records every byte of a case with its time and direction, and turns them into the lines of a report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use mychat_scenario::template::actor_names::ActorNames;
use mychat_scenario::template::text;

/// One event on a connection.
#[derive(Debug, Clone)]
struct Event {
    at: Instant,
    actor: Arc<str>,
    direction: Direction,
    bytes: Vec<u8>,
    size: usize,
    mark: bool,
}

/// Which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From us to the server.
    Sent,
    /// From the server to us.
    Received,
    /// Something that happened to the connection, in words.
    Note,
}

/// One line of the log as reports show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireLine {
    /// Milliseconds since the case began.
    pub ms: f64,
    /// Whose connection.
    pub actor: String,
    /// Which way.
    pub dir: Direction,
    /// The bytes for people, with actors' names.
    pub text: String,
    /// How many bytes they are.
    pub bytes: usize,
    /// The bytes themselves, up to 2,048 of them.
    pub hex: String,
    /// What is wrong with it.
    pub mark: Option<String>,
}

/// The bytes of a running case, in order. Clones share one log.
#[derive(Debug, Clone)]
pub(crate) struct WireLog {
    start: Instant,
    events: Arc<Mutex<Vec<Event>>>,
}

/// A flood must not fill the memory: this many events are kept, and this much of each.
const MOST_EVENTS: usize = 4000;
const MOST_BYTES: usize = 2048;

impl Default for WireLog {
    fn default() -> Self {
        Self { start: Instant::now(), events: Arc::default() }
    }
}

impl WireLog {
    /// Notes bytes or words.
    pub(crate) fn note(&self, actor: &Arc<str>, direction: Direction, bytes: &[u8]) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < MOST_EVENTS {
            events.push(Event {
                at: Instant::now(),
                actor: Arc::clone(actor),
                direction,
                bytes: bytes[..bytes.len().min(MOST_BYTES)].to_vec(),
                size: bytes.len(),
                mark: false,
            });
        }
    }

    /// Marks the last line of an actor that holds these bytes as what is wrong.
    pub(crate) fn mark(&self, actor: &str, bytes: &[u8]) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |event: &Event| {
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

    /// The lines so far.
    pub(crate) fn wire_lines(&self, names: &ActorNames) -> Vec<WireLine> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |event: &Event| {
            let words = event.direction == Direction::Note;
            let text =
                if words { String::from_utf8_lossy(&event.bytes).into_owned() } else { text::shown(&event.bytes) };
            let cut = if event.size > event.bytes.len() { format!("{text} … ({} B)", event.size) } else { text };
            WireLine {
                ms: (event.at - self.start).as_secs_f64() * 1e3,
                actor: event.actor.to_string(),
                dir: event.direction,
                text: names.humanize(&cut),
                bytes: if words { 0 } else { event.size },
                hex: if words { String::new() } else { mychat_scenario::template::text::hexadecimal(&event.bytes) },
                mark: event.mark.then(|| "first violation".to_owned()),
            }
        };
        events.iter().map(line).collect()
    }
}
