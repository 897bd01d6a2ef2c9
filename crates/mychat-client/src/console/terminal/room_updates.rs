//! Converts the events of rooms into chat lines.

use mychat_client::{Moderation, RoomUpdate};

use super::chat::{ChatState, RoomKnowledge};
use super::conversations::LineKind;
use super::pending::PendingRequest;
use super::room_table::room_table;
use crate::console::chat_line::ChatLine;
use crate::console::request::RoomRequest;
use crate::console::text::RoomPhrase;

impl ChatState {
    /// Returns the lines to show for something that has happened in or around rooms at the time `clock`.
    pub(super) fn room_update(&mut self, update: RoomUpdate, clock: &str) -> Vec<ChatLine> {
        let answered = self.pending.observe(&update, &self.own);
        if let Some(room) = update.entered_by(&self.own) {
            return self.entered(room);
        }
        if let Some(room) = update.left_by(&self.own) {
            let is_own_wish = matches!(update, RoomUpdate::Left { .. });
            let by = if let RoomUpdate::Moderated { by, .. } = &update { by.as_str() } else { "" };
            return self.removed_from(room, by, is_own_wish);
        }
        match update {
            RoomUpdate::Available { limit } => {
                self.rooms = RoomKnowledge::Available { limit };
                Vec::new()
            }
            RoomUpdate::Unavailable => self.without_rooms(),
            RoomUpdate::Said { room, from, content } => self.said(Some(&room), from, content, clock),
            RoomUpdate::List(rooms) => {
                self.known_rooms.clone_from(&rooms);
                vec![ChatLine::Text(room_table(&self.conversations, &rooms, self.lang))]
            }
            RoomUpdate::Members { room, users } => {
                if let Some(room) = self.conversations.room_mut(&room) {
                    room.members = users;
                }
                Vec::new()
            }
            RoomUpdate::Operators { room, users } => self.operators(&room, users, answered.is_some(), clock),
            RoomUpdate::Topic { room, by, text } => self.topic(&room, &by, text, clock),
            RoomUpdate::Joined { room, user } => {
                self.add_member(&room, &user);
                self.room_notice(&room, &RoomPhrase::Joined { room: &room, user: Some(&user) }, clock)
            }
            RoomUpdate::Left { room, user } => {
                self.remove_member(&room, &user);
                self.room_notice(&room, &RoomPhrase::Left { room: &room, user: Some(&user) }, clock)
            }
            RoomUpdate::Moderated { action, room, by, user } => self.moderated(action, &room, &by, &user, clock),
            RoomUpdate::Mode { room, by, mode } => {
                self.room_notice(&room, &RoomPhrase::Mode { room: &room, by: &by, mode: &mode }, clock)
            }
            _ => Vec::new(),
        }
    }

    /// Expects the answers to the joins that the client sends after a reconnection.
    pub(super) fn begin_rejoining(&mut self) {
        self.pending.clear();
        for room in self.conversations.lose_connection() {
            self.pending.push(PendingRequest::Room(RoomRequest::Join { room }));
        }
    }

    /// Expects the answer to a request that was sent.
    pub(super) fn requested(&mut self, request: RoomRequest) {
        self.pending.push(PendingRequest::Room(request));
    }

    fn entered(&mut self, room: &str) -> Vec<ChatLine> {
        let was_known = self.conversations.enter(room);
        let phrase = if was_known { RoomPhrase::JoinedAgain(room) } else { RoomPhrase::Joined { room, user: None } };
        vec![ChatLine::Notice(self.say_room(&phrase))]
    }

    /// Removes this user from a room.
    fn removed_from(&mut self, room: &str, by: &str, is_own_wish: bool) -> Vec<ChatLine> {
        let mut lines = self.forget_room(room);
        if is_own_wish {
            lines.push(ChatLine::Notice(self.say_room(&RoomPhrase::Left { room, user: None })));
            if self.conversations.shown() == Some(room) {
                self.opened = Some(self.open(None));
            }
        } else {
            self.rings = true;
            lines.push(ChatLine::Error(self.say_room(&RoomPhrase::Removed { room, by })));
        }
        lines
    }

