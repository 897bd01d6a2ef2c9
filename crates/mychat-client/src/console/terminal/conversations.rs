//! The conversations of the terminal: that of all users, and one per room. One of them is shown; the lines of the others wait
//! until it is their turn.

use super::unread::Unread;
use crate::console::chat_line::ChatLine;

/// The keys that show another conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomSwitch {
    Next,
    Previous,
    /// One with a mention if there is one, else one with unread messages.
    Unread,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConversationId {
    /// The conversation of all users.
    Everybody,
    Room(String),
}

impl ConversationId {
    /// Returns the room, or `None` for all users.
    pub(super) fn room(&self) -> Option<&str> {
        if let Self::Room(room) = self { Some(room) } else { None }
    }
}

/// The effect of a line on the count of unread messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Notice,
    Message,
    /// A message that contains the user's name.
    Mention,
}

/// A room that the user is in.
#[derive(Debug, Default)]
pub(super) struct JoinedRoom {
    pub(super) name: String,
    pub(super) topic: Option<String>,
    pub(super) members: Vec<String>,
    pub(super) operators: Vec<String>,
    /// True until the server has sent all members: what comes before describes the room and is no change.
    pub(super) is_entering: bool,
    /// True from a loss of the connection until the server has confirmed the room again.
    pub(super) is_stale: bool,
    pub(super) unread: Unread,
}

/// All conversations, in the order of joining.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    everybody: Unread,
    rooms: Vec<JoinedRoom>,
    /// Rooms for which a `JOIN` is on its way.
    joining: Vec<String>,
    /// The room that is shown, or `None` for all users. It stays when the user is removed from it: text that was meant for a
    /// room must never go to all users instead.
    shown: Option<String>,
}

