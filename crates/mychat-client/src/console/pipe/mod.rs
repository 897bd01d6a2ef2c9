//! The mode for scripts: sends each line of standard input and prints events as lines.

mod format;
mod stdin;

use std::cell::RefCell;
use std::io::{self, Write as _};

use mychat_client::{ClientEvent, CloseReason, DisconnectCause, Receiver, SendError, Sender};

use super::cli::Config;
use super::connect::{join, print_error, print_text};
use super::exit::ClientExit;
use super::input::{CommandName, InputCommand, InputError, parse};
use super::lang::Lang;
use super::outgoing::Outgoing;
use super::request::RoomRequest;
use super::signal;
use super::text::{Phrase, RoomPhrase};
use format::PipeFormat;

/// Data that both directions use.
#[derive(Debug, Default)]
struct PipeState {
    users: Vec<String>,
    /// The sender of the last private message.
    last_sender: Option<String>,
    /// The rooms that the user is in, or has asked to join.
    rooms: Vec<String>,
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
    let (sender, receiver) = match join(config, config.options.clone()).await {
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
    // A server that closes when it is asked for rooms must not take the first lines with it (rule N5).
    sender.wait_for_rooms().await;
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
    let outgoing = match input {
        InputCommand::Text(text) | InputCommand::All(text) => Outgoing::Broadcast(text),
        InputCommand::Message { to, text } => Outgoing::Private { to, text },
        InputCommand::Reply(text) => {
            let last_sender = state.borrow().last_sender.clone();
            match last_sender {
                Some(to) => Outgoing::Private { to, text },
                None => return report_refused(state, lang, &Phrase::NoReplyTarget),
            }
        }
        InputCommand::Say { room, text } => {
            if sender.check_say(&room, &text).is_ok() && !state.borrow().rooms.contains(&room) {
                send(Outgoing::Request(RoomRequest::Join { room: room.clone() }), sender, lang, state).await;
            }
            Outgoing::Request(RoomRequest::Say { room, text })
        }
        InputCommand::Room(command) => {
            let name = command.name();
            match command.into_request(None) {
                Some(request) => Outgoing::Request(request),
                None if !sender.may_have_rooms() => return report(state, &lang.say_room(&RoomPhrase::NoRooms)),
                None => return report(state, &lang.say_room(&RoomPhrase::NameRoom(name))),
            }
        }
        InputCommand::ShowAll => {
            return report_refused(state, lang, &Phrase::InvalidInput(&InputError::Incomplete(CommandName::All)));
        }
        InputCommand::Users => return drop(print(&format.users(&state.borrow().users))),
        InputCommand::Help => return drop(print(&lang.help_text(sender.may_have_rooms()))),
        InputCommand::RoomHelp if !sender.may_have_rooms() => {
            return report(state, &lang.say_room(&RoomPhrase::NoRooms));
        }
        InputCommand::RoomHelp => return drop(print(&lang.say(&Phrase::RoomHelp))),
        InputCommand::Empty | InputCommand::Quit => return,
    };
    send(outgoing, sender, lang, state).await;
}

/// Sends a line. While the connection is lost, it waits for the new one, and so do the lines after it.
async fn send(outgoing: Outgoing, sender: &Sender, lang: Lang, state: &RefCell<PipeState>) {
    loop {
        match outgoing.send(sender).await {
            Ok(()) => break,
            Err(SendError::Offline) if sender.ready().await.is_ok() => {}
            Err(SendError::NoRooms) => {
                let is_text = matches!(outgoing, Outgoing::Request(RoomRequest::Say { .. }));
                let phrase = if is_text { RoomPhrase::NoRoomsForText } else { RoomPhrase::NoRooms };
                return report(state, &lang.say_room(&phrase));
            }
            Err(error) => return report_refused(state, lang, &Phrase::NotSent(&error)),
        }
    }
    if let Outgoing::Request(RoomRequest::Join { room }) = outgoing {
        state.borrow_mut().rooms.push(room);
    }
}

fn report_refused(state: &RefCell<PipeState>, lang: Lang, phrase: &Phrase<'_>) {
    report(state, &lang.say(phrase));
}

fn report(state: &RefCell<PipeState>, text: &str) {
    state.borrow_mut().refused = true;
    print_text(text);
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
        update_state(&event, sender.name().as_str(), &mut state.borrow_mut());
        text = format.event(&event, sender.name().as_str());
        if let ClientEvent::Closed(closed) = event {
            print(&text)?;
            return Ok(ListenEnd::Closed(closed));
        }
    }
}

fn update_state(event: &ClientEvent, own: &str, state: &mut PipeState) {
    match event {
        ClientEvent::Room(update) => {
            if let Some(room) = update.entered_by(own).filter(|room| !state.rooms.iter().any(|known| known == room)) {
                state.rooms.push(room.to_owned());
            }
            if let Some(left) = update.left_by(own) {
                state.rooms.retain(|room| room != left);
            }
        }
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
