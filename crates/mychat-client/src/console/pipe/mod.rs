//! Lines in, lines out: what makes a shell script a bot.

mod line;
mod stdin;

use std::cell::RefCell;
use std::io::{self, Write as _};

use mychat_client::{Closed, Event, Loss, Receiver, SendError, Sender};

use super::cli::Config;
use super::exit::Exit;
use super::input::{Input, parse};
use super::text::{Lang, Phrase};
use super::{complain, join, signal};
use line::Format;

/// What the two directions know together.
#[derive(Debug, Default)]
struct Shared {
    users: Vec<String>,
    /// Who wrote privately last.
    last: Option<String>,
    /// Whether a message was refused, here or by the server.
    refused: bool,
}

/// How listening ended.
enum Heard {
    Closed(Closed),
    /// Nobody reads standard output any more.
    Unread,
}

/// Runs until standard input ends (or the server, with `stay`).
pub(crate) async fn run(config: &Config, json: bool, stay: bool) -> io::Result<Exit> {
    let (sender, receiver) = match join(config).await {
        Ok(client) => client.split(),
        Err(exit) => return Ok(exit),
    };
    let format = if json { Format::Json } else { Format::Plain };
    let shared = RefCell::default();
    let talk = async {
        talk(&sender, config.lang, format, &shared).await;
        if stay {
            std::future::pending::<()>().await;
        }
        sender.disconnect().await;
    };
    let (mut talk, mut listen) = (std::pin::pin!(talk), std::pin::pin!(listen(receiver, &sender, format, &shared)));
    let mut talking = true;
    let heard = loop {
        tokio::select! {
            heard = &mut listen => break heard?,
            () = &mut talk, if talking => talking = false,
            () = signal::interrupted() => return Ok(leave(&sender).await),
            () = signal::terminated() => return Ok(leave(&sender).await),
        }
    };
    Ok(match heard {
        Heard::Closed(Closed::Left) if shared.borrow().refused => Exit::NotSent,
        Heard::Closed(Closed::Left) | Heard::Unread => Exit::Fine,
        Heard::Closed(Closed::Lost(why)) => {
            complain(config.lang, &Phrase::Gone(&why));
            if matches!(why, Loss::Refused(_)) { Exit::Refused } else { Exit::Lost }
        }
        Heard::Closed(_) => Exit::Lost,
    })
}

async fn leave(sender: &Sender) -> Exit {
    sender.disconnect().await;
    Exit::Interrupted
}

/// Standard input to the server, line by line, to its end or `/quit`.
async fn talk(sender: &Sender, lang: Lang, format: Format, shared: &RefCell<Shared>) {
    let mut lines = stdin::lines();
    while let Some(line) = lines.recv().await {
        let Ok(line) = String::from_utf8(line) else {
            refuse(shared, lang, &Phrase::NotUtf8);
            continue;
        };
        match parse(&line) {
            Ok(Input::Quit) => return,
            Ok(input) => obey(input, sender, lang, format, shared).await,
            Err(error) => refuse(shared, lang, &Phrase::Misunderstood(&error)),
        }
    }
}

async fn obey(input: Input, sender: &Sender, lang: Lang, format: Format, shared: &RefCell<Shared>) {
    let (to, text) = match input {
        Input::Say(text) => (None, text),
        Input::Tell { to, text } => (Some(to), text),
        Input::Reply(text) => {
            let last = shared.borrow().last.clone();
            match last {
                Some(last) => (Some(last), text),
                None => return refuse(shared, lang, &Phrase::NobodyToAnswer),
            }
        }
        Input::Users => return drop(print(&format.users(&shared.borrow().users))),
        Input::Help => return drop(print(&lang.say(&Phrase::Help))),
        Input::Nothing | Input::Quit => return,
    };
    loop {
        let sent = match &to {
            None => sender.broadcast(&text).await,
            Some(to) => sender.message(to, &text).await,
        };
        match sent {
            Ok(()) => return,
            // A line that was read is sent when that is possible again, and the lines behind it wait.
            Err(SendError::Offline) if sender.ready().await.is_ok() => {}
            Err(why) => return refuse(shared, lang, &Phrase::NotSent(&why)),
        }
    }
}

fn refuse(shared: &RefCell<Shared>, lang: Lang, phrase: &Phrase<'_>) {
    shared.borrow_mut().refused = true;
    complain(lang, phrase);
}

/// Events to standard output, to the last.
async fn listen(
    mut receiver: Receiver,
    sender: &Sender,
    format: Format,
    shared: &RefCell<Shared>,
) -> io::Result<Heard> {
    let mut text = format.connected(sender);
    loop {
        match print(&text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Heard::Unread),
            printed => printed?,
        }
        let Some(event) = receiver.next().await else { return Ok(Heard::Closed(Closed::Left)) };
        remember(&event, &mut shared.borrow_mut());
        text = format.event(&event, sender.name().as_str());
        if let Event::Closed(closed) = event {
            print(&text)?;
            return Ok(Heard::Closed(closed));
        }
    }
}

fn remember(event: &Event, shared: &mut Shared) {
    match event {
        Event::Message { from, .. } => shared.last = Some(from.clone()),
        Event::Roster(roster) => shared.users.clone_from(&roster.users),
        Event::Error(_) => shared.refused = true,
        _ => {}
    }
}

/// Whole lines, at once: a script waits for them.
fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text.trim_end_matches('\n').as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
