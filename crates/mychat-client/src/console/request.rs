//! Requests about rooms: how they are sent, and by which event or error the server answers them.

use mychat_client::name::check;
use mychat_client::{ErrorCode, Moderation, RoomMode, RoomUpdate, SendError, Sender};

/// A request about rooms, with everything that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RoomRequest {
    Join { room: String },
    Leave { room: String },
    Say { room: String, text: String },
    List,
    Members { room: String },
    Topic { room: String, text: String },
    Mode { room: String, mode: RoomMode },
    Moderate { action: Moderation, room: String, user: String },
}

impl RoomRequest {
    /// Returns the room that the request names.
    pub(crate) fn room(&self) -> Option<&str> {
        match self {
            Self::Join { room }
            | Self::Leave { room }
            | Self::Say { room, .. }
            | Self::Members { room }
            | Self::Topic { room, .. }
            | Self::Mode { room, .. }
            | Self::Moderate { room, .. } => Some(room),
            Self::List => None,
        }
    }

    /// Returns the error that [`send`](Self::send) would return now.
    pub(crate) fn check(&self, sender: &Sender) -> Result<(), SendError> {
        match self {
            Self::Say { room, text } => return sender.check_say(room, text),
            Self::Topic { room, text } => return sender.check_topic(room, text),
            Self::Moderate { user, .. } => check(user)?,
            _ => {}
        }
        self.room().map_or(Ok(()), check)?;
        if !sender.may_have_rooms() {
            return Err(SendError::NoRooms);
        }
        if sender.framing().is_some() { Ok(()) } else { Err(SendError::Offline) }
    }

    /// Hands the request to the connection.
    pub(crate) async fn send(&self, sender: &Sender) -> Result<(), SendError> {
        match self {
            Self::Join { room } => sender.join(room).await,
            Self::Leave { room } => sender.leave(room).await,
            Self::Say { room, text } => sender.say(room, text).await,
            Self::List => sender.list_rooms().await,
            Self::Members { room } => sender.list_members(room).await,
            Self::Topic { room, text } => sender.set_topic(room, text).await,
            Self::Mode { room, mode } => sender.set_mode(room, *mode).await,
            Self::Moderate { action, room, user } => sender.moderate(*action, room, user).await,
        }
    }

    /// Returns true if `update` is the echo of this request by the user `own` (rule Q1).
    pub(crate) fn is_answered_by(&self, update: &RoomUpdate, own: &str) -> bool {
        match (self, update) {
            (Self::Join { room }, update) => update.entered_by(own) == Some(room),
            (Self::Leave { room }, RoomUpdate::Left { room: left, user }) => room == left && user == own,
            (Self::Say { room, text }, RoomUpdate::Said { room: said, from, content }) => {
                room == said && from == own && text == content
            }
            (Self::List, RoomUpdate::List(_)) => true,
            (Self::Members { room }, RoomUpdate::Members { room: listed, .. }) => room == listed,
            (Self::Topic { room, text }, RoomUpdate::Topic { room: set, by, text: topic }) => {
                room == set && by == own && text == topic
            }
            (Self::Mode { room, mode }, RoomUpdate::Mode { room: set, by, mode: text }) => {
                room == set && by == own && mode.text() == text
            }
            (
                Self::Moderate { action, room, user },
                RoomUpdate::Moderated { action: done, room: set, by, user: whom },
            ) => action == done && room == set && by == own && user == whom,
            _ => false,
        }
    }

    /// Returns true if the server may refuse this request with `code`.
    pub(crate) fn may_fail_with(&self, code: ErrorCode) -> bool {
        use ErrorCode::{Conflict, Forbidden, IllegalName, Malformed, NoSuchUser, TooFast, TooLarge, Unavailable};
        // A server without rooms answers 400, and one that limits the rate of frames 429.
        matches!(code, Malformed | TooFast)
            || match self {
                Self::Join { .. } => matches!(code, Forbidden | Conflict | IllegalName | Unavailable),
                Self::Leave { .. } | Self::Members { .. } => code == NoSuchUser,
                Self::Say { .. } | Self::Topic { .. } => matches!(code, Forbidden | NoSuchUser | TooLarge),
                Self::List => false,
                Self::Mode { .. } => matches!(code, Forbidden | NoSuchUser),
                Self::Moderate { .. } => matches!(code, Forbidden | NoSuchUser | IllegalName | Unavailable),
            }
    }
}
