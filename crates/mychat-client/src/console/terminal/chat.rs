//! Events into notes: what a person is shown of what happens.

use std::collections::VecDeque;

use mychat_client::{ErrorCode, Event, Loss, Roster, ServerError};

use crate::console::note::Note;
use crate::console::text::{Lang, Phrase};

/// Recipients that are remembered until the server says that they don't exist, or a list says that they do. One who
/// came and went in between is never answered for, hence the bound.
const DOUBTFUL: usize = 8;

/// What the chat knows.
#[derive(Debug)]
pub(super) struct Chat {
    lang: Lang,
    own: String,
    users: Vec<String>,
    last: Option<String>,
    /// Recipients of private messages that nobody in the list is called, oldest first. The server answers in order
    /// (rule S6), so the next 404 is about the first of them.
    doubtful: VecDeque<String>,
    /// The loss that was told already.
    told: Option<Loss>,
    /// Whether nonsense from the server was told already.
    puzzled: bool,
}

impl Chat {
    pub(super) fn new(lang: Lang, own: &str) -> Self {
        let own = own.to_owned();
        Self { lang, own, users: Vec::new(), last: None, doubtful: VecDeque::new(), told: None, puzzled: false }
    }

    /// Everybody who is there.
    pub(super) fn users(&self) -> &[String] {
        &self.users
    }

    /// Who wrote privately last.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// The prompt of the input row.
    pub(super) fn prompt(&self, online: bool) -> String {
        if online { format!("{}> ", self.own) } else { format!("{} ({})> ", self.own, self.lang.say(&Phrase::Offline)) }
    }

    pub(super) fn here(&self) -> Note {
        Note::News(self.lang.say(&Phrase::Here(&self.users)))
    }

    pub(super) fn trouble(&self, phrase: &Phrase<'_>) -> Note {
        Note::Trouble(self.lang.say(phrase))
    }

    /// What to show of a private message that went out. One to oneself comes back, and is shown then.
    pub(super) fn sent(&mut self, to: &str, text: &str) -> Option<Note> {
        if !self.users.iter().any(|user| user == to) {
            self.doubtful.push_back(to.to_owned());
            self.doubtful.truncate(DOUBTFUL);
        }
        (to != self.own).then(|| Note::Sent { to: to.to_owned(), text: text.to_owned() })
    }

    /// What to show of an event.
    pub(super) fn event(&mut self, event: Event) -> Vec<Note> {
        match event {
            Event::Broadcast { from, content } => vec![Note::Said { own: from == self.own, from, text: content }],
            Event::Message { from, content } => {
                self.last = Some(from.clone());
                vec![Note::Whispered { from, text: content }]
            }
            Event::Roster(roster) => self.roster(roster),
            Event::Error(error) => vec![self.server_error(&error)],
            Event::Unreadable(_) if std::mem::replace(&mut self.puzzled, true) => Vec::new(),
            Event::Unreadable(_) => vec![self.trouble(&Phrase::Unreadable)],
            // A night without a server is one line, not a thousand; the prompt says how things stand. A server that is
            // there again and does not let this user in is worth another.
            Event::Lost { reason, attempt, .. } => {
                let new = attempt == 1 || (!matches!(reason, Loss::Io(_)) && self.told.as_ref() != Some(&reason));
                let note = new.then(|| self.trouble(&Phrase::Lost(&reason)));
                self.told = Some(reason);
                note.into_iter().collect()
            }
            Event::Reconnected { .. } => {
                self.told = None;
                vec![Note::News(self.lang.say(&Phrase::Back))]
            }
            _ => Vec::new(),
        }
    }

    fn server_error(&mut self, error: &ServerError) -> Note {
        let about = if error.kind() == Some(ErrorCode::NoSuchUser) { self.doubtful.pop_front() } else { None };
        match about {
            Some(name) => self.trouble(&Phrase::NoSuchUser(&name)),
            None => self.trouble(&Phrase::ServerSays(error)),
        }
    }

    fn roster(&mut self, roster: Roster) -> Vec<Note> {
        let first = self.users.is_empty();
        self.users = roster.users;
        self.doubtful.retain(|name| !self.users.contains(name));
        if first {
            return vec![self.here()];
        }
        let mut notes = Vec::new();
        if !roster.joined.is_empty() {
            notes.push(Note::News(self.lang.say(&Phrase::Came(&roster.joined))));
        }
        if !roster.left.is_empty() {
            notes.push(Note::News(self.lang.say(&Phrase::Went(&roster.left))));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mychat_client::Framing;

    use super::*;
    use crate::console::paint::Paint;

    fn roster(users: &str, joined: &str, left: &str) -> Event {
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        Event::Roster(Roster { users: names(users), joined: names(joined), left: names(left) })
    }

    fn shown(lang: Lang, events: Vec<Event>) -> String {
        let mut chat = Chat::new(lang, "Alice");
        let mut lines = Vec::new();
        for event in events {
            let notes = chat.event(event);
            lines.extend(notes.iter().flat_map(|note| note.render("15:04", Paint::new(false))));
        }
        lines.join("\n")
    }

    #[test]
    fn what_a_session_looks_like() {
        let lost = |reason, attempt| Event::Lost { reason, attempt, retry_in: Duration::from_secs(1) };
        let error = |code: &str| Event::Error(ServerError { code: code.into(), text: "lucky".into() });
        let events = || {
            vec![
                roster("Alice Bob", "", ""),
                roster("Alice Bob Carla Dora", "Carla Dora", ""),
                Event::Broadcast { from: "Bob".into(), content: "hola".into() },
                Event::Broadcast { from: "Alice".into(), content: "hola".into() },
                Event::Message { from: "Carla".into(), content: "psst".into() },
                roster("Alice Carla Dora Eva", "Eva", "Bob"),
                error("429"),
                error("777"),
                Event::Unreadable(mychat_client::ReplyError::Unknown),
                Event::Unreadable(mychat_client::ReplyError::Unknown),
                lost(Loss::ServerClosed, 1),
                lost(Loss::Io(std::io::ErrorKind::ConnectionRefused), 2),
                lost(Loss::Refused(mychat_client::Refusal::Unavailable), 3),
                lost(Loss::Refused(mychat_client::Refusal::Unavailable), 4),
                Event::Reconnected { framing: Framing::Lf },
            ]
        };
        insta::assert_snapshot!("session_en", shown(Lang::En, events()));
        insta::assert_snapshot!("session_es", shown(Lang::Es, events()));
    }

    #[test]
    fn an_unknown_recipient_is_named() {
        let mut chat = Chat::new(Lang::En, "Alice");
        chat.event(roster("Alice Bob", "", ""));
        assert_eq!(chat.sent("Alice", "to myself"), None, "it comes back by itself");
        for to in ["Bob", "Nobody"] {
            assert!(chat.sent(to, "hola").is_some());
        }
        let error = || Event::Error(ServerError { code: "404".into(), text: "no such user".into() });
        assert_eq!(chat.event(error()), [Note::Trouble("nobody here is called Nobody".into())]);
        assert_eq!(chat.event(error()), [Note::Trouble("server: no such user".into())]);
    }
}
