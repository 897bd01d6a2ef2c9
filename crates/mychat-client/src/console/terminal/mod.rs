//! The chat on a terminal: a name, a connection, a conversation; again where the name has to change.

mod chat;
mod complete;
mod compose;
mod conversation;
mod editor;
mod history;
mod screen;
mod tty;

use std::io;

use mychat_client::{Client, ConnectError, UserName};

use super::cli::Config;
use super::exit::Exit;
use super::explain;
use super::note::Note;
use super::paint::Paint;
use super::text::Phrase;
use conversation::{Conversation, End};
use editor::{Edit, Editor};
use tty::{Tty, Typed};

/// Chats until the person leaves or the connection is lost for good.
pub(super) async fn run(config: &Config) -> io::Result<Exit> {
    let mut tty = Tty::open(Paint::new(config.color))?;
    let mut given = config.name.clone();
    loop {
        let name = match given.take() {
            Some(name) => name,
            None => match ask_name(config, &mut tty).await? {
                Some(name) => name,
                None => return Ok(Exit::Fine),
            },
        };
        let Some(connected) = connect(config, &mut tty, &name).await? else { return Ok(Exit::Interrupted) };
        let client = match connected {
            Ok(client) => client,
            Err(error) => {
                let (phrase, exit) = explain(&error, &config.addr, &name);
                tty.note(&Note::Trouble(config.lang.say(&phrase)));
                // Another name may help; nothing else that a person types here does.
                if matches!(error, ConnectError::IllegalName(_) | ConnectError::Refused(_)) {
                    continue;
                }
                return Ok(exit);
            }
        };
        match Conversation::new(config, &mut tty, client).run().await? {
            End::Left => return Ok(Exit::Fine),
            End::Terminated => return Ok(Exit::Interrupted),
            End::Lost => return Ok(Exit::Lost),
            End::NameGone => {}
        }
    }
}

/// Asks for a name until one is legal; `None` when the person leaves instead.
async fn ask_name(config: &Config, tty: &mut Tty) -> io::Result<Option<String>> {
    let prompt = config.lang.say(&Phrase::AskName);
    // What was being typed in the chat comes back afterwards.
    let draft = std::mem::take(&mut tty.editor);
    let name = loop {
        tty.draw(&prompt, 0)?;
        match tty.next().await? {
            Typed::Edit(Edit::Submit(text)) => match UserName::new(text.trim()) {
                Ok(name) => break Some(name.as_str().to_owned()),
                Err(why) => {
                    tty.note(&Note::Trouble(config.lang.say(&Phrase::IllegalName(&why))));
                    tty.editor.set(text);
                }
            },
            Typed::Edit(Edit::Leave) | Typed::Over => break None,
            Typed::Edit(Edit::Clear) => tty.clear()?,
            Typed::Edit(Edit::Changed | Edit::Complete) | Typed::Resized => {}
        }
    };
    let _: Editor = std::mem::replace(&mut tty.editor, draft);
    Ok(name)
}

/// Connects while the person may type on; `None` when the person leaves instead.
async fn connect(config: &Config, tty: &mut Tty, name: &str) -> io::Result<Option<Result<Client, ConnectError>>> {
    let prompt = config.lang.say(&Phrase::Connecting);
    let mut connecting = std::pin::pin!(config.options.clone().connect(&config.addr, name));
    loop {
        tty.draw(&prompt, 0)?;
        tokio::select! {
            connected = &mut connecting => return Ok(Some(connected)),
            typed = tty.next() => match typed? {
                Typed::Edit(Edit::Leave) | Typed::Over => return Ok(None),
                // There is nobody to send it to yet.
                Typed::Edit(Edit::Submit(text)) => tty.editor.set(text),
                Typed::Edit(Edit::Clear) => tty.clear()?,
                Typed::Edit(Edit::Changed | Edit::Complete) | Typed::Resized => {}
            },
        }
    }
}
