//! Converts events into chat lines.

use mychat_client::{ClientEvent, DisconnectCause, RosterUpdate, ServerError};

use super::conversations::{Conversations, LineKind, RoomSwitch};
use super::mention::names_user;
use super::pending::{PendingRequest, PendingRequests};
use super::prompt::PromptParts;
use super::unread::Unread;
use crate::console::chat_line::{ChatLine, SaidMark};
use crate::console::input::room_label;
use crate::console::lang::Lang;
use crate::console::text::{Phrase, RoomPhrase};

/// The knowledge of whether the server has rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomKnowledge {
    /// The server has not answered yet.
    Unknown,
    Available {
        /// The number of rooms that a user may be in.
        limit: Option<u32>,
    },
    Unavailable,
}

/// The state of the chat as far as events change it.
#[derive(Debug)]
pub(super) struct ChatState {
    pub(super) lang: Lang,
    pub(super) own: String,
    users: Vec<String>,
    last_sender: Option<String>,
    pub(super) pending: PendingRequests,
    pub(super) conversations: Conversations,
    pub(super) rooms: RoomKnowledge,
    /// The rooms that the server has listed, and those that the user was invited to: for completion.
    pub(super) known_rooms: Vec<String>,
    /// The conversation that an event has opened, to be shown after the lines of the event.
    pub(super) opened: Option<OpenedConversation>,
    /// True if the bell is to ring.
    pub(super) rings: bool,
    /// The last cause of a loss that was shown.
    shown_cause: Option<DisconnectCause>,
    /// True after an unreadable frame was reported.
    reported_unreadable: bool,
}

/// A conversation that is shown from now on, with what was unread there.
#[derive(Debug)]
pub(super) struct OpenedConversation {
    pub(super) heading: ChatLine,
    pub(super) dropped: Option<ChatLine>,
    pub(super) unread: Unread,
}

impl ChatState {
    pub(super) fn new(lang: Lang, own: &str) -> Self {
        let own = own.to_owned();
        Self {
            lang,
            own,
            users: Vec::new(),
            last_sender: None,
            pending: PendingRequests::default(),
            conversations: Conversations::default(),
            rooms: RoomKnowledge::Unknown,
            known_rooms: Vec::new(),
            opened: None,
            rings: false,
            shown_cause: None,
            reported_unreadable: false,
        }
    }

    /// Returns all users.
    pub(super) fn users(&self) -> &[String] {
        &self.users
    }

    /// Returns the sender of the last private message.
    pub(super) fn last_sender(&self) -> Option<&str> {
        self.last_sender.as_deref()
    }

    /// Returns the prompts of the input row, the longest first.
    pub(super) fn prompts(&self, online: bool) -> Vec<String> {
        let shown = self.conversations.shown();
        let is_outside = shown.is_some_and(|room| !self.conversations.may_speak_in(room));
        let unread = self.conversations.unread().into_iter();
        let parts = PromptParts {
            user: self.own.clone(),
            offline: (!online).then(|| format!("({})", self.lang.say(&Phrase::Offline))),
            room: shown.map(room_label),
            not_in_it: is_outside.then(|| self.say_room(&RoomPhrase::NotInMark)),
            unread: unread.map(|(room, messages, mentions)| (self.place_name(room), messages, mentions)).collect(),
        };
        parts.prompts()
    }

    /// Returns the name of a conversation; `None` is that of all users.
    pub(super) fn place_name(&self, place: Option<&str>) -> String {
        place.map_or_else(|| self.say_room(&RoomPhrase::Everybody), room_label)
    }

    pub(super) fn user_count(&self) -> ChatLine {
        self.notice(&Phrase::UserCount(&self.users))
    }

    pub(super) fn notice(&self, phrase: &Phrase<'_>) -> ChatLine {
        ChatLine::Notice(self.lang.say(phrase))
    }

    pub(super) fn error(&self, phrase: &Phrase<'_>) -> ChatLine {
        ChatLine::Error(self.lang.say(phrase))
    }

