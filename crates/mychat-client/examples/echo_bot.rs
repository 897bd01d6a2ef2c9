//! A bot that answers every private message with the same text and greets users who join.
//!
//! `cargo run --example echo_bot -- 127.0.0.1:5000 Echo`

#![expect(clippy::print_stderr, reason = "an example that talks to the person who tries it")]

use mychat_client::{Backoff, ClientEvent, ConnectError, ConnectOptions, FramingChoice, SendError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ConnectError> {
    let mut args = std::env::args().skip(1);
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    let name = args.next().unwrap_or_else(|| "Echo".to_owned());

    let options = ConnectOptions::new().framing(FramingChoice::Auto).reconnect(Backoff::default());
    let (sender, mut receiver) = options.connect(&addr, &name).await?.split();
    while let Some(event) = receiver.next().await {
        let sent = match event {
            ClientEvent::Message { from, content } if from != name => sender.message(&from, &content).await,
            ClientEvent::Roster(roster) if !roster.joined.is_empty() => {
                sender.broadcast(&format!("hola, {}", roster.joined.join(", "))).await
            }
            _ => Ok(()),
        };
        match sent {
            Ok(()) => {}
            // An answer may be too long if the recipient's name is longer than the bot's.
            Err(SendError::TooLong { over }) => eprintln!("an answer was {over} bytes too long"),
            Err(error) => eprintln!("not sent: {error}"),
        }
    }
    Ok(())
}
