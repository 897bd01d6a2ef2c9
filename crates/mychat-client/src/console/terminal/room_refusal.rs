//! Requests about rooms that are refused, by the client before they are sent or by the server.

use mychat_client::{ErrorCode, Sender, ServerError, name};

use super::chat::{ChatState, RoomKnowledge};
use crate::console::chat_line::ChatLine;
use crate::console::input::CommandName;
use crate::console::request::RoomRequest;
use crate::console::text::{Phrase, Refused, RoomPhrase};

impl ChatState {
    /// Returns the line for a request that cannot be sent.
    pub(super) fn check_request(&self, request: &RoomRequest, sender: &Sender) -> Result<(), ChatLine> {
        if sender.may_have_rooms() {
            request.check(sender).map_err(|error| self.error(&Phrase::NotSent(&error)))?;
        }
        self.check_membership(request, sender)
    }

    /// Returns the line for a request to a server without rooms, or about a room that the user is not in.
    pub(super) fn check_membership(&self, request: &RoomRequest, sender: &Sender) -> Result<(), ChatLine> {
        if !sender.may_have_rooms() {
            let is_text = matches!(request, RoomRequest::Say { .. });
            return Err(self.room_error(if is_text { &RoomPhrase::NoRoomsForText } else { &RoomPhrase::NoRooms }));
        }
        match request.room().filter(|room| name::check(room).is_ok()) {
            Some(room) if !matches!(request, RoomRequest::Join { .. }) && !self.conversations.may_speak_in(room) => {
                Err(self.room_error(&RoomPhrase::NotIn(room)))
            }
            _ => Ok(()),
        }
    }

    /// Returns the line for a command without a room, where none is shown.
    pub(super) fn no_room_shown(&self, command: CommandName, may_have_rooms: bool) -> ChatLine {
        self.room_error(&if may_have_rooms { RoomPhrase::NeedRoom(command) } else { RoomPhrase::NoRooms })
    }

    /// Returns the topic of a room that the user is in.
    pub(super) fn topic_line(&self, room: Option<&String>) -> Result<ChatLine, ChatLine> {
        let room = room.ok_or_else(|| self.no_room_shown(CommandName::Topic, true))?;
        let Some(state) = self.conversations.room(room) else { return Err(self.room_error(&RoomPhrase::NotIn(room))) };
        Ok(ChatLine::Notice(self.say_room(&RoomPhrase::TopicIs { room, text: state.topic.as_deref() })))
    }

    /// Returns the names of rooms that can be completed: the user's own, and others that the server has named.
    pub(super) fn room_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.conversations.rooms().iter().map(|room| room.name.clone()).collect();
        names.extend(self.known_rooms.iter().filter(|room| self.conversations.room(room).is_none()).cloned());
        names
    }

    /// Returns the lines for a request that the server has refused. There are none for requests at a server without rooms,
    /// which was reported already.
    pub(super) fn room_refused(&mut self, request: &RoomRequest, error: &ServerError) -> Vec<ChatLine> {
        if error.kind() == Some(ErrorCode::Malformed) && self.rooms == RoomKnowledge::Unavailable {
            return Vec::new();
        }
        let room = request.room().and_then(|room| self.conversations.room(room));
        let is_member = room.is_some_and(|room| !room.is_stale);
        let operators = room.map(|room| room.operators.clone()).unwrap_or_default();
        let count = self.conversations.rooms().len();
        let room_limit = match self.rooms {
            RoomKnowledge::Available { limit } => limit.filter(|&limit| count >= limit as usize),
            _ => None,
        };
        let is_about_self = matches!(request, RoomRequest::Moderate { user, .. } if *user == self.own);
        let because = Refused { is_member, operators: &operators, room_limit, is_about_self };
        let line = self.room_error(&RoomPhrase::Refused { request, error, because });
        let mut lines = Vec::new();
        if let RoomRequest::Join { room } = request {
            lines = self.refuse_join(room, error);
        }
        lines.push(line);
        lines
    }

    /// Forgets a room that could not be joined, unless the user is in it. Returns what was unread there.
    fn refuse_join(&mut self, room: &str, error: &ServerError) -> Vec<ChatLine> {
        if error.kind() == Some(ErrorCode::Conflict) {
            self.conversations.enter(room);
            return Vec::new();
        }
        self.conversations.end_join(room);
        let is_lost = self.conversations.room(room).is_some_and(|room| room.is_stale);
        if is_lost { self.forget_room(room) } else { Vec::new() }
    }

    pub(super) fn room_error(&self, phrase: &RoomPhrase<'_>) -> ChatLine {
        ChatLine::Error(self.say_room(phrase))
    }
}
