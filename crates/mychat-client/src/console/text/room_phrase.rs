//! The phrases about rooms. Rooms are named without `#`, which the texts add.

use mychat_client::{Moderation, ServerError};

use crate::console::input::CommandName;
use crate::console::request::RoomRequest;

/// A text about rooms, with its parameters.
#[derive(Debug)]
pub(crate) enum RoomPhrase<'a> {
    /// The name of the conversation of all users.
    Everybody,
    NoRooms,
    /// Text that begins with `#`, for a server without rooms.
    NoRoomsForText,
    /// After a reconnection, the server has no rooms. The user was in these.
    RoomsLost(&'a [String]),
    /// `None` is this user.
    Joined {
        room: &'a str,
        user: Option<&'a str>,
    },
    /// Joined again after a reconnection.
    JoinedAgain(&'a str),
    /// `None` is this user.
    Left {
        room: &'a str,
        user: Option<&'a str>,
    },
    Present {
        room: &'a str,
        members: &'a [String],
        operators: &'a [String],
    },
    /// An empty text means that the topic was removed.
    Topic {
        room: &'a str,
        by: &'a str,
        text: &'a str,
    },
    /// The answer to a question for the topic.
    TopicIs {
        room: &'a str,
        text: Option<&'a str>,
    },
    /// These members have become operators, because no other was left.
    Promoted {
        room: &'a str,
        users: &'a [String],
    },
    Moderated {
        action: Moderation,
        room: &'a str,
        by: &'a str,
        user: &'a str,
    },
    /// An operator has invited this user.
    Invited {
        room: &'a str,
        by: &'a str,
    },
    /// This user was removed.
    Removed {
        room: &'a str,
        by: &'a str,
    },
    Mode {
        room: &'a str,
        by: &'a str,
        mode: &'a str,
    },
    /// The beginning of a conversation; `None` is that of all users.
    Heading {
        room: Option<&'a str>,
        present: usize,
        topic: Option<&'a str>,
    },
    /// Older unread lines that were not kept.
    Dropped(usize),
    /// The heading of the user's own rooms in a list.
    OwnRooms,
    /// A row of this list, after the name of the room.
    Counts {
        present: usize,
        unread: usize,
        mentions: usize,
    },
    OtherRooms(&'a [String]),
    NoOtherRooms,
    /// The user is not in the room.
    NotIn(&'a str),
    /// The mark in the prompt for a room that the user is not in.
    NotInMark,
    /// A command without a room, where none is shown.
    NeedRoom(CommandName),
    /// A command without a room in a pipe, which shows none.
    NameRoom(CommandName),
    /// The server refused a request.
    Refused {
        request: &'a RoomRequest,
        error: &'a ServerError,
        because: Refused<'a>,
    },
}

/// The knowledge of the client about the room of a refused request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused<'a> {
    /// True if the user is in the room.
    pub(crate) is_member: bool,
    /// The operators of the room, if the user is in it.
    pub(crate) operators: &'a [String],
    /// The number of rooms that a user may be in, if the user is in as many.
    pub(crate) room_limit: Option<u32>,
    /// True if the request concerns this user itself.
    pub(crate) is_about_self: bool,
}