    pub(super) fn say_room(&self, phrase: &RoomPhrase<'_>) -> String {
        self.lang.say_room(phrase)
    }

    /// Shows a conversation; `None` is that of all users.
    pub(super) fn open(&mut self, place: Option<&str>) -> OpenedConversation {
        let unread = self.conversations.show(place);
        let room = place.and_then(|room| self.conversations.room(room));
        let present = room.map_or(if place.is_none() { self.users.len() } else { 0 }, |room| room.members.len());
        let topic = room.and_then(|room| room.topic.as_deref());
        let heading = ChatLine::Heading(self.say_room(&RoomPhrase::Heading { room: place, present, topic }));
        let dropped =
            (unread.dropped() > 0).then(|| ChatLine::Notice(self.say_room(&RoomPhrase::Dropped(unread.dropped()))));
        OpenedConversation { heading, dropped, unread }
    }

    /// Shows the conversation that a key asks for, if there is another one.
    pub(super) fn switch(&mut self, switch: RoomSwitch) -> Option<OpenedConversation> {
        let next = self.conversations.next(switch)?;
        Some(self.open(next.room()))
    }

    /// Returns the line for a sent private message. A message to oneself is shown when it arrives.
    pub(super) fn sent(&mut self, to: &str, text: &str) -> Option<ChatLine> {
        if !self.users.iter().any(|user| user == to) {
            self.pending.push(PendingRequest::Message { to: to.to_owned() });
        }
        (to != self.own).then(|| ChatLine::PrivateTo { to: to.to_owned(), text: text.to_owned() })
    }

    /// Returns the lines to show for an event at the time `clock`.
    pub(super) fn event(&mut self, event: ClientEvent, clock: &str) -> Vec<ChatLine> {
        match event {
            ClientEvent::Broadcast { from, content } => self.said(None, from, content, clock),
            ClientEvent::Message { from, content } => {
                self.last_sender = Some(from.clone());
                vec![ChatLine::PrivateFrom { from, text: content }]
            }
            ClientEvent::Roster(roster) => self.roster(roster, clock),
            ClientEvent::Room(update) => self.room_update(update, clock),
            ClientEvent::Error(error) => self.server_error(&error),
            ClientEvent::Unreadable(_) if std::mem::replace(&mut self.reported_unreadable, true) => Vec::new(),
            ClientEvent::Unreadable(_) => vec![self.error(&Phrase::Unreadable)],
            // A long outage gives one line, and the prompt shows the state. A server that is reachable but refuses the
            // user gives another line.
            ClientEvent::Lost { reason, attempt, .. } => {
                let new = attempt == 1
                    || (!matches!(reason, DisconnectCause::Io(_)) && self.shown_cause.as_ref() != Some(&reason));
                let line = new.then(|| self.error(&Phrase::Reconnecting(&reason)));
                self.shown_cause = Some(reason);
                line.into_iter().collect()
            }
            ClientEvent::Reconnected { .. } => {
                self.shown_cause = None;
                self.begin_rejoining();
                vec![self.notice(&Phrase::Reconnected)]
            }
            _ => Vec::new(),
        }
    }

    /// Gives a message to its conversation. The user's own messages to another one than the shown one are shown at once.
    pub(super) fn said(&mut self, place: Option<&str>, from: String, text: String, clock: &str) -> Vec<ChatLine> {
        if from == self.own {
            return vec![if self.conversations.shown() == place {
                ChatLine::Said { from, text, mark: SaidMark::Own }
            } else {
                ChatLine::SaidElsewhere { to: self.place_name(place), text }
            }];
        }
        let is_mention = names_user(&text, &self.own);
        self.rings |= is_mention;
        let (mark, kind) =
            if is_mention { (SaidMark::Mention, LineKind::Mention) } else { (SaidMark::Other, LineKind::Message) };
        self.conversations.deliver(place, kind, clock, ChatLine::Said { from, text, mark }).into_iter().collect()
    }

