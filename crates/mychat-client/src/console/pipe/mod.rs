//! The mode for scripts: sends each line of standard input and prints events as lines.

mod format;
mod stdin;

use std::cell::RefCell;
use std::io::{self, Write as _};

use mychat_client::{ClientEvent, CloseReason, DisconnectCause, Receiver, SendError, Sender};

use super::cli::Config;
use super::connect::{join, print_error};
use super::exit::ClientExit;
use super::input::{InputCommand, parse};
use super::lang::Lang;
use super::signal;
use super::text::Phrase;
use format::PipeFormat;

/// Data that both directions use.
#[derive(Debug, Default)]
struct PipeState {
    users: Vec<String>,
    /// The sender of the last private message.
    last_sender: Option<String>,
    /// True after a message was refused, by the client or by the server.
    refused: bool,
}

/// The reason for which the output ended.
enum ListenEnd {
    Closed(CloseReason),
    /// The reader of standard output has closed it.
    OutputClosed,
}

/// Runs until standard input ends, or with `stay` until the server closes.
pub(crate) async fn run(config: &Config, json: bool, stay: bool) -> io::Result<ClientExit> {
    let (sender, receiver) = match join(config).await {
        Ok(client) => client.split(),
        Err(exit) => return Ok(exit),
    };
    let format = if json { PipeFormat::Json } else { PipeFormat::Plain };
    let state = RefCell::default();
    let send_stdin = async {
        send_stdin(&sender, config.lang, format, &state).await;
        if stay {
            std::future::pending::<()>().await;
        }
        sender.disconnect().await;
    };
    let (mut send_stdin, mut print_events) =
        (std::pin::pin!(send_stdin), std::pin::pin!(print_events(receiver, &sender, format, &state)));
    let mut sending = true;
    let end = loop {
        tokio::select! {
            end = &mut print_events => break end?,
            () = &mut send_stdin, if sending => sending = false,
            () = signal::interrupted() => return Ok(disconnect(&sender).await),
            () = signal::terminated() => return Ok(disconnect(&sender).await),
        }
    };
    Ok(match end {
        ListenEnd::Closed(CloseReason::Left) if state.borrow().refused => ClientExit::NotSent,
        ListenEnd::Closed(CloseReason::Left) | ListenEnd::OutputClosed => ClientExit::Success,
        ListenEnd::Closed(CloseReason::Lost(error)) => {
            print_error(config.lang, &Phrase::ConnectionLost(&error));
            if matches!(error, DisconnectCause::Refused(_)) { ClientExit::Refused } else { ClientExit::Lost }
        }
        ListenEnd::Closed(_) => ClientExit::Lost,
    })
}

async fn disconnect(sender: &Sender) -> ClientExit {
    sender.disconnect().await;
    ClientExit::Interrupted
}

/// Sends the lines of standard input until its end or `/quit`.
async fn send_stdin(sender: &Sender, lang: Lang, format: PipeFormat, state: &RefCell<PipeState>) {
    let mut lines = stdin::lines();
    while let Some(line) = lines.recv().await {
        let Ok(line) = String::from_utf8(line) else {
            report_refused(state, lang, &Phrase::NotUtf8);
            continue;
        };
        match parse(&line) {
            Ok(InputCommand::Quit) => return,
            Ok(input) => execute(input, sender, lang, format, state).await,
            Err(error) => report_refused(state, lang, &Phrase::InvalidInput(&error)),
        }
    }
}

async fn execute(input: InputCommand, sender: &Sender, lang: Lang, format: PipeFormat, state: &RefCell<PipeState>) {
    let (to, text) = match input {
        InputCommand::Broadcast(text) => (None, text),
        InputCommand::Message { to, text } => (Some(to), text),
        InputCommand::Reply(text) => {
            let last_sender = state.borrow().last_sender.clone();
            match last_sender {
                Some(last_sender) => (Some(last_sender), text),
                None => return report_refused(state, lang, &Phrase::NoReplyTarget),
            }
        }
        InputCommand::Users => return drop(print(&format.users(&state.borrow().users))),
        InputCommand::Help => return drop(print(&lang.say(&Phrase::Help))),
        InputCommand::Empty | InputCommand::Quit => return,
    };
    loop {
        let sent = match &to {
            None => sender.broadcast(&text).await,
            Some(to) => sender.message(to, &text).await,
        };
        match sent {
            Ok(()) => return,
            // The line waits for the new connection, and so do the lines after it.
            Err(SendError::Offline) if sender.ready().await.is_ok() => {}
            Err(error) => return report_refused(state, lang, &Phrase::NotSent(&error)),
        }
    }
}

fn report_refused(state: &RefCell<PipeState>, lang: Lang, phrase: &Phrase<'_>) {
    state.borrow_mut().refused = true;
    print_error(lang, phrase);
}

/// Prints events until the last one.
async fn print_events(
    mut receiver: Receiver,
    sender: &Sender,
    format: PipeFormat,
    state: &RefCell<PipeState>,
) -> io::Result<ListenEnd> {
    let mut text = format.connected(sender);
    loop {
        match print(&text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ListenEnd::OutputClosed),
            printed => printed?,
        }
        let Some(event) = receiver.next().await else { return Ok(ListenEnd::Closed(CloseReason::Left)) };
        update_state(&event, &mut state.borrow_mut());
        text = format.event(&event, sender.name().as_str());
        if let ClientEvent::Closed(closed) = event {
            print(&text)?;
            return Ok(ListenEnd::Closed(closed));
        }
    }
}

fn update_state(event: &ClientEvent, state: &mut PipeState) {
    match event {
        ClientEvent::Message { from, .. } => state.last_sender = Some(from.clone()),
        ClientEvent::Roster(roster) => state.users.clone_from(&roster.users),
        ClientEvent::Error(_) => state.refused = true,
        _ => {}
    }
}

/// Writes whole lines and flushes them, because a script may wait for them.
fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text.trim_end_matches('\n').as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
