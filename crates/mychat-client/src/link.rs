//! The task behind a client: orders in, events out, over one connection after the other.

use std::collections::VecDeque;
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

/// What a sender asks for.
#[derive(Debug)]
pub(crate) enum Order {
    /// A frame without terminator.
    Send(Vec<u8>),
    /// Send what is queued, then `DISCONNECT`.
    Leave,
}

/// Everything the task owns but the session itself.
#[derive(Debug)]
pub(crate) struct Link<D> {
    pub(crate) dialer: D,
    pub(crate) addr: String,
    pub(crate) name: UserName,
    pub(crate) options: Options,
    pub(crate) orders: mpsc::Receiver<Order>,
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
                        Some(Order::Send(frame)) => self.unsent.push_back(frame),
                        Some(Order::Leave) => leaving = Some(self.say_goodbye()),
                        None => orders_end = true,
                    }
                }
                () = events.closed(), if orders_end && leaving.is_none() => leaving = Some(self.say_goodbye()),
                () = sleep_until(leaving.unwrap_or_else(Instant::now)), if leaving.is_some() => return Closed::Left,
            }
        }
    }

    /// Queues `DISCONNECT`; gives the time at which waiting for the server's end is over.
    fn say_goodbye(&mut self) -> Instant {
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

    /// After a loss: attempts with growing delays, or the end.
    async fn come_back(&mut self, mut reason: Loss) -> Result<Session<D::Stream>, Closed> {
        let Some(backoff) = self.options.reconnect.clone() else { return Err(Closed::Lost(reason)) };
        self.state.send_replace(State::Offline);
        let mut attempt = 1;
        while backoff.allows(attempt) && is_worth_it(&reason, attempt) {
            let retry_in = backoff.delay(attempt, fastrand::f64());
            let _ = self.events.send(Event::Lost { reason: reason.clone(), attempt, retry_in }).await;
            match self.attempt(retry_in).await? {
                Ok(session) => {
                    self.state.send_replace(State::Online(session.framing));
                    let _ = self.events.send(Event::Reconnected { framing: session.framing }).await;
                    return Ok(session);
                }
                Err(loss) => reason = loss,
            }
            attempt += 1;
        }
        Err(Closed::Lost(reason))
    }

    /// One attempt after a delay, cut short when the sender leaves or nobody is there any more.
    async fn attempt(&mut self, delay: Duration) -> Result<Result<Session<D::Stream>, Loss>, Closed> {
        let Self { dialer, addr, name, options, orders, events, unsent, .. } = self;
        let attempt = async {
            sleep(delay).await;
            handshake::connect(dialer, addr, name, options).await.map_err(Loss::from)
        };
        let given_up = async {
            loop {
                match orders.recv().await {
                    // Said between the loss and its news.
                    Some(Order::Send(frame)) => unsent.push_back(frame),
                    Some(Order::Leave) => return,
                    None => return events.closed().await,
                }
            }
        };
        tokio::select! {
            session = attempt => Ok(session),
            () = given_up => Err(Closed::Left),
        }
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
