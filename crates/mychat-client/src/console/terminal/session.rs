//! The chat over one connection: handles events and keys, prints chat lines and sends messages.

use std::collections::VecDeque;
use std::future::ready;
use std::io;
use std::time::Duration;

use mychat_client::{Client, ClientEvent, CloseReason, DisconnectCause, Receiver, SendError, Sender};
use tokio::time::timeout;

use super::chat::ChatState;
use super::complete::complete;
use super::compose::{Composed, OutgoingMessage, compose, excess_bytes};
use super::editor::EditorAction;
use super::tty::{TerminalInput, Tty};
use crate::console::chat_line::ChatLine;
use crate::console::cli::Config;
use crate::console::input::InputCommand;
use crate::console::text::Phrase;

/// Maximum number of inputs that are handled before the next drawing. A paste may arrive as single keys, and many
/// messages may arrive at once.
const MAX_INPUTS_PER_DRAW: usize = 200;

/// Time limit for sending queued messages and for disconnecting.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The reason for which a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The user left.
    Left,
    /// The terminal was closed or a signal arrived.
    Terminated,
    /// The connection is lost permanently.
    Lost,
    /// After a reconnection, the server refused the name.
    NameRefused,
}

/// An input of the session.
enum SessionInput {
    Event(Option<ClientEvent>),
    Terminal(TerminalInput),
    /// The result of sending the first queued message.
    Sent(Result<(), SendError>),
}

pub(super) struct ChatSession<'a> {
    config: &'a Config,
    tty: &'a mut Tty,
    sender: Sender,
    receiver: Receiver,
    chat: ChatState,
    /// Messages that were entered but not sent. In raw framing they are sent one by one.
    outgoing: VecDeque<OutgoingMessage>,
}

impl<'a> ChatSession<'a> {
    pub(super) fn new(config: &'a Config, tty: &'a mut Tty, client: Client) -> Self {
        let (sender, receiver) = client.split();
        let name = sender.name().as_str();
        let chat = ChatState::new(config.lang, name);
        tty.add_line(&ChatLine::Notice(config.lang.say(&Phrase::Connected { addr: &config.addr, name })));
        Self { config, tty, sender, receiver, chat, outgoing: VecDeque::new() }
    }

    pub(super) async fn run(mut self) -> io::Result<SessionEnd> {
        loop {
            let excess = excess_bytes(self.tty.editor.text(), self.chat.last_sender(), &self.sender);
            let prompt = self.chat.prompt(self.sender.framing().is_some());
            self.tty.draw(&prompt, excess)?;
            let mut input = Some(self.next().await?);
            for _ in 0..MAX_INPUTS_PER_DRAW {
                let Some(now) = input else { break };
                if let Some(end) = self.handle(now)? {
                    return self.finish(end).await;
                }
                input = tokio::select! {
                    biased;
                    input = self.next() => Some(input?),
                    () = ready(()) => None,
                };
            }
            // This input was received but not handled.
            if let Some(end) = input.map_or(Ok(None), |input| self.handle(input))? {
                return self.finish(end).await;
            }
        }
    }

    /// Returns the next input. No input is lost if the future is dropped.
    async fn next(&mut self) -> io::Result<SessionInput> {
        let Self { tty, sender, receiver, outgoing, .. } = self;
        let front = async {
            match outgoing.front() {
                Some(OutgoingMessage { to: None, text }) => sender.broadcast(text).await,
                Some(OutgoingMessage { to: Some(to), text }) => sender.message(to, text).await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            input = tty.next() => SessionInput::Terminal(input?),
            event = receiver.next() => SessionInput::Event(event),
            sent = front => SessionInput::Sent(sent),
        })
    }

    /// Handles an input. Returns a reason if the session ends.
    fn handle(&mut self, input: SessionInput) -> io::Result<Option<SessionEnd>> {
        match input {
            SessionInput::Event(Some(ClientEvent::Closed(closed))) => return Ok(Some(self.handle_closed(&closed))),
            SessionInput::Event(Some(event)) => {
                for line in self.chat.event(event) {
                    self.tty.add_line(&line);
                }
            }
            SessionInput::Event(None) | SessionInput::Terminal(TerminalInput::Closed) => {
                return Ok(Some(SessionEnd::Terminated));
            }
            SessionInput::Terminal(TerminalInput::Editor(edit)) => return self.handle_editor(edit),
            SessionInput::Terminal(TerminalInput::Resized) => {}
            SessionInput::Sent(sent) => self.handle_sent(sent),
        }
        Ok(None)
    }

