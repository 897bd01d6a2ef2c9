//! One message, and away.

use mychat_client::{Closed, ErrorCode, Event, SendError};

use super::cli::Config;
use super::exit::Exit;
use super::input::{Input, parse};
use super::text::Phrase;
use super::{complain, join};

/// Joins, sends, leaves. The server answers in order and closes last (rules S6, §3.3.4): whatever it had against the
/// message has come when the connection ends.
pub(crate) async fn run(config: &Config, text: &str) -> Exit {
    let input = match parse(text) {
        Ok(Input::Reply(_) | Input::Users | Input::Help | Input::Quit) => {
            complain(config.lang, &Phrase::OnceIsAMessage);
            return Exit::Usage;
        }
        Ok(input) => input,
        Err(error) => {
            complain(config.lang, &Phrase::Misunderstood(&error));
            return Exit::Usage;
        }
    };
    let (sender, mut receiver) = match join(config).await {
        Ok(client) => client.split(),
        Err(exit) => return exit,
    };
    let sent = match &input {
        Input::Say(text) => sender.broadcast(text).await,
        Input::Tell { to, text } => sender.message(to, text).await,
        _ => Err(SendError::Empty),
    };
    if let Err(why) = sent {
        complain(config.lang, &Phrase::NotSent(&why));
        return Exit::NotSent;
    }
    let mut exit = Exit::Fine;
    let mut goodbye = std::pin::pin!(sender.disconnect());
    let mut gone = false;
    loop {
        let event = tokio::select! {
            event = receiver.next() => event,
            () = &mut goodbye, if !gone => { gone = true; continue }
        };
        match event {
            Some(Event::Error(error)) => {
                match &input {
                    Input::Tell { to, .. } if error.kind() == Some(ErrorCode::NoSuchUser) => {
                        complain(config.lang, &Phrase::NoSuchUser(to));
                    }
                    _ => complain(config.lang, &Phrase::ServerSays(&error)),
                }
                exit = Exit::NotSent;
            }
            Some(Event::Closed(Closed::Lost(why))) => {
                complain(config.lang, &Phrase::Gone(&why));
                exit = Exit::Lost;
            }
            Some(_) => {}
            None => return exit,
        }
    }
}
