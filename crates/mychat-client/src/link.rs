//! The task behind a client: orders in, events out, over one connection after the other.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use mychat_proto::{Command, Framing, UserName};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::connection::{Dial, Heard};
use crate::error::{Loss, Refusal};
use crate::event::{Closed, Event, RosterTracker};
use crate::handshake::{self, Session};
use crate::options::Options;

/// Frames that wait for the socket, beyond those in the channel. More would only move the sender's wait.
pub(crate) const UNSENT_LIMIT: usize = 16;

/// Time for the server to close after `DISCONNECT`.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// Attempts at a name that is in use after a loss: the server may not yet know that the holder is this client's own
/// dead connection.
const PATIENCE_WITH_OWN_GHOST: u32 = 3;

/// What the halves of a client know of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Online(Framing),
    Offline,
    Closed,
}

/// Everything the task owns but the session itself.
#[derive(Debug)]
pub(crate) struct Link<D> {
    pub(crate) dialer: D,
    pub(crate) addr: String,
    pub(crate) name: UserName,
    pub(crate) options: Options,
    /// Frames without terminator.
    pub(crate) orders: mpsc::Receiver<Vec<u8>>,
    /// Becomes true when a sender leaves: past the queue, which may be stuck.
    pub(crate) leave: watch::Receiver<bool>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) state: watch::Sender<State>,
    pub(crate) roster: RosterTracker,
    /// Frames that were taken from a sender and are not written. They survive a loss.
    pub(crate) unsent: VecDeque<Vec<u8>>,
}

impl<D: Dial> Link<D> {
    /// Runs until the server is left, lost for good, or nobody holds a half of the client any more.
    pub(crate) async fn run(mut self, mut session: Session<D::Stream>) {
        let closed = loop {
            let closed = self.session(&mut session).await;
            session.writer.release(&mut self.unsent);
            drop(session);
            session = match closed {
                Closed::Lost(loss) => match self.come_back(loss).await {
                    Ok(session) => session,
                    Err(closed) => break closed,
                },
                Closed::Left => break closed,
            };
        };
        self.state.send_replace(State::Closed);
        self.orders.close();
        // Nobody may be listening any more.
        let _ = self.events.send(Event::Closed(closed)).await;
    }

    /// One connection, to its end.
    async fn session(&mut self, session: &mut Session<D::Stream>) -> Closed {
        let mut leaving: Option<Instant> = None;
        let mut orders_end = false;
        let events = self.events.clone();
        let Session { reader, writer, .. } = session;
        loop {
            tokio::select! {
                // Room for the event first: a listener that does not listen stops the reading, not the memory.
                (slot, heard) = async {
                    let slot = events.reserve().await.ok();
                    (slot, reader.next().await)
                } => match heard {
                    Ok(heard) => {
                        if let (Some(slot), Some(event)) = (slot, to_event(heard, &mut self.roster)) {
                            slot.send(event);
                        }
                    }
                    Err(_) if leaving.is_some() => return Closed::Left,
                    Err(loss) => return Closed::Lost(loss),
                },
                written = writer.advance(&mut self.unsent) => match written {
                    Ok(()) => {}
                    Err(_) if leaving.is_some() => return Closed::Left,
                    // What the server said before it closed is still to be read, and so is its end.
                    Err(error) => return self.last_words(reader, error.kind()).await,
                },
                order = self.orders.recv(), if leaving.is_none() && !orders_end && self.unsent.len() < UNSENT_LIMIT => {
                    match order {
                        Some(frame) => self.unsent.push_back(frame),
                        None => orders_end = true,
                    }
                }
                () = asked_to(&mut self.leave), if leaving.is_none() => leaving = Some(self.say_goodbye()),
                () = events.closed(), if orders_end && leaving.is_none() => leaving = Some(self.say_goodbye()),
                () = sleep_until(leaving.unwrap_or_else(Instant::now)), if leaving.is_some() => return Closed::Left,
            }
        }
    }

