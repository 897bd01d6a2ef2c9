//! Events into notes: what a person is shown of what happens.

use mychat_client::{Event, Loss, Roster};

use crate::console::note::Note;
use crate::console::text::{Lang, Phrase};

/// What the chat knows.
#[derive(Debug)]
pub(super) struct Chat {
    lang: Lang,
    own: String,
    users: Vec<String>,
    last: Option<String>,
    /// The loss that was told already.
    told: Option<Loss>,
    /// Whether nonsense from the server was told already.
    puzzled: bool,
}

impl Chat {
    pub(super) fn new(lang: Lang, own: &str) -> Self {
        Self { lang, own: own.to_owned(), users: Vec::new(), last: None, told: None, puzzled: false }
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
    pub(super) fn sent(&self, to: &str, text: &str) -> Option<Note> {
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
            Event::Error(error) => vec![self.trouble(&Phrase::ServerSays(&error))],
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

    fn roster(&mut self, roster: Roster) -> Vec<Note> {
        let first = self.users.is_empty();
        self.users = roster.users;
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
