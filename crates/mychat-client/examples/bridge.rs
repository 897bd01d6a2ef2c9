//! A bridge: repeats each broadcast of one server on another one, with the author's name.
//!
//! `cargo run --example bridge -- 127.0.0.1:5000 127.0.0.1:8080`

#![expect(clippy::print_stderr, reason = "an example that talks to the person who tries it")]

use mychat_client::{Backoff, ClientEvent, ConnectError, ConnectOptions, FramingChoice, Receiver, Sender};

const NAME: &str = "bridge";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ConnectError> {
    let mut args = std::env::args().skip(1);
    let (Some(here), Some(there)) = (args.next(), args.next()) else {
        eprintln!("usage: bridge ADDR ADDR");
        return Ok(());
    };
    let options = ConnectOptions::new().framing(FramingChoice::Auto).reconnect(Backoff::default());
    let one = options.clone().connect(&here, NAME).await?.split();
    let other = options.connect(&there, NAME).await?.split();
    tokio::join!(carry(one.1, other.0), carry(other.1, one.0));
    Ok(())
}

/// Forwards broadcasts in one direction until the source connection ends.
async fn carry(mut from: Receiver, to: Sender) {
    while let Some(event) = from.next().await {
        match event {
            // The bridge's own broadcasts would loop forever.
            ClientEvent::Broadcast { from, content } if from != NAME => {
                if let Err(error) = to.broadcast(&format!("<{from}> {content}")).await {
                    eprintln!("not carried: {error}");
                }
            }
            _ => {}
        }
    }
    to.disconnect().await;
}
