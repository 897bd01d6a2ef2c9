//! The mode `--once`: sends one message and exits.

use mychat_client::{ClientEvent, CloseReason, ErrorCode, SendError};

use super::cli::Config;
use super::connect::{join, print_error};
use super::exit::ClientExit;
use super::input::{InputCommand, parse};
use super::text::Phrase;

/// Joins, sends and leaves. The server answers in order and then closes (rules S6, §3.3.4), so any error about the
/// message arrives before the end of the connection.
pub(crate) async fn run(config: &Config, text: &str) -> ClientExit {
    let input = match parse(text) {
        Ok(InputCommand::Reply(_) | InputCommand::Users | InputCommand::Help | InputCommand::Quit) => {
            print_error(config.lang, &Phrase::OnceNeedsMessage);
            return ClientExit::Usage;
        }
        Ok(input) => input,
        Err(error) => {
            print_error(config.lang, &Phrase::InvalidInput(&error));
            return ClientExit::Usage;
        }
    };
    let (sender, mut receiver) = match join(config).await {
        Ok(client) => client.split(),
        Err(exit) => return exit,
    };
    let sent = match &input {
        InputCommand::Broadcast(text) => sender.broadcast(text).await,
        InputCommand::Message { to, text } => sender.message(to, text).await,
        _ => Err(SendError::Empty),
    };
    if let Err(error) = sent {
        print_error(config.lang, &Phrase::NotSent(&error));
        return ClientExit::NotSent;
    }
    let mut exit = ClientExit::Success;
    let mut disconnect = std::pin::pin!(sender.disconnect());
    let mut disconnected = false;
    loop {
        let event = tokio::select! {
            event = receiver.next() => event,
            () = &mut disconnect, if !disconnected => { disconnected = true; continue }
        };
        match event {
            Some(ClientEvent::Error(error)) => {
                match &input {
                    InputCommand::Message { to, .. } if error.kind() == Some(ErrorCode::NoSuchUser) => {
                        print_error(config.lang, &Phrase::NoSuchUser(to));
                    }
                    _ => print_error(config.lang, &Phrase::ServerError(&error)),
                }
                exit = ClientExit::NotSent;
            }
            Some(ClientEvent::Closed(CloseReason::Lost(error))) => {
                print_error(config.lang, &Phrase::ConnectionLost(&error));
                exit = ClientExit::Lost;
            }
            Some(_) => {}
            None => return exit,
        }
    }
}
