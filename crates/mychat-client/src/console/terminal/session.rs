//! The chat over one connection: handles events and keys, prints chat lines and sends messages.

use std::collections::VecDeque;
use std::future::ready;
use std::io;
use std::time::Duration;

use mychat_client::{Client, ClientEvent, CloseReason, DisconnectCause, Receiver, SendError, Sender};
use tokio::time::timeout;

use super::chat::ChatState;
use super::chat::{OpenedConversation, RoomKnowledge};
use super::complete::{KnownNames, complete};
use super::compose::{ComposeContext, Composed, compose, excess_bytes};
use super::conversations::RoomSwitch;
use super::editor::EditorAction;
use super::tty::{TerminalInput, Tty, clock};
use crate::console::chat_line::ChatLine;
use crate::console::cli::Config;
use crate::console::input::{InputCommand, RoomCommand};
use crate::console::outgoing::Outgoing;
use crate::console::request::RoomRequest;
use crate::console::text::{Phrase, RoomPhrase};

/// Maximum number of inputs that are handled before the next drawing. A paste may arrive as single keys, and many
/// messages may arrive at once.
const MAX_INPUTS_PER_DRAW: usize = 200;

/// Time limit for sending queued messages and for disconnecting.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The reason for which a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The user left.
    Left,
    /// The terminal was closed or a signal arrived.
    Terminated,
    /// The connection is lost permanently.
    Lost,
    /// After a reconnection, the server refused the name. The user was in these rooms.
    NameRefused(FormerRooms),
}

/// The rooms of a session that ended, for the next one under another name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct FormerRooms {
    rooms: Vec<String>,
    /// The room that was shown. The input row may have text for it.
    shown: Option<String>,
}

/// An input of the session.
enum SessionInput {
    Event(Option<ClientEvent>),
    Terminal(TerminalInput),
    /// The result of handing the first queued message or request to the connection.
    Sent(Result<(), SendError>),
}

pub(super) struct ChatSession<'a> {
    config: &'a Config,
    tty: &'a mut Tty,
    sender: Sender,
    receiver: Receiver,
    chat: ChatState,
    /// Messages and requests that were entered but not sent. In raw framing they are sent one by one.
    outgoing: VecDeque<Outgoing>,
}

impl<'a> ChatSession<'a> {
    /// Starts a session that joins `former` rooms again.
    pub(super) fn new(config: &'a Config, tty: &'a mut Tty, client: Client, former: FormerRooms) -> Self {
        let (sender, receiver) = client.split();
        let name = sender.name().as_str();
        let mut chat = ChatState::new(config.lang, name);
        let mut outgoing = VecDeque::new();
        for room in former.rooms {
            chat.conversations.begin_join(&room);
            outgoing.push_back(Outgoing::Request(RoomRequest::Join { room }));
        }
        chat.conversations.show(former.shown.as_deref());
        tty.add_line(&ChatLine::Notice(config.lang.say(&Phrase::Connected { addr: &config.addr, name })));
        Self { config, tty, sender, receiver, chat, outgoing }
    }

    pub(super) async fn run(mut self) -> io::Result<SessionEnd> {
        loop {
            let excess = excess_bytes(self.tty.editor.text(), self.context(), &self.sender);
            let prompts = self.chat.prompts(self.sender.framing().is_some());
            if std::mem::take(&mut self.chat.rings) {
                self.tty.ring();
            }
            self.tty.draw(&prompts, excess)?;
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
                Some(outgoing) => outgoing.send(sender).await,
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
                for line in self.chat.event(event, &clock()) {
                    self.tty.add_line(&line);
                }
                let opened = self.chat.opened.take();
                self.show_opened(opened);
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
            EditorAction::Switch(switch) => self.switch(switch),
            EditorAction::Submit(text) => return Ok(self.submit(text)),
        }
        Ok(None)
    }

