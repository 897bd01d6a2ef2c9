//! The connection task of a client. It takes frames from the senders, gives events to the receiver, and reconnects.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use mychat_proto::{Command, Framing, ReplyError, UserName};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::connection::{Dial, OwnedReply};
use crate::error::{DisconnectCause, Refusal};
use crate::event::{ClientEvent, CloseReason, RosterTracker};
use crate::handshake::{self, ClientSession};
use crate::options::ConnectOptions;
use crate::rooms::Negotiation;

/// Maximum number of frames that wait for the socket, in addition to those in the channel.
pub(crate) const UNSENT_LIMIT: usize = 16;

/// Time to wait for the server to close after `DISCONNECT`.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Number of attempts to reconnect while the name is in use: the server may not have noticed yet that this client's
/// previous connection is dead.
const NAME_IN_USE_ATTEMPTS: u32 = 3;

/// The state of the connection, for the halves of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    Online(Framing),
    Offline,
    Closed,
}

/// The data of the connection task, without the current session.
#[derive(Debug)]
pub(crate) struct ConnectionTask<D> {
    pub(crate) dialer: D,
    pub(crate) addr: String,
    pub(crate) name: UserName,
    pub(crate) options: ConnectOptions,
    /// Frames from the senders, without terminators.
    pub(crate) frames: mpsc::Receiver<Vec<u8>>,
    /// Becomes true when a sender disconnects. Not part of `frames`, because that queue may be full.
    pub(crate) disconnect: watch::Receiver<bool>,
    pub(crate) events: mpsc::Sender<ClientEvent>,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) roster: RosterTracker,
    pub(crate) rooms: Negotiation,
    /// Frames that were taken from the channel but not written. They are kept when the connection is lost.
    pub(crate) unsent: VecDeque<Vec<u8>>,
}

impl<D: Dial> ConnectionTask<D> {
    /// Runs until the client disconnects, the connection is lost permanently, or both halves are dropped.
    pub(crate) async fn run(mut self, mut session: ClientSession<D::Stream>) {
        let reason = loop {
            if let Some(update) = self.rooms.begin(session.framing, &mut self.unsent) {
                let _ = self.events.send(ClientEvent::Room(update)).await;
            }
            let reason = self.run_session(&mut session).await;
            session.writer.restore_front(&mut self.unsent);
            drop(session);
            session = match reason {
                CloseReason::Lost(cause) if self.rooms.may_be_refused_by_loss() => {
                    match self.connect_without_rooms().await {
                        Some(session) => session,
                        None => match self.reconnect_session(cause).await {
                            Ok(session) => session,
                            Err(reason) => break reason,
                        },
                    }
                }
                CloseReason::Lost(cause) => match self.reconnect_session(cause).await {
                    Ok(session) => session,
                    Err(reason) => break reason,
                },
                CloseReason::Left => break reason,
            };
        };
        self.state.send_replace(ConnectionState::Closed);
        self.frames.close();
        // The receiver may have been dropped.
        let _ = self.events.send(ClientEvent::Closed(reason)).await;
    }

