//! The mode `--once`: sends one message and exits.

use mychat_client::{ClientEvent, CloseReason, ErrorCode, Receiver, SendError, Sender, ServerError};

use super::cli::Config;
use super::connect::{join, print_error, print_text};
use super::exit::ClientExit;
use super::input::{InputCommand, parse};
use super::request::RoomRequest;
use super::text::{Phrase, Refused, RoomPhrase};

/// Joins, sends and leaves. The server answers in order and then closes (rules S6, §3.3.4), so any error about the
/// message arrives before the end of the connection.
pub(crate) async fn run(config: &Config, text: &str) -> ClientExit {
    let input = match parse(text) {
        Ok(
            input @ (InputCommand::Empty
            | InputCommand::Text(_)
            | InputCommand::All(_)
            | InputCommand::Message { .. }
            | InputCommand::Say { .. }),
        ) => input,
        Ok(_) => {
            print_error(config.lang, &Phrase::OnceNeedsMessage);
            return ClientExit::Usage;
        }
        Err(error) => {
            print_error(config.lang, &Phrase::InvalidInput(&error));
            return ClientExit::Usage;
        }
    };
    let mut options = config.options.clone();
    if matches!(input, InputCommand::Say { .. }) {
        options = options.rooms();
    }
    let (sender, mut receiver) = match join(config, options).await {
        Ok(client) => client.split(),
        Err(exit) => return exit,
    };
    match send(&input, &sender).await {
        Ok(()) => finish(config, &input, &sender, &mut receiver).await,
        Err(SendError::NoRooms) => {
            print_text(&config.lang.say_room(&RoomPhrase::NoRoomsForText));
            ClientExit::NotSent
        }
        Err(error) => {
            print_error(config.lang, &Phrase::NotSent(&error));
            ClientExit::NotSent
        }
    }
}

/// Sends the message. A room is joined first; nothing is sent to a server without rooms.
async fn send(input: &InputCommand, sender: &Sender) -> Result<(), SendError> {
    match input {
        InputCommand::Text(text) | InputCommand::All(text) => sender.broadcast(text).await,
        InputCommand::Message { to, text } => sender.message(to, text).await,
        InputCommand::Say { room, text } => {
            sender.check_say(room, text)?;
            if !sender.wait_for_rooms().await {
                return Err(SendError::NoRooms);
            }
            sender.join(room).await?;
            sender.say(room, text).await
        }
        _ => Err(SendError::Empty),
    }
}

/// Disconnects, and reports what the server answers until it closes.
async fn finish(config: &Config, input: &InputCommand, sender: &Sender, receiver: &mut Receiver) -> ClientExit {
    let mut exit = ClientExit::Success;
    let mut disconnect = std::pin::pin!(sender.disconnect());
    let (mut disconnected, mut has_joined) = (false, false);
    loop {
        let event = tokio::select! {
            event = receiver.next() => event,
            () = &mut disconnect, if !disconnected => { disconnected = true; continue }
        };
        match event {
            Some(ClientEvent::Error(error)) => {
                // A message to a room that was not joined is refused as well.
                if exit == ClientExit::Success {
                    report(config, input, &error, has_joined);
                }
                exit = ClientExit::NotSent;
            }
            Some(ClientEvent::Closed(CloseReason::Lost(error))) => {
                print_error(config.lang, &Phrase::ConnectionLost(&error));
                exit = ClientExit::Lost;
            }
            Some(ClientEvent::Room(update)) => has_joined |= update.entered_by(sender.name().as_str()).is_some(),
            Some(_) => {}
            None => return exit,
        }
    }
}

fn report(config: &Config, input: &InputCommand, error: &ServerError, has_joined: bool) {
    match input {
        InputCommand::Message { to, .. } if error.kind() == Some(ErrorCode::NoSuchUser) => {
            print_error(config.lang, &Phrase::NoSuchUser(to));
        }
        InputCommand::Say { room, text } => {
            let room = room.clone();
            let request =
                if has_joined { RoomRequest::Say { room, text: text.clone() } } else { RoomRequest::Join { room } };
            let because = Refused { is_member: has_joined, operators: &[], room_limit: None, is_about_self: false };
            print_text(&config.lang.say_room(&RoomPhrase::Refused { request: &request, error, because }));
        }
        _ => print_error(config.lang, &Phrase::ServerError(error)),
    }
}