    fn context(&self) -> ComposeContext<'_> {
        ComposeContext { shown: self.chat.conversations.shown(), last_sender: self.chat.last_sender() }
    }

    /// Handles an entered line. An invalid line is put back into the input row.
    fn submit(&mut self, text: String) -> Option<SessionEnd> {
        let checked = match compose(&text, self.context()) {
            Ok(Composed::Command(InputCommand::Quit, _)) => return Some(SessionEnd::Left),
            Ok(Composed::Command(command, rest)) => self.execute(command).map(|()| self.tty.editor.set(rest)),
            Ok(Composed::Send(messages)) => self.check(&messages).map(|()| self.outgoing.extend(messages)),
            Ok(Composed::NoReplyTarget) => Err(self.chat.error(&Phrase::NoReplyTarget)),
            Err(error) => Err(self.chat.error(&Phrase::InvalidInput(&error))),
        };
        if let Err(line) = checked {
            self.tty.add_line(&line);
            self.tty.editor.set(text);
        }
        None
    }

    /// Executes a command that sends no message. Returns a line if it cannot be executed.
    fn execute(&mut self, command: InputCommand) -> Result<(), ChatLine> {
        match command {
            InputCommand::Users => self.tty.add_line(&self.chat.user_count()),
            InputCommand::Help => {
                let text = self.config.lang.help_text(self.sender.may_have_rooms());
                self.tty.add_line(&ChatLine::Text(text));
            }
            InputCommand::RoomHelp if !self.sender.may_have_rooms() => {
                return Err(self.chat.room_error(&RoomPhrase::NoRooms));
            }
            InputCommand::RoomHelp => {
                self.tty.add_line(&ChatLine::Text(self.config.lang.say(&Phrase::RoomHelp)));
            }
            InputCommand::ShowAll => self.show(None),
            InputCommand::Room(command) => return self.execute_room_command(command),
            _ => {}
        }
        Ok(())
    }

    fn execute_room_command(&mut self, command: RoomCommand) -> Result<(), ChatLine> {
        let name = command.name();
        let shown = self.chat.conversations.shown().map(str::to_owned);
        match &command {
            // No request: the server sends a topic only when one joins, or when it changes.
            RoomCommand::ShowTopic { room } if self.sender.may_have_rooms() => {
                let line = self.chat.topic_line(room.as_ref().or(shown.as_ref()))?;
                self.tty.add_line(&line);
                return Ok(());
            }
            RoomCommand::Join { room } if self.chat.conversations.room(room).is_some() => {
                let room = room.clone();
                self.show(Some(&room));
                return Ok(());
            }
            _ => {}
        }
        let Some(request) = command.into_request(shown.as_deref()) else {
            return Err(self.chat.no_room_shown(name, self.sender.may_have_rooms()));
        };
        self.chat.check_request(&request, &self.sender)?;
        if let RoomRequest::Join { room } = &request {
            self.chat.conversations.begin_join(room);
        }
        self.outgoing.push_back(Outgoing::Request(request));
        Ok(())
    }

    /// Shows a conversation, unless it is shown already.
    fn show(&mut self, place: Option<&str>) {
        if self.chat.conversations.shown() != place {
            let opened = self.chat.open(place);
            self.show_opened(Some(opened));
        }
    }

    fn switch(&mut self, switch: RoomSwitch) {
        let opened = self.chat.switch(switch);
        self.show_opened(opened);
    }

    /// Shows the heading of a conversation and what was unread there, with the times at which it came.
    fn show_opened(&mut self, opened: Option<OpenedConversation>) {
        let Some(opened) = opened else { return };
        self.tty.add_line(&opened.heading);
        if let Some(line) = &opened.dropped {
            self.tty.add_line(line);
        }
        for (clock, line) in opened.unread.lines() {
            self.tty.add_earlier_line(clock, line);
        }
    }

    /// Checks all messages before any is sent, so that a paste is never sent in part.
    fn check(&self, messages: &[Outgoing]) -> Result<(), ChatLine> {
        for (index, message) in messages.iter().enumerate() {
            if let Outgoing::Request(request) = message {
                self.chat.check_membership(request, &self.sender)?;
            }
            match message.check(&self.sender) {
                Ok(()) => {}
                Err(error) if messages.len() == 1 => return Err(self.chat.error(&Phrase::NotSent(&error))),
                Err(error) => {
                    return Err(self.chat.error(&Phrase::NotSentLine { line: index + 1, error: &error }));
                }
            }
        }
        Ok(())
    }

    fn handle_sent(&mut self, sent: Result<(), SendError>) {
        let Some(outgoing) = self.outgoing.pop_front() else { return };
        match (sent, outgoing) {
            // The server sends the broadcast back, and it is shown then (rule M3).
            (Ok(()), Outgoing::Broadcast(_)) => {}
            (Ok(()), Outgoing::Private { to, text }) => {
                if let Some(line) = self.chat.sent(&to, &text) {
                    self.tty.add_line(&line);
                }
            }
            (Ok(()), Outgoing::Request(request)) => self.chat.requested(request),
            (Err(error), outgoing) => {
                if let Outgoing::Request(RoomRequest::Join { room }) = &outgoing {
                    self.chat.conversations.end_join(room);
                }
                self.tty.add_line(&self.chat.error(&Phrase::NotSent(&error)));
            }
        }
    }

    fn complete(&mut self) {
        let rooms = self.chat.room_names();
        let has_rooms = self.chat.rooms != RoomKnowledge::Unavailable;
        let known = KnownNames { users: self.chat.users(), rooms: &rooms, has_rooms };
        let editor = &mut self.tty.editor;
        let found = complete(editor.text(), editor.cursor(), known, self.config.lang);
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
                if matches!(error, DisconnectCause::Refused(_)) {
                    SessionEnd::NameRefused(self.former_rooms())
                } else {
                    SessionEnd::Lost
                }
            }
            _ => SessionEnd::Left,
        }
    }

    /// Ends all conversations. What was unread in them is shown now, so that nothing is lost.
    fn former_rooms(&mut self) -> FormerRooms {
        let shown = self.chat.conversations.shown().map(str::to_owned);
        let rooms = self.chat.conversations.lose_connection();
        for room in &rooms {
            for line in self.chat.forget_room(room) {
                self.tty.add_line(&line);
            }
        }
        if self.chat.conversations.unread().iter().any(|(room, ..)| room.is_none()) {
            let opened = self.chat.open(None);
            self.show_opened(Some(opened));
        }
        FormerRooms { rooms, shown }
    }

    /// Sends the queued messages and disconnects.
    async fn finish(mut self, end: SessionEnd) -> io::Result<SessionEnd> {
        if matches!(end, SessionEnd::Left | SessionEnd::Terminated) {
            let flush = async {
                for outgoing in self.outgoing.drain(..) {
                    let _ = outgoing.send(&self.sender).await;
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
