//! What a program holds: a [`Client`], or its two halves.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use mychat_proto::{Framing, UserName};
use tokio::sync::{mpsc, watch};

use crate::check;
use crate::connection::{Dial, Tcp};
use crate::error::{ConnectError, SendError};
use crate::event::{Event, RosterTracker};
use crate::handshake;
use crate::link::{Link, State};
use crate::options::Options;

/// Messages that may wait between senders and the connection. When they do, sending waits.
pub(crate) const ORDERS: usize = 64;

/// Events that may wait for the receiver. When they do, the socket is not read, and the server may end the session
/// (rule M6).
const EVENTS: usize = 256;

/// A user that is connected. Use it whole, or [`split`](Client::split) it to send and receive in different places.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
    receiver: Receiver,
}

impl Client {
    /// Connects to `addr` (`host:port`) and takes the name, in `lf` framing and without reconnecting. For anything
    /// else see [`Options`].
    ///
    /// Must be called in a tokio runtime. Cancelling it leaves nothing behind: the connection is closed.
    pub async fn connect(addr: &str, name: &str) -> Result<Self, ConnectError> {
        Self::with_options(addr, name, Options::new()).await
    }

    pub(crate) async fn with_options(addr: &str, name: &str, options: Options) -> Result<Self, ConnectError> {
        Self::over(Tcp(addr.to_owned()), addr, name, options).await
    }

    pub(crate) async fn over<D: Dial>(
        dialer: D,
        addr: &str,
        name: &str,
        options: Options,
    ) -> Result<Self, ConnectError> {
        let name = UserName::new(name)?;
        let session = handshake::connect(&dialer, addr, &name, &options).await?;
        let (orders, take_orders) = mpsc::channel(ORDERS);
        let (give_events, events) = mpsc::channel(EVENTS);
        let (give_state, state) = watch::channel(State::Online(session.framing));
        let (leave, hear_leave) = watch::channel(false);
        let link = Link {
            dialer,
            addr: addr.to_owned(),
            name: name.clone(),
            options,
            orders: take_orders,
            leave: hear_leave,
            events: give_events,
            state: give_state,
            roster: RosterTracker::default(),
            unsent: VecDeque::new(),
        };
        // Ends by itself when both halves are gone: their channels are all it waits for.
        tokio::spawn(link.run(session));
        Ok(Self { sender: Sender { name, orders, leave, state }, receiver: Receiver { events, users: Vec::new() } })
    }

    /// The sending and the receiving half. The connection lasts until [`Sender::disconnect`], or until both halves are
    /// dropped.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// The sending half, to clone or to ask.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// See [`Sender::broadcast`].
    pub async fn broadcast(&self, content: &str) -> Result<(), SendError> {
        self.sender.broadcast(content).await
    }

    /// See [`Sender::message`].
    pub async fn message(&self, recipient: &str, content: &str) -> Result<(), SendError> {
        self.sender.message(recipient, content).await
    }

    /// See [`Receiver::next`].
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.next().await
    }

    /// Leaves: see [`Sender::disconnect`].
    pub async fn disconnect(self) {
        self.sender.disconnect().await;
    }
}

/// Says things. Clones send over the same connection.
#[derive(Debug, Clone)]
pub struct Sender {
    name: UserName,
    orders: mpsc::Sender<Vec<u8>>,
    leave: watch::Sender<bool>,
    state: watch::Receiver<State>,
}

impl Sender {
    /// The user's own name.
    pub fn name(&self) -> &UserName {
        &self.name
    }

    /// The framing in use; `None` while there is no connection.
    pub fn framing(&self) -> Option<Framing> {
        if let State::Online(framing) = *self.state.borrow() { Some(framing) } else { None }
    }

    /// Sends to everybody, oneself included (rule M3).
    ///
    /// `Ok` means that the connection has it; the protocol acknowledges nothing. Either the whole message goes out or,
    /// where the call is cancelled while it waits for room, nothing of it.
    pub async fn broadcast(&self, content: &str) -> Result<(), SendError> {
        let frame = check::broadcast(&self.name, content, self.online()?)?;
        self.order(frame).await
    }

    /// Sends to one user (rule M1). An unknown one is answered by an [`Event::Error`] (rule M2).
    ///
    /// `Ok` and cancelling mean the same as for [`broadcast`](Sender::broadcast).
    pub async fn message(&self, recipient: &str, content: &str) -> Result<(), SendError> {
        let frame = check::message(&self.name, recipient, content, self.online()?)?;
        self.order(frame).await
    }

    /// Whether [`broadcast`](Sender::broadcast) would take this now, without sending anything.
    pub fn check_broadcast(&self, content: &str) -> Result<(), SendError> {
        check::broadcast(&self.name, content, self.online()?).map(drop)
    }

    /// Whether [`message`](Sender::message) would take this now, without sending anything.
    pub fn check_message(&self, recipient: &str, content: &str) -> Result<(), SendError> {
        check::message(&self.name, recipient, content, self.online()?).map(drop)
    }

    /// Bytes of content that fit: in a broadcast for `None`, else in a message to that user (rules F3, M4).
    pub fn room(&self, recipient: Option<&str>) -> usize {
        match recipient {
            None => check::broadcast_room(&self.name),
            Some(recipient) => check::message_room(&self.name, recipient),
        }
    }

    /// Waits while the connection is lost and being made anew; an error means that it is closed for good.
    pub async fn ready(&self) -> Result<(), SendError> {
        let mut state = self.state.clone();
        match state.wait_for(|state| *state != State::Offline).await.as_deref() {
            Ok(State::Online(_)) => Ok(()),
            _ => Err(SendError::Closed),
        }
    }

    /// Sends what is queued, then `DISCONNECT`, and waits until the server has closed (2 s at most). The receiver gets
    /// what came meanwhile, and [`Event::Closed`] as the last event.
    pub async fn disconnect(&self) {
        self.leave.send_replace(true);
        let mut state = self.state.clone();
        // An error means that the task is gone, and the connection with it.
        let _ = state.wait_for(|state| *state == State::Closed).await;
    }

    fn online(&self) -> Result<Framing, SendError> {
        match *self.state.borrow() {
            State::Online(framing) => Ok(framing),
            State::Offline => Err(SendError::Offline),
            State::Closed => Err(SendError::Closed),
        }
    }

    async fn order(&self, frame: Vec<u8>) -> Result<(), SendError> {
        self.orders.send(frame).await.map_err(|_| SendError::Closed)
    }
}

/// Hears things: a [`Stream`] of events that ends behind [`Event::Closed`].
///
/// Keep taking them: while 256 of them wait, the connection is not read.
#[derive(Debug)]
pub struct Receiver {
    events: mpsc::Receiver<Event>,
    users: Vec<String>,
}

impl Receiver {
    /// The next event; `None` behind the last one. Loses nothing when it is cancelled.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Who is connected, by the last roster that was taken from this receiver.
    pub fn users(&self) -> &[String] {
        &self.users
    }
}

impl Stream for Receiver {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let event = std::task::ready!(self.events.poll_recv(context));
        if let Some(Event::Roster(roster)) = &event {
            self.users.clone_from(&roster.users);
        }
        Poll::Ready(event)
    }
}
