//! A MyChat user as a library.
//!
//! ```
//! # use std::io::{BufRead, BufReader, Write};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let addr = &listener.local_addr()?.to_string();
//! # let server = std::thread::spawn(move || {
//! #     let (mut stream, _) = listener.accept().unwrap();
//! #     stream.write_all(b"CONNECT_ACK|OK\nUSER_LIST|Bob,Echo\nMESSAGE|Bob|hola\n").unwrap();
//! #     let lines = BufReader::new(stream.try_clone().unwrap()).lines();
//! #     lines.take(3).map(Result::unwrap).collect::<Vec<_>>()
//! # });
//! use mychat_client::{Client, Event};
//!
//! let mut client = Client::connect(addr, "Echo").await?; // addr is "127.0.0.1:5000", for example
//! client.broadcast("hello, everybody").await?;
//! while let Some(event) = client.next().await {
//!     if let Event::Message { from, content } = event {
//!         client.message(&from, &content).await?;
//!     }
//! }
//! # assert_eq!(server.join().unwrap(), ["CONNECT|Echo", "BROADCAST|hello, everybody", "MESSAGE|Bob|hola"]);
//! # Ok(()) }
//! ```
//!
//! [`Client::connect`] gives a client that has its name, or says why not. [`Client::split`] makes two halves of it: a
//! [`Sender`], which can be cloned, and a [`Receiver`], which is a `Stream` of [`Event`]s. What breaks a limit of the
//! protocol is refused before anything is sent, as a [`SendError`]. [`Options`] has the rest: a second framing for
//! servers without terminators, and coming back after a loss.
//!
//! ```text
//! Sender ──orders──►┐                     ┌──frames──► socket
//!                   ├─ link (one task) ───┤
//! Receiver ◄─events─┘                     └◄─replies── socket
//! ```
//!
//! Every future here may be cancelled: a message goes out whole or not at all, and no event is lost.
//!
//! Reading order: `client`, [`event`], [`error`], [`options`]; then `check`, `link`, `handshake` and `connection`,
//! which are the way from a call to the socket. Rule ids (`F3`, `U3`, …) are those of `mychat-proto`'s `PROTOCOL.md`.

mod client;
pub mod error;
pub mod event;
pub mod options;

mod check;
mod connection;
mod handshake;
mod link;
#[cfg(test)]
mod timing;

pub use client::{Client, Receiver, Sender};
pub use error::{ConnectError, Loss, Refusal, SendError};
pub use event::{Closed, Event, Roster, ServerError};
pub use mychat_proto::{ErrorCode, Framing, NameError, ReplyError, UserName, name};
pub use options::{Backoff, FramingChoice, Options};
