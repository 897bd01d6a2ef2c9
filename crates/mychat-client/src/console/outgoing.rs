//! Messages and requests on their way to the server.

use mychat_client::{SendError, Sender};

use super::request::RoomRequest;

/// Something to send, in the order in which it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// A message to all users.
    Broadcast(String),
    /// A message to one user.
    Private { to: String, text: String },
    /// A request about rooms; a message to a room is one.
    Request(RoomRequest),
}

impl Outgoing {
    /// Returns the error that [`send`](Self::send) would return now.
    pub(crate) fn check(&self, sender: &Sender) -> Result<(), SendError> {
        match self {
            Self::Broadcast(text) => sender.check_broadcast(text),
            Self::Private { to, text } => sender.check_message(to, text),
            Self::Request(request) => request.check(sender),
        }
    }

    /// Hands it to the connection.
    pub(crate) async fn send(&self, sender: &Sender) -> Result<(), SendError> {
        match self {
            Self::Broadcast(text) => sender.broadcast(text).await,
            Self::Private { to, text } => sender.message(to, text).await,
            Self::Request(request) => request.send(sender).await,
        }
    }

    /// Returns the number of bytes by which a message exceeds its limit.
    pub(crate) fn excess_bytes(&self, sender: &Sender) -> usize {
        let (text, limit) = match self {
            Self::Broadcast(text) => (text, sender.max_content_len(None)),
            Self::Private { to, text } => (text, sender.max_content_len(Some(to))),
            Self::Request(RoomRequest::Say { room, text }) => (text, sender.max_room_content_len(room)),
            Self::Request(_) => return 0,
        };
        text.len().saturating_sub(limit)
    }
}
