//! One connection's conversation: events and keys in, notes and messages out.

use std::collections::VecDeque;
use std::future::ready;
use std::io;
use std::time::Duration;

use mychat_client::{Client, Closed, Event, Loss, Receiver, SendError, Sender};
use tokio::time::timeout;

use super::chat::Chat;
use super::complete::complete;
use super::compose::{Draft, Outgoing, compose, too_many};
use super::editor::Edit;
use super::tty::{Tty, Typed};
use crate::console::cli::Config;
use crate::console::input::Input;
use crate::console::note::Note;
use crate::console::text::Phrase;

/// Things that are taken one after the other before the screen is drawn again: a paste that comes as single keys, a
/// storm of messages.
const BEFORE_DRAWING: usize = 200;

/// Time for what was typed to go out before leaving.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// How a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The person left.
    Left,
    /// The terminal or the system ended it.
    Terminated,
    /// The connection is lost for good.
    Lost,
    /// The connection is there, and the name is somebody else's now.
    NameGone,
}

/// What happens next.
enum Turn {
    Event(Option<Event>),
    Typed(Typed),
    /// What became of the first message that was to go out.
    Sent(Result<(), SendError>),
}

pub(super) struct Conversation<'a> {
    config: &'a Config,
    tty: &'a mut Tty,
    sender: Sender,
    receiver: Receiver,
    chat: Chat,
    /// Messages that were entered and not taken yet: in raw framing they go out one by one.
    outgoing: VecDeque<Outgoing>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(config: &'a Config, tty: &'a mut Tty, client: Client) -> Self {
        let (sender, receiver) = client.split();
        let name = sender.name().as_str();
        let chat = Chat::new(config.lang, name);
        tty.note(&Note::News(config.lang.say(&Phrase::Connected { addr: &config.addr, name })));
        Self { config, tty, sender, receiver, chat, outgoing: VecDeque::new() }
    }

    pub(super) async fn run(mut self) -> io::Result<End> {
        loop {
            let over = too_many(self.tty.editor.text(), self.chat.last(), &self.sender);
            let prompt = self.chat.prompt(self.sender.framing().is_some());
            self.tty.draw(&prompt, over)?;
            let mut turn = Some(self.next().await?);
            for _ in 0..BEFORE_DRAWING {
                let Some(now) = turn else { break };
                if let Some(end) = self.take(now)? {
                    return self.end(end).await;
                }
                turn = tokio::select! {
                    biased;
                    turn = self.next() => Some(turn?),
                    () = ready(()) => None,
                };
            }
            // One was taken from its source and not dealt with.
            if let Some(end) = turn.map_or(Ok(None), |turn| self.take(turn))? {
                return self.end(end).await;
            }
        }
    }

    /// What happens next. Loses nothing when it is cancelled.
    async fn next(&mut self) -> io::Result<Turn> {
        let Self { tty, sender, receiver, outgoing, .. } = self;
        let front = async {
            match outgoing.front() {
                Some(Outgoing { to: None, text }) => sender.broadcast(text).await,
                Some(Outgoing { to: Some(to), text }) => sender.message(to, text).await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            typed = tty.next() => Turn::Typed(typed?),
            event = receiver.next() => Turn::Event(event),
            sent = front => Turn::Sent(sent),
        })
    }

    /// Deals with it; gives the end if that is one.
    fn take(&mut self, turn: Turn) -> io::Result<Option<End>> {
        match turn {
            Turn::Event(Some(Event::Closed(closed))) => return Ok(Some(self.closed(&closed))),
            Turn::Event(Some(event)) => {
                for note in self.chat.event(event) {
                    self.tty.note(&note);
                }
            }
            Turn::Event(None) | Turn::Typed(Typed::Over) => return Ok(Some(End::Terminated)),
            Turn::Typed(Typed::Edit(edit)) => return self.edit(edit),
            Turn::Typed(Typed::Resized) => {}
            Turn::Sent(sent) => self.sent(sent),
        }
        Ok(None)
    }

    fn edit(&mut self, edit: Edit) -> io::Result<Option<End>> {
        match edit {
            Edit::Changed => {}
            Edit::Clear => self.tty.clear()?,
            Edit::Leave => return Ok(Some(End::Left)),
            Edit::Complete => self.complete(),
            Edit::Submit(text) => return Ok(self.submit(text)),
        }
        Ok(None)
    }

    /// Deals with an entered line. One that is refused goes back into the input row, to be mended.
    fn submit(&mut self, text: String) -> Option<End> {
        match compose(&text, self.chat.last()) {
            Ok(Draft::Send(messages)) => match self.check(&messages) {
                Ok(()) => self.outgoing.extend(messages),
                Err(note) => self.give_back(&note, text),
            },
            Ok(Draft::Nobody) => self.give_back(&self.chat.trouble(&Phrase::NobodyToAnswer), text),
            Ok(Draft::Do(command, rest)) => {
                self.tty.editor.set(rest);
                match command {
                    Input::Users => self.tty.note(&self.chat.here()),
                    Input::Help => self.tty.note(&Note::Plain(self.config.lang.say(&Phrase::Help))),
                    Input::Quit => return Some(End::Left),
                    _ => {}
                }
            }
            Err(why) => self.give_back(&self.chat.trouble(&Phrase::Misunderstood(&why)), text),
        }
        None
    }

    /// Checks all before any goes out: half a paste is worse than none.
    fn check(&self, messages: &[Outgoing]) -> Result<(), Note> {
        for (index, message) in messages.iter().enumerate() {
            let checked = match &message.to {
                None => self.sender.check_broadcast(&message.text),
                Some(to) => self.sender.check_message(to, &message.text),
            };
            match checked {
                Ok(()) => {}
                Err(why) if messages.len() == 1 => return Err(self.chat.trouble(&Phrase::NotSent(&why))),
                Err(why) => {
                    return Err(self.chat.trouble(&Phrase::NotSentLine { line: index + 1, why: &why }));
                }
            }
        }
        Ok(())
    }

    fn give_back(&mut self, note: &Note, text: String) {
        self.tty.note(note);
        self.tty.editor.set(text);
    }

    fn sent(&mut self, sent: Result<(), SendError>) {
        let Some(message) = self.outgoing.pop_front() else { return };
        match (sent, message.to) {
            // It comes back and is shown then (rule M3).
            (Ok(()), None) => {}
            (Ok(()), Some(to)) => {
                if let Some(note) = self.chat.sent(&to, &message.text) {
                    self.tty.note(&note);
                }
            }
            (Err(why), _) => self.tty.note(&self.chat.trouble(&Phrase::NotSent(&why))),
        }
    }

    fn complete(&mut self) {
        let editor = &mut self.tty.editor;
        let found = complete(editor.text(), editor.cursor(), self.chat.users(), self.config.lang);
        let Some(completion) = found else { return };
        let unchanged = editor.text()[completion.range.clone()] == completion.text;
        editor.replace(completion.range, &completion.text);
        // As in a shell: the first Tab goes as far as it can, the next one shows what there is.
        if unchanged && !completion.candidates.is_empty() {
            self.tty.note(&Note::Plain(completion.candidates.join("  ")));
        }
    }

    fn closed(&mut self, closed: &Closed) -> End {
        match closed {
            Closed::Lost(why) => {
                self.tty.note(&self.chat.trouble(&Phrase::Gone(why)));
                if matches!(why, Loss::Refused(_)) { End::NameGone } else { End::Lost }
            }
            _ => End::Left,
        }
    }

    /// Leaves in order, with what was entered sent before.
    async fn end(mut self, end: End) -> io::Result<End> {
        if matches!(end, End::Left | End::Terminated) {
            let flush = async {
                for message in self.outgoing.drain(..) {
                    let _ = match &message.to {
                        None => self.sender.broadcast(&message.text).await,
                        Some(to) => self.sender.message(to, &message.text).await,
                    };
                }
            };
            let _ = timeout(FLUSH_WITHIN, flush).await;
            self.tty.editor.set(String::new());
            self.tty.note(&Note::News(self.config.lang.say(&Phrase::Goodbye)));
            let leave = async {
                tokio::join!(self.sender.disconnect(), async { while self.receiver.next().await.is_some() {} });
            };
            let _ = timeout(FLUSH_WITHIN, leave).await;
        }
        Ok(end)
    }
}