impl Conversations {
    /// Returns the room that is shown, or `None` for all users.
    pub(super) fn shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }

    pub(super) fn rooms(&self) -> &[JoinedRoom] {
        &self.rooms
    }

    pub(super) fn room(&self, name: &str) -> Option<&JoinedRoom> {
        self.rooms.iter().find(|room| room.name == name)
    }

    pub(super) fn room_mut(&mut self, name: &str) -> Option<&mut JoinedRoom> {
        self.rooms.iter_mut().find(|room| room.name == name)
    }

    /// Returns true if the user is in the room, or will be unless the server refuses it.
    pub(super) fn may_speak_in(&self, name: &str) -> bool {
        self.room(name).is_some() || self.joining.iter().any(|room| room == name)
    }

    /// Shows a room for which a `JOIN` is sent. What the user types next is meant for it.
    pub(super) fn begin_join(&mut self, name: &str) {
        if !self.may_speak_in(name) {
            self.joining.push(name.to_owned());
        }
        self.shown = Some(name.to_owned());
    }

    /// Ends a `JOIN` that was refused or lost.
    pub(super) fn end_join(&mut self, name: &str) {
        self.joining.retain(|room| room != name);
    }

    /// Adds a room that the user is in now. Returns true if the user was in it before a loss of the connection.
    pub(super) fn enter(&mut self, name: &str) -> bool {
        self.end_join(name);
        let was_known = self.room(name).is_some();
        if !was_known {
            self.rooms.push(JoinedRoom { name: name.to_owned(), ..JoinedRoom::default() });
        }
        if let Some(room) = self.room_mut(name) {
            room.is_entering = true;
            room.is_stale = false;
            room.topic = None;
        }
        was_known
    }

    /// Removes a room. Returns its unread lines, so that none is lost.
    pub(super) fn leave(&mut self, name: &str) -> Option<Unread> {
        self.end_join(name);
        let at = self.rooms.iter().position(|room| room.name == name)?;
        Some(self.rooms.remove(at).unread)
    }

    /// Marks all rooms as unconfirmed after a loss, and returns their names: the client joins them again in this order.
    pub(super) fn lose_connection(&mut self) -> Vec<String> {
        self.joining.clear();
        self.rooms.iter_mut().for_each(|room| room.is_stale = true);
        self.rooms.iter().map(|room| room.name.clone()).collect()
    }

    /// Gives a line to its conversation: `None` for that of all users. Returns it if it is to be shown now.
    pub(super) fn deliver(
        &mut self,
        to: Option<&str>,
        kind: LineKind,
        clock: &str,
        line: ChatLine,
    ) -> Option<ChatLine> {
        if self.shown() == to {
            return Some(line);
        }
        let unread = match to {
            None => &mut self.everybody,
            Some(name) => match self.room_mut(name) {
                Some(room) => &mut room.unread,
                // A server that sends lines of a room that the user is not in: better shown than lost.
                None => return Some(line),
            },
        };
        unread.push(kind, clock, line);
        None
    }

    /// Shows a conversation and returns what was unread there.
    pub(super) fn show(&mut self, to: Option<&str>) -> Unread {
        self.shown = to.map(str::to_owned);
        match to {
            None => std::mem::take(&mut self.everybody),
            Some(name) => self.room_mut(name).map(|room| std::mem::take(&mut room.unread)).unwrap_or_default(),
        }
    }

    /// Returns the conversation that a key shows next, or `None` if there is no other.
    pub(super) fn next(&self, switch: RoomSwitch) -> Option<ConversationId> {
        let all: Vec<Option<&str>> =
            std::iter::once(None).chain(self.rooms.iter().map(|room| Some(room.name.as_str()))).collect();
        let at = all.iter().position(|place| *place == self.shown());
        let target = match switch {
            RoomSwitch::Next => at.map_or(0, |at| (at + 1) % all.len()),
            RoomSwitch::Previous => at.map_or(0, |at| (at + all.len() - 1) % all.len()),
            RoomSwitch::Unread => {
                let marks = std::iter::once(&self.everybody).chain(self.rooms.iter().map(|room| &room.unread));
                let marks: Vec<_> = marks.map(|unread| (unread.mentions() > 0, unread.messages() > 0)).collect();
                marks.iter().position(|mark| mark.0).or_else(|| marks.iter().position(|mark| mark.1))?
            }
        };
        let id =
            |room: Option<&str>| room.map_or(ConversationId::Everybody, |room| ConversationId::Room(room.to_owned()));
        (Some(target) != at).then(|| id(all[target]))
    }

    /// Returns the conversations with unread messages: the room or `None` for all users, the messages, the mentions.
    pub(super) fn unread(&self) -> Vec<(Option<&str>, usize, usize)> {
        let rooms = self.rooms.iter().map(|room| (Some(room.name.as_str()), &room.unread));
        std::iter::once((None, &self.everybody))
            .chain(rooms)
            .map(|(place, unread)| (place, unread.messages(), unread.mentions()))
            .filter(|(_, messages, _)| *messages > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> ChatLine {
        ChatLine::Notice(text.to_owned())
    }

    fn in_rooms(names: &[&str]) -> Conversations {
        let mut conversations = Conversations::default();
        for name in names {
            assert!(!conversations.enter(name));
        }
        conversations
    }

    #[test]
    fn lines_of_other_conversations_wait_and_are_counted() {
        let mut all = in_rooms(&["garden", "shed"]);
        assert_eq!(all.deliver(None, LineKind::Message, "15:04", line("now")), Some(line("now")));
        assert_eq!(all.deliver(Some("garden"), LineKind::Message, "15:04", line("one")), None);
        assert_eq!(all.deliver(Some("garden"), LineKind::Notice, "15:05", line("two")), None);
        assert_eq!(all.deliver(Some("shed"), LineKind::Mention, "15:06", line("three")), None);
        assert_eq!(all.deliver(Some("attic"), LineKind::Message, "15:06", line("x")), Some(line("x")));
        assert_eq!(all.unread(), [(Some("garden"), 1, 0), (Some("shed"), 1, 1)]);
        let unread = all.show(Some("garden"));
        assert_eq!(unread.lines().collect::<Vec<_>>(), [("15:04", &line("one")), ("15:05", &line("two"))]);
        assert_eq!(all.unread(), [(Some("shed"), 1, 1)]);
        assert_eq!(all.deliver(None, LineKind::Message, "15:07", line("four")), None);
        assert_eq!(all.unread(), [(None, 1, 0), (Some("shed"), 1, 1)]);
    }

    #[test]
    fn keys_go_round_or_to_what_is_unread() {
        let mut all = in_rooms(&["garden", "shed"]);
        let mut visited = Vec::new();
        for switch in [RoomSwitch::Next, RoomSwitch::Next, RoomSwitch::Next, RoomSwitch::Previous] {
            let next = all.next(switch).unwrap();
            all.show(next.room());
            visited.push(next);
        }
        let room = |name: &str| ConversationId::Room(name.to_owned());
        assert_eq!(visited, [room("garden"), room("shed"), ConversationId::Everybody, room("shed")]);
        assert_eq!(all.next(RoomSwitch::Unread), None);
        all.deliver(None, LineKind::Message, "15:04", line("one"));
        assert_eq!(all.next(RoomSwitch::Unread), Some(ConversationId::Everybody));
        all.deliver(Some("garden"), LineKind::Mention, "15:04", line("two"));
        assert_eq!(all.next(RoomSwitch::Unread), Some(room("garden")), "a mention comes first");
        assert_eq!(Conversations::default().next(RoomSwitch::Next), None, "there is only one");
    }

    #[test]
    fn text_for_a_room_never_goes_to_all_users_because_the_room_is_gone() {
        let mut all = in_rooms(&["garden"]);
        all.show(Some("garden"));
        all.leave("garden");
        assert_eq!((all.shown(), all.may_speak_in("garden")), (Some("garden"), false));
        assert_eq!(all.next(RoomSwitch::Next), Some(ConversationId::Everybody));
        all.begin_join("garden");
        assert!(all.may_speak_in("garden"), "the join comes before what is said");
        all.end_join("garden");
        assert!(!all.may_speak_in("garden"));
    }

    #[test]
    fn rooms_are_kept_over_a_loss_of_the_connection() {
        let mut all = in_rooms(&["garden", "shed"]);
        all.deliver(Some("shed"), LineKind::Message, "15:04", line("one"));
        assert_eq!(all.lose_connection(), ["garden", "shed"]);
        assert!(all.enter("garden") && !all.enter("attic"));
        assert!(!all.room("garden").unwrap().is_stale && all.room("shed").unwrap().is_stale);
        assert_eq!(all.leave("shed").unwrap().lines().count(), 1);
    }
}