    /// Forgets a room. Returns what was unread there, so that nothing is lost.
    pub(super) fn forget_room(&mut self, room: &str) -> Vec<ChatLine> {
        let unread = self.conversations.leave(room).unwrap_or_default();
        let mut lines: Vec<_> = unread.lines().map(|(_, line)| line.clone()).collect();
        if !lines.is_empty() {
            lines.insert(0, ChatLine::Heading(self.place_name(Some(room))));
        }
        lines
    }

    fn without_rooms(&mut self) -> Vec<ChatLine> {
        let is_news = std::mem::replace(&mut self.rooms, RoomKnowledge::Unavailable) != RoomKnowledge::Unavailable;
        let lost = self.conversations.lose_connection();
        let mut lines: Vec<_> = lost.iter().flat_map(|room| self.forget_room(room)).collect();
        if !lost.is_empty() {
            lines.push(ChatLine::Error(self.say_room(&RoomPhrase::RoomsLost(&lost))));
        } else if is_news {
            lines.push(ChatLine::Notice(self.say_room(&RoomPhrase::NoRooms)));
        }
        lines
    }

    /// Takes the operators: the end of a description of the room, or a change because no operator was left (rule Q6).
    fn operators(&mut self, room: &str, users: Vec<String>, is_answer: bool, clock: &str) -> Vec<ChatLine> {
        let Some(state) = self.conversations.room_mut(room) else { return Vec::new() };
        state.operators = users;
        let describes = std::mem::take(&mut state.is_entering) || is_answer;
        let (members, operators) = (state.members.clone(), state.operators.clone());
        if describes {
            let phrase = RoomPhrase::Present { room, members: &members, operators: &operators };
            return self.room_notice(room, &phrase, clock);
        }
        self.room_notice(room, &RoomPhrase::Promoted { room, users: &operators }, clock)
    }

    fn topic(&mut self, room: &str, by: &str, text: String, clock: &str) -> Vec<ChatLine> {
        let lines = self.room_notice(room, &RoomPhrase::Topic { room, by, text: &text }, clock);
        if let Some(room) = self.conversations.room_mut(room) {
            room.topic = (!text.is_empty()).then_some(text);
        }
        lines
    }

    fn moderated(&mut self, action: Moderation, room: &str, by: &str, user: &str, clock: &str) -> Vec<ChatLine> {
        match action {
            Moderation::Invite if user == self.own && by != self.own => {
                self.rings = true;
                if !self.known_rooms.iter().any(|known| known == room) {
                    self.known_rooms.push(room.to_owned());
                }
                return vec![ChatLine::Notice(self.say_room(&RoomPhrase::Invited { room, by }))];
            }
            Moderation::Kick | Moderation::Ban => self.remove_member(room, user),
            Moderation::Grant | Moderation::Revoke => {
                if let Some(state) = self.conversations.room_mut(room) {
                    state.operators.retain(|operator| operator != user);
                    if action == Moderation::Grant {
                        state.operators.push(user.to_owned());
                    }
                }
            }
            Moderation::Invite | Moderation::Unban => {}
        }
        self.room_notice(room, &RoomPhrase::Moderated { action, room, by, user }, clock)
    }

    fn add_member(&mut self, room: &str, user: &str) {
        if let Some(room) = self.conversations.room_mut(room) {
            room.members.push(user.to_owned());
        }
    }

    fn remove_member(&mut self, room: &str, user: &str) {
        if let Some(room) = self.conversations.room_mut(room) {
            room.members.retain(|member| member != user);
            room.operators.retain(|operator| operator != user);
        }
    }

    fn room_notice(&mut self, room: &str, phrase: &RoomPhrase<'_>, clock: &str) -> Vec<ChatLine> {
        let line = ChatLine::Notice(self.say_room(phrase));
        self.conversations.deliver(Some(room), LineKind::Notice, clock, line).into_iter().collect()
    }
}
