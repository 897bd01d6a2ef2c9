//! Converts events into chat lines.

use std::collections::VecDeque;

use mychat_client::{ClientEvent, DisconnectCause, ErrorCode, RosterUpdate, ServerError};

use crate::console::chat_line::ChatLine;
use crate::console::lang::Lang;
use crate::console::text::Phrase;

/// Maximum number of unconfirmed recipients. The bound is necessary because a user who joins and leaves between two
/// lists is never confirmed.
const MAX_UNCONFIRMED: usize = 8;

/// The state of the chat as far as events change it.
#[derive(Debug)]
pub(super) struct ChatState {
    lang: Lang,
    own: String,
    users: Vec<String>,
    last_sender: Option<String>,
    /// Recipients of private messages who are not in the list of users, oldest first. The server answers in order (rule
    /// S6), so the next 404 refers to the first of them.
    unconfirmed: VecDeque<String>,
    /// The last cause of a loss that was shown.
    shown_cause: Option<DisconnectCause>,
    /// True after an unreadable frame was reported.
    reported_unreadable: bool,
}

impl ChatState {
    pub(super) fn new(lang: Lang, own: &str) -> Self {
        let own = own.to_owned();
        Self {
            lang,
            own,
            users: Vec::new(),
            last_sender: None,
            unconfirmed: VecDeque::new(),
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

    /// Returns the prompt of the input row.
    pub(super) fn prompt(&self, online: bool) -> String {
        if online { format!("{}> ", self.own) } else { format!("{} ({})> ", self.own, self.lang.say(&Phrase::Offline)) }
    }

    pub(super) fn user_count(&self) -> ChatLine {
        ChatLine::Notice(self.lang.say(&Phrase::UserCount(&self.users)))
    }

    pub(super) fn error(&self, phrase: &Phrase<'_>) -> ChatLine {
        ChatLine::Error(self.lang.say(phrase))
    }

    /// Returns the line for a sent private message. A message to oneself is shown when it arrives.
    pub(super) fn sent(&mut self, to: &str, text: &str) -> Option<ChatLine> {
        if !self.users.iter().any(|user| user == to) {
            self.unconfirmed.push_back(to.to_owned());
            self.unconfirmed.truncate(MAX_UNCONFIRMED);
        }
        (to != self.own).then(|| ChatLine::PrivateTo { to: to.to_owned(), text: text.to_owned() })
    }

    /// Returns the lines for an event.
    pub(super) fn event(&mut self, event: ClientEvent) -> Vec<ChatLine> {
        match event {
            ClientEvent::Broadcast { from, content } => {
                vec![ChatLine::Broadcast { own: from == self.own, from, text: content }]
            }
            ClientEvent::Message { from, content } => {
                self.last_sender = Some(from.clone());
                vec![ChatLine::PrivateFrom { from, text: content }]
            }
            ClientEvent::Roster(roster) => self.roster(roster),
            ClientEvent::Error(error) => vec![self.server_error(&error)],
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
                vec![ChatLine::Notice(self.lang.say(&Phrase::Reconnected))]
            }
            _ => Vec::new(),
        }
    }

    fn server_error(&mut self, error: &ServerError) -> ChatLine {
        let about = if error.kind() == Some(ErrorCode::NoSuchUser) { self.unconfirmed.pop_front() } else { None };
        match about {
            Some(name) => self.error(&Phrase::NoSuchUser(&name)),
            None => self.error(&Phrase::ServerError(error)),
        }
    }

    fn roster(&mut self, roster: RosterUpdate) -> Vec<ChatLine> {
        let first = self.users.is_empty();
        self.users = roster.users;
        self.unconfirmed.retain(|name| !self.users.contains(name));
        if first {
            return vec![self.user_count()];
        }
        let mut lines = Vec::new();
        if !roster.joined.is_empty() {
            lines.push(ChatLine::Notice(self.lang.say(&Phrase::UsersJoined(&roster.joined))));
        }
        if !roster.left.is_empty() {
            lines.push(ChatLine::Notice(self.lang.say(&Phrase::UsersLeft(&roster.left))));
        }
        lines
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
            let lines = chat.event(event);
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
        chat.event(roster("Alice Bob", "", ""));
        assert_eq!(chat.sent("Alice", "to myself"), None, "the server sends it back");
        for to in ["Bob", "Nobody"] {
            assert!(chat.sent(to, "hola").is_some());
        }
        let error = || ClientEvent::Error(ServerError { code: "404".into(), text: "no such user".into() });
        assert_eq!(chat.event(error()), [ChatLine::Error("there is no user Nobody".into())]);
        assert_eq!(chat.event(error()), [ChatLine::Error("server: no such user".into())]);
    }
}
