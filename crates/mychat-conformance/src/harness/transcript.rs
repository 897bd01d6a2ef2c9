//! A finished case as plain data: what was sent and received on each connection.

use std::sync::Arc;

use super::FirstContact;

/// Everything that the diagnosis may look at. It holds no sockets and no locks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transcript {
    /// The actors' connections, in the order of the actors' names.
    pub(crate) connections: Vec<ConnectionTranscript>,
    /// The connection of the user who sends and receives fences.
    pub(crate) witness: Option<ConnectionTranscript>,
    /// The part that all names of this case contain, and no names of other cases.
    pub(crate) nonce: String,
    /// The witness's name on the wire.
    pub(crate) witness_name: String,
    /// The hint for a malformed message that the server sent during this case, on any connection.
    pub(crate) malformed: Option<&'static str>,
    /// All writes of the case, those of procedures included.
    pub(crate) writes: Writes,
    /// The findings of the first dialogue with the server.
    pub(crate) first_contact: Arc<FirstContact>,
}

/// The way in which the messages of a case were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Writes {
    /// The number of writes that the log has kept.
    pub(crate) count: usize,
    /// True if a write held a part of a message, or several messages.
    pub(crate) are_uneven: bool,
}

/// One connection of a finished case.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionTranscript {
    /// The actor in the case's words.
    pub(crate) actor: String,
    /// The last name that was requested on this connection.
    pub(crate) name: Option<String>,
    /// The bytes of each write.
    pub(crate) sent: Vec<Vec<u8>>,
    /// The frames that arrived, without lists.
    pub(crate) frames: Vec<FrameRecord>,
    /// The hint for a malformed message that arrived here.
    pub(crate) mistake: Option<&'static str>,
    /// The number of replies to `CONNECT`.
    pub(crate) connect_replies: usize,
    /// True if the server closed or reset the connection.
    pub(crate) closed_by_server: bool,
    /// True if the suite closed its sending direction, or both.
    pub(crate) closed_by_us: bool,
}

/// A frame that arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct FrameRecord {
    /// The frame without its terminator.
    pub(crate) bytes: Vec<u8>,
    /// True if a step expected this frame.
    pub(crate) consumed: bool,
}

impl Transcript {
    /// Returns the connection of an actor.
    pub(crate) fn connection(&self, actor: &str) -> Option<&ConnectionTranscript> {
        self.connections.iter().find(|conn| conn.actor == actor)
    }

    /// Returns the connection that last requested a name.
    pub(crate) fn named(&self, name: &[u8]) -> Option<&ConnectionTranscript> {
        self.connections.iter().find(|conn| conn.has_name(name))
    }

    /// Returns every write of every actor.
    pub(crate) fn all_sent(&self) -> impl Iterator<Item = &[u8]> {
        self.connections.iter().flat_map(|conn| &conn.sent).map(Vec::as_slice)
    }

    /// Returns true if a write of an actor contains `part`.
    pub(crate) fn was_sent(&self, part: &[u8]) -> bool {
        self.connections.iter().any(|conn| conn.has_sent(part))
    }
}

impl ConnectionTranscript {
    /// Returns true if `name` is the last name that was requested here.
    pub(crate) fn has_name(&self, name: &[u8]) -> bool {
        self.name.as_deref().is_some_and(|own| own.as_bytes() == name)
    }

    /// Returns true if a write on this connection contains `part`.
    pub(crate) fn has_sent(&self, part: &[u8]) -> bool {
        self.sent.iter().any(|sent| memchr::memmem::find(sent, part).is_some())
    }
}
