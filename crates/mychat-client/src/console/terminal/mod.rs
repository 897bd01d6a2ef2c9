//! The chat on a terminal. It asks for a name, connects and runs a session, and starts again if the name was refused.

mod chat;
mod complete;
mod compose;
mod conversations;
mod mention;
mod pending;
mod prompt;
mod room_refusal;
mod room_table;
#[cfg(test)]
mod room_tests;
mod room_updates;
mod session;
mod unread;
mod editor;
mod history;
mod modes;
mod screen;
mod tty;

use std::io;

use mychat_client::{Client, ConnectError, UserName};

use super::chat_line::ChatLine;
use super::cli::Config;
use super::connect::describe_error;
use super::exit::ClientExit;
use super::style::Styler;
use super::text::Phrase;
use editor::{Editor, EditorAction};
use session::{ChatSession, FormerRooms, SessionEnd};
use tty::{TerminalInput, Tty};

/// Runs until the user leaves or the connection is lost permanently.
pub(super) async fn run(config: &Config) -> io::Result<ClientExit> {
    let mut tty = Tty::open(Styler::new(config.color))?;
    let mut next_name = config.name.clone();
    let mut former = FormerRooms::default();
    loop {
        let name = match next_name.take() {
            Some(name) => name,
            None => match ask_name(config, &mut tty).await? {
                Some(name) => name,
                None => return Ok(ClientExit::Success),
            },
        };
        let Some(connected) = connect(config, &mut tty, &name).await? else { return Ok(ClientExit::Interrupted) };
        let client = match connected {
            Ok(client) => client,
            Err(error) => {
                let (phrase, exit) = describe_error(&error, &config.addr, &name);
                tty.add_line(&ChatLine::Error(config.lang.say(&phrase)));
                // Only a different name can help; for other errors there is nothing to type.
                if matches!(error, ConnectError::IllegalName(_) | ConnectError::Refused(_)) {
                    continue;
                }
                return Ok(exit);
            }
        };
        match ChatSession::new(config, &mut tty, client, std::mem::take(&mut former)).run().await? {
            SessionEnd::Left => return Ok(ClientExit::Success),
            SessionEnd::Terminated => return Ok(ClientExit::Interrupted),
            SessionEnd::Lost => return Ok(ClientExit::Lost),
            SessionEnd::NameRefused(rooms) => former = rooms,
        }
    }
}

/// Asks for a name until a legal one is entered. Returns `None` if the user leaves.
async fn ask_name(config: &Config, tty: &mut Tty) -> io::Result<Option<String>> {
    let prompt = config.lang.say(&Phrase::AskName);
    // The unsent text of the chat is restored afterwards.
    let saved_editor = std::mem::take(&mut tty.editor);
    let name = loop {
        tty.draw(std::slice::from_ref(&prompt), 0)?;
        match tty.next().await? {
            TerminalInput::Editor(EditorAction::Submit(text)) => match UserName::new(text.trim()) {
                Ok(name) => break Some(name.as_str().to_owned()),
                Err(error) => {
                    tty.add_line(&ChatLine::Error(config.lang.say(&Phrase::IllegalName(&error))));
                    tty.editor.set(text);
                }
            },
            TerminalInput::Editor(EditorAction::Leave) | TerminalInput::Closed => break None,
            TerminalInput::Editor(EditorAction::Clear) => tty.clear()?,
            TerminalInput::Editor(EditorAction::Changed | EditorAction::Complete | EditorAction::Switch(_))
            | TerminalInput::Resized => {}
        }
    };
    let _: Editor = std::mem::replace(&mut tty.editor, saved_editor);
    Ok(name)
}

/// Connects while the user can edit the input row. Returns `None` if the user leaves.
async fn connect(config: &Config, tty: &mut Tty, name: &str) -> io::Result<Option<Result<Client, ConnectError>>> {
    let prompt = config.lang.say(&Phrase::Connecting);
    let mut connecting = std::pin::pin!(config.options.clone().connect(&config.addr, name));
    loop {
        tty.draw(std::slice::from_ref(&prompt), 0)?;
        tokio::select! {
            connected = &mut connecting => return Ok(Some(connected)),
            typed = tty.next() => match typed? {
                TerminalInput::Editor(EditorAction::Leave) | TerminalInput::Closed => return Ok(None),
                // Nothing can be sent before the connection is established.
                TerminalInput::Editor(EditorAction::Submit(text)) => tty.editor.set(text),
                TerminalInput::Editor(EditorAction::Clear) => tty.clear()?,
                TerminalInput::Editor(EditorAction::Changed | EditorAction::Complete | EditorAction::Switch(_))
            | TerminalInput::Resized => {}
            },
        }
    }
}