    fn handle_editor(&mut self, edit: EditorAction) -> io::Result<Option<SessionEnd>> {
        match edit {
            EditorAction::Changed => {}
            EditorAction::Clear => self.tty.clear()?,
            EditorAction::Leave => return Ok(Some(SessionEnd::Left)),
            EditorAction::Complete => self.complete(),
            EditorAction::Submit(text) => return Ok(self.submit(text)),
        }
        Ok(None)
    }

    /// Handles an entered line. An invalid line is put back into the input row.
    fn submit(&mut self, text: String) -> Option<SessionEnd> {
        match compose(&text, self.chat.last_sender()) {
            Ok(Composed::Send(messages)) => match self.check(&messages) {
                Ok(()) => self.outgoing.extend(messages),
                Err(line) => self.restore_input(&line, text),
            },
            Ok(Composed::NoReplyTarget) => self.restore_input(&self.chat.error(&Phrase::NoReplyTarget), text),
            Ok(Composed::Command(command, rest)) => {
                self.tty.editor.set(rest);
                match command {
                    InputCommand::Users => self.tty.add_line(&self.chat.user_count()),
                    InputCommand::Help => self.tty.add_line(&ChatLine::Text(self.config.lang.say(&Phrase::Help))),
                    InputCommand::Quit => return Some(SessionEnd::Left),
                    _ => {}
                }
            }
            Err(error) => self.restore_input(&self.chat.error(&Phrase::InvalidInput(&error)), text),
        }
        None
    }

    /// Checks all messages before any is sent, so that a paste is never sent in part.
    fn check(&self, messages: &[OutgoingMessage]) -> Result<(), ChatLine> {
        for (index, message) in messages.iter().enumerate() {
            let checked = match &message.to {
                None => self.sender.check_broadcast(&message.text),
                Some(to) => self.sender.check_message(to, &message.text),
            };
            match checked {
                Ok(()) => {}
                Err(error) if messages.len() == 1 => return Err(self.chat.error(&Phrase::NotSent(&error))),
                Err(error) => {
                    return Err(self.chat.error(&Phrase::NotSentLine { line: index + 1, error: &error }));
                }
            }
        }
        Ok(())
    }

    fn restore_input(&mut self, line: &ChatLine, text: String) {
        self.tty.add_line(line);
        self.tty.editor.set(text);
    }

    fn handle_sent(&mut self, sent: Result<(), SendError>) {
        let Some(message) = self.outgoing.pop_front() else { return };
        match (sent, message.to) {
            // The server sends the broadcast back, and it is shown then (rule M3).
            (Ok(()), None) => {}
            (Ok(()), Some(to)) => {
                if let Some(line) = self.chat.sent(&to, &message.text) {
                    self.tty.add_line(&line);
                }
            }
            (Err(error), _) => self.tty.add_line(&self.chat.error(&Phrase::NotSent(&error))),
        }
    }

    fn complete(&mut self) {
        let editor = &mut self.tty.editor;
        let found = complete(editor.text(), editor.cursor(), self.chat.users(), self.config.lang);
        let Some(completion) = found else { return };
        let unchanged = editor.text()[completion.range.clone()] == completion.text;
        editor.replace(completion.range, &completion.text);
        // As in a shell, the first Tab completes and the second one shows the candidates.
        if unchanged && !completion.candidates.is_empty() {
            self.tty.add_line(&ChatLine::Text(completion.candidates.join("  ")));
        }
    }

    fn handle_closed(&mut self, closed: &CloseReason) -> SessionEnd {
        match closed {
            CloseReason::Lost(error) => {
                self.tty.add_line(&self.chat.error(&Phrase::ConnectionLost(error)));
                if matches!(error, DisconnectCause::Refused(_)) { SessionEnd::NameRefused } else { SessionEnd::Lost }
            }
            _ => SessionEnd::Left,
        }
    }

    /// Sends the queued messages and disconnects.
    async fn finish(mut self, end: SessionEnd) -> io::Result<SessionEnd> {
        if matches!(end, SessionEnd::Left | SessionEnd::Terminated) {
            let flush = async {
                for message in self.outgoing.drain(..) {
                    let _ = match &message.to {
                        None => self.sender.broadcast(&message.text).await,
                        Some(to) => self.sender.message(to, &message.text).await,
                    };
                }
            };
            let _ = timeout(LEAVE_TIMEOUT, flush).await;
            self.tty.editor.set(String::new());
            self.tty.add_line(&ChatLine::Notice(self.config.lang.say(&Phrase::Leaving)));
            let leave = async {
                tokio::join!(self.sender.disconnect(), async { while self.receiver.next().await.is_some() {} });
            };
            let _ = timeout(LEAVE_TIMEOUT, leave).await;
        }
        Ok(end)
    }
}
