//! A client library for MyChat.
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
//! use mychat_client::{Client, ClientEvent};
//!
//! let mut client = Client::connect(addr, "Echo").await?; // addr is "127.0.0.1:5000", for example
//! client.broadcast("hello, everybody").await?;
//! while let Some(event) = client.next().await {
//!     if let ClientEvent::Message { from, content } = event {
//!         client.message(&from, &content).await?;
//!     }
//! }
//! # assert_eq!(server.join().unwrap(), ["CONNECT|Echo", "BROADCAST|hello, everybody", "MESSAGE|Bob|hola"]);
//! # Ok(()) }
//! ```
//!
//! [`Client::connect`] returns a client that has joined, or an error. [`Client::split`] divides it into a [`Sender`],
//! which can be cloned, and a [`Receiver`], which is a `Stream` of [`ClientEvent`]s. A message that breaks a limit of the
//! protocol is not sent; the caller gets a [`SendError`]. [`ConnectOptions`] has further settings, such as the framing of
//! the server and reconnecting.
//!
//! ```text
//! Sender ───frames──►┐                          ┌──frames──► socket
//!                    ├─ ConnectionTask (task) ──┤
//! Receiver ◄─events──┘                          └◄─replies── socket
//! ```
//!
//! With [`ConnectOptions::rooms`], a client also asks the server for chat rooms: `join`, `leave` and `say` of [`Sender`], and
//! [`RoomUpdate`]s among the events. A server without rooms is reported once, as [`RoomUpdate::Unavailable`].
//!
//! Every future can be cancelled: a message is sent completely or not at all, and no event is lost.
//!
//! Reading order: `client`, [`event`], [`error`], [`options`], then `check`, `task`, `handshake` and `connection`, which
//! lead from a call to the socket. Rule ids (`F3`, `U3`, …) refer to `PROTOCOL.md` of `mychat-proto`.

mod client;
pub mod error;
pub mod event;
pub mod options;

mod check;
mod connection;
mod handshake;
mod rooms;
mod task;
#[cfg(test)]
mod timing_tests;

pub use client::{Client, Receiver, Sender};
pub use error::{ConnectError, DisconnectCause, Refusal, SendError};
pub use event::{ClientEvent, CloseReason, RosterUpdate, ServerError};
pub use mychat_proto::{ErrorCode, Framing, FramingChoice, NameError, ReplyError, UserName, name};
pub use mychat_proto::{Moderation, RoomMode};
pub use options::{Backoff, ConnectOptions};
pub use rooms::RoomUpdate;