    /// Serves one connection until it ends.
    async fn run_session(&mut self, session: &mut ClientSession<D::Stream>) -> CloseReason {
        let mut deadline: Option<Instant> = None;
        let mut senders_dropped = false;
        let events = self.events.clone();
        let ClientSession { reader, writer, .. } = session;
        loop {
            tokio::select! {
                // A slot is reserved before reading: if the receiver is slow, the task stops reading instead of storing
                // events.
                (slot, reply) = async {
                    let slot = events.reserve().await.ok();
                    (slot, reader.next().await)
                } => match reply {
                    Ok(reply) => {
                        if let (Some(slot), Some(event)) = (slot, self.take_reply(reply)) {
                            slot.send(event);
                        }
                    }
                    Err(_) if deadline.is_some() => return CloseReason::Left,
                    Err(cause) => return CloseReason::Lost(cause),
                },
                written = writer.advance(&mut self.unsent) => match written {
                    Ok(()) => {}
                    Err(_) if deadline.is_some() => return CloseReason::Left,
                    // The server may have sent a reply before it closed, so the task reads until the end of the stream.
                    Err(error) => return self.drain_replies(reader, error.kind()).await,
                },
                frame = self.frames.recv(), if deadline.is_none() && !senders_dropped && self.unsent.len() < UNSENT_LIMIT => {
                    match frame {
                        Some(frame) => self.unsent.push_back(frame),
                        None => senders_dropped = true,
                    }
                }
                () = disconnect_requested(&mut self.disconnect), if deadline.is_none() => deadline = Some(self.begin_disconnect()),
                () = events.closed(), if senders_dropped && deadline.is_none() => deadline = Some(self.begin_disconnect()),
                () = sleep_until(self.rooms.deadline.unwrap_or_else(Instant::now)), if self.rooms.deadline.is_some() => {
                    // A slow receiver learns of it later.
                    match events.try_reserve() {
                        Ok(slot) => slot.send(ClientEvent::Room(self.rooms.end())),
                        Err(_) => self.rooms.extend_deadline(),
                    }
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => return CloseReason::Left,
            }
        }
    }

    /// Queues the frames that are still in the channel, and `DISCONNECT`. Returns the time until which the task waits
    /// for the server to close.
    fn begin_disconnect(&mut self) -> Instant {
        self.frames.close();
        while let Ok(frame) = self.frames.try_recv() {
            self.unsent.push_back(frame);
        }
        let mut frame = Vec::new();
        Command::Disconnect.write(&mut frame).expect("DISCONNECT fits");
        self.unsent.push_back(frame);
        Instant::now() + CLOSE_TIMEOUT
    }

    /// Reads after a write error until the server closes, because it may have sent a reason.
    async fn drain_replies<S>(
        &mut self,
        reader: &mut crate::connection::Reader<S>,
        kind: std::io::ErrorKind,
    ) -> CloseReason
    where
        S: tokio::io::AsyncRead,
    {
        let rest = async {
            loop {
                match reader.next().await {
                    Ok(reply) => {
                        if let Some(event) = self.take_reply(reply) {
                            let _ = self.events.send(event).await;
                        }
                    }
                    Err(cause) => return CloseReason::Lost(cause),
                }
            }
        };
        tokio::select! {
            reason = rest => reason,
            () = sleep(CLOSE_TIMEOUT) => CloseReason::Lost(DisconnectCause::Io(kind)),
        }
    }

    /// Connects once more to a server that has closed the connection instead of an answer to the question for rooms, and does
    /// not ask again (rule N5).
    async fn connect_without_rooms(&mut self) -> Option<ClientSession<D::Stream>> {
        let update = self.rooms.give_up(&mut self.unsent);
        let session = handshake::connect(&self.dialer, &self.addr, &self.name, &self.options).await.ok()?;
        self.state.send_replace(ConnectionState::Online(session.framing));
        let _ = self.events.send(ClientEvent::Room(update)).await;
        Some(session)
    }

    /// Updates the state by a reply. Returns its event, if it has one.
    fn take_reply(&mut self, reply: OwnedReply) -> Option<ClientEvent> {
        Some(match reply {
            // No `CONNECT` is pending.
            OwnedReply::Ack(_) => return None,
            OwnedReply::Users(users) => ClientEvent::Roster(self.roster.update(users)),
            OwnedReply::Message { from, content } => ClientEvent::Message { from, content },
            OwnedReply::Broadcast { from, content } => ClientEvent::Broadcast { from, content },
            OwnedReply::Room(update) if self.rooms.observe(&update, self.name.as_str()) => ClientEvent::Room(update),
            OwnedReply::Room(_) => ClientEvent::Unreadable(ReplyError::Unknown),
            OwnedReply::Error(error) if self.rooms.is_refused_by(&error) => ClientEvent::Room(self.rooms.end()),
            OwnedReply::Error(error) => ClientEvent::Error(error),
            OwnedReply::Unreadable(error) => ClientEvent::Unreadable(error),
        })
    }

    /// Makes attempts to reconnect with growing delays. Ends early if a sender disconnects or both halves are dropped.
    async fn reconnect_session(&mut self, reason: DisconnectCause) -> Result<ClientSession<D::Stream>, CloseReason> {
        let Self { dialer, addr, name, options, frames, disconnect, events, state, unsent, .. } = self;
        let Some(backoff) = &options.reconnect else { return Err(CloseReason::Lost(reason)) };
        state.send_replace(ConnectionState::Offline);
        let attempts = async {
            let (mut reason, mut attempt) = (reason, 1);
            while backoff.allows(attempt) && should_retry(&reason, attempt) {
                let retry_in = backoff.delay(attempt, fastrand::f64());
                let _ = events.send(ClientEvent::Lost { reason: reason.clone(), attempt, retry_in }).await;
                sleep(retry_in).await;
                match handshake::connect(dialer, addr, name, options).await {
                    Ok(session) => {
                        state.send_replace(ConnectionState::Online(session.framing));
                        let _ = events.send(ClientEvent::Reconnected { framing: session.framing }).await;
                        return Ok(session);
                    }
                    Err(error) => reason = error.into(),
                }
                attempt += 1;
            }
            Err(CloseReason::Lost(reason))
        };
        let abandoned = async {
            // Frames that were sent before the senders learned of the loss are kept.
            while let Some(frame) = frames.recv().await {
                unsent.push_back(frame);
            }
            events.closed().await;
        };
        tokio::select! {
            session = attempts => session,
            () = abandoned => Err(CloseReason::Left),
            () = disconnect_requested(disconnect) => Err(CloseReason::Left),
        }
    }
}

/// Completes when a sender disconnects. Never completes if all senders were dropped without disconnecting.
async fn disconnect_requested(disconnect: &mut watch::Receiver<bool>) {
    if disconnect.wait_for(|disconnect| *disconnect).await.is_err() {
        pending::<()>().await;
    }
}

/// Returns true if another attempt may succeed.
fn should_retry(reason: &DisconnectCause, attempt: u32) -> bool {
    match reason {
        DisconnectCause::Refused(Refusal::IllegalName) => false,
        // The cause before attempt n is the result of attempt n - 1.
        DisconnectCause::Refused(Refusal::InUse | Refusal::Unexplained) => attempt <= NAME_IN_USE_ATTEMPTS,
        _ => true,
    }
}
