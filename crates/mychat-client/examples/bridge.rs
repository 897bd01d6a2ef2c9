//! A bridge: what is said to everybody on one server is said on the other, with its author's name.
//!
//! `cargo run --example bridge -- 127.0.0.1:5000 127.0.0.1:8080`

use mychat_client::{Backoff, ConnectError, Event, FramingChoice, Options, Receiver, Sender};

const NAME: &str = "bridge";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ConnectError> {
    let mut args = std::env::args().skip(1);
    let (Some(here), Some(there)) = (args.next(), args.next()) else {
        eprintln!("usage: bridge ADDR ADDR");
        return Ok(());
    };
    let options = Options::new().framing(FramingChoice::Auto).reconnect(Backoff::default());
    let (to_here, from_here) = options.clone().connect(&here, NAME).await?.split();
    let (to_there, from_there) = options.connect(&there, NAME).await?.split();
    tokio::join!(carry(from_here, to_there), carry(from_there, to_here));
    Ok(())
}

/// Carries broadcasts one way until the connection they come from ends.
async fn carry(mut from: Receiver, to: Sender) {
    while let Some(event) = from.next().await {
        match event {
            // Its own words would go round for ever.
            Event::Broadcast { from, content } if from != NAME => {
                if let Err(error) = to.broadcast(&format!("<{from}> {content}")).await {
                    eprintln!("not carried: {error}");
                }
            }
            _ => {}
        }
    }
    to.disconnect().await;
}