    fn server_error(&mut self, error: &ServerError) -> Vec<ChatLine> {
        match self.pending.fail(error) {
            Some(PendingRequest::Message { to }) => vec![self.error(&Phrase::NoSuchUser(&to))],
            Some(PendingRequest::Room(request)) => self.room_refused(&request, error),
            None => vec![self.error(&Phrase::ServerError(error))],
        }
    }

    fn roster(&mut self, roster: RosterUpdate, clock: &str) -> Vec<ChatLine> {
        let first = self.users.is_empty();
        self.users = roster.users;
        self.pending.confirm_users(&self.users);
        if first {
            return vec![self.user_count()];
        }
        let mut lines = Vec::new();
        if !roster.joined.is_empty() {
            lines.push(self.notice(&Phrase::UsersJoined(&roster.joined)));
        }
        if !roster.left.is_empty() {
            lines.push(self.notice(&Phrase::UsersLeft(&roster.left)));
        }
        lines.into_iter().filter_map(|line| self.conversations.deliver(None, LineKind::Notice, clock, line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mychat_client::Framing;

    use super::*;
    use crate::console::style::Styler;

    fn roster(users: &str, joined: &str, left: &str) -> ClientEvent {
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        ClientEvent::Roster(RosterUpdate { users: names(users), joined: names(joined), left: names(left) })
    }

    fn shown(lang: Lang, events: Vec<ClientEvent>) -> String {
        let mut chat = ChatState::new(lang, "Alice");
        let mut shown = Vec::new();
        for event in events {
            let lines = chat.event(event, "15:04");
            shown.extend(lines.iter().flat_map(|line| line.render("15:04", Styler::new(false))));
        }
        shown.join("\n")
    }

    #[test]
    fn each_event_as_a_line() {
        let lost = |reason, attempt| ClientEvent::Lost { reason, attempt, retry_in: Duration::from_secs(1) };
        let error = |code: &str| ClientEvent::Error(ServerError { code: code.into(), text: "lucky".into() });
        let events = || {
            vec![
                roster("Alice Bob", "", ""),
                roster("Alice Bob Carla Dora", "Carla Dora", ""),
                ClientEvent::Broadcast { from: "Bob".into(), content: "hola".into() },
                ClientEvent::Broadcast { from: "Alice".into(), content: "hola".into() },
                ClientEvent::Message { from: "Carla".into(), content: "psst".into() },
                roster("Alice Carla Dora Eva", "Eva", "Bob"),
                error("429"),
                error("777"),
                ClientEvent::Unreadable(mychat_client::ReplyError::Unknown),
                ClientEvent::Unreadable(mychat_client::ReplyError::Unknown),
                lost(DisconnectCause::ServerClosed, 1),
                lost(DisconnectCause::Io(std::io::ErrorKind::ConnectionRefused), 2),
                lost(DisconnectCause::Refused(mychat_client::Refusal::Unavailable), 3),
                lost(DisconnectCause::Refused(mychat_client::Refusal::Unavailable), 4),
                ClientEvent::Reconnected { framing: Framing::Lf },
            ]
        };
        insta::assert_snapshot!("session_en", shown(Lang::En, events()));
        insta::assert_snapshot!("session_es", shown(Lang::Es, events()));
    }

    #[test]
    fn an_unknown_recipient_is_named() {
        let mut chat = ChatState::new(Lang::En, "Alice");
        chat.event(roster("Alice Bob", "", ""), "15:04");
        assert_eq!(chat.sent("Alice", "to myself"), None, "the server sends it back");
        for to in ["Bob", "Nobody"] {
            assert!(chat.sent(to, "hola").is_some());
        }
        let error = || ClientEvent::Error(ServerError { code: "404".into(), text: "no such user".into() });
        assert_eq!(chat.event(error(), "15:04"), [ChatLine::Error("there is no user Nobody".into())]);
        assert_eq!(chat.event(error(), "15:04"), [ChatLine::Error("server: no such user".into())]);
    }
}