    /// Queues what senders still have in the channel, and `DISCONNECT`; gives the time at which waiting for the
    /// server's end is over.
    fn say_goodbye(&mut self) -> Instant {
        self.orders.close();
        while let Ok(frame) = self.orders.try_recv() {
            self.unsent.push_back(frame);
        }
        let mut frame = Vec::new();
        Command::Disconnect.write(&mut frame).expect("DISCONNECT fits");
        self.unsent.push_back(frame);
        Instant::now() + LEAVE_WITHIN
    }

    /// Reads on where writing failed: a server that closes says why before it does.
    async fn last_words<S>(&mut self, reader: &mut crate::connection::Reader<S>, kind: std::io::ErrorKind) -> Closed
    where
        S: tokio::io::AsyncRead,
    {
        let rest = async {
            loop {
                match reader.next().await {
                    Ok(heard) => {
                        if let Some(event) = to_event(heard, &mut self.roster) {
                            let _ = self.events.send(event).await;
                        }
                    }
                    Err(loss) => return Closed::Lost(loss),
                }
            }
        };
        tokio::select! {
            closed = rest => closed,
            () = sleep(LEAVE_WITHIN) => Closed::Lost(Loss::Io(kind)),
        }
    }

    /// After a loss: attempts with growing delays, or the end. Cut short when the sender leaves or nobody is there any
    /// more.
    async fn come_back(&mut self, reason: Loss) -> Result<Session<D::Stream>, Closed> {
        let Self { dialer, addr, name, options, orders, leave, events, state, unsent, .. } = self;
        let Some(backoff) = &options.reconnect else { return Err(Closed::Lost(reason)) };
        state.send_replace(State::Offline);
        let attempts = async {
            let (mut reason, mut attempt) = (reason, 1);
            while backoff.allows(attempt) && is_worth_it(&reason, attempt) {
                let retry_in = backoff.delay(attempt, fastrand::f64());
                let _ = events.send(Event::Lost { reason: reason.clone(), attempt, retry_in }).await;
                sleep(retry_in).await;
                match handshake::connect(dialer, addr, name, options).await {
                    Ok(session) => {
                        state.send_replace(State::Online(session.framing));
                        let _ = events.send(Event::Reconnected { framing: session.framing }).await;
                        return Ok(session);
                    }
                    Err(error) => reason = error.into(),
                }
                attempt += 1;
            }
            Err(Closed::Lost(reason))
        };
        let abandoned = async {
            // What was said between the loss and its news is kept.
            while let Some(frame) = orders.recv().await {
                unsent.push_back(frame);
            }
            events.closed().await;
        };
        tokio::select! {
            session = attempts => session,
            () = abandoned => Err(Closed::Left),
            () = asked_to(leave) => Err(Closed::Left),
        }
    }
}

/// Completes when a sender leaves; never when all senders are gone without a word.
async fn asked_to(leave: &mut watch::Receiver<bool>) {
    if leave.wait_for(|leave| *leave).await.is_err() {
        pending::<()>().await;
    }
}

/// Whether another attempt can end differently.
fn is_worth_it(reason: &Loss, attempt: u32) -> bool {
    match reason {
        Loss::Refused(Refusal::IllegalName) => false,
        // The reason of attempt n is what became of attempt n - 1.
        Loss::Refused(Refusal::InUse | Refusal::Unexplained) => attempt <= PATIENCE_WITH_OWN_GHOST,
        _ => true,
    }
}

fn to_event(heard: Heard, roster: &mut RosterTracker) -> Option<Event> {
    Some(match heard {
        // Nothing was asked.
        Heard::Ack(_) => return None,
        Heard::Users(users) => Event::Roster(roster.update(users)),
        Heard::Message { from, content } => Event::Message { from, content },
        Heard::Broadcast { from, content } => Event::Broadcast { from, content },
        Heard::Error(error) => Event::Error(error),
        Heard::Unreadable(fault) => Event::Unreadable(fault),
    })
}
