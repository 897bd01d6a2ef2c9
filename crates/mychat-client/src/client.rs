//! The public API of a connection: [`Client`] and its halves [`Sender`] and [`Receiver`].

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use mychat_proto::{Framing, UserName};
use tokio::sync::{mpsc, watch};

use crate::check;
use crate::connection::{Dial, TcpDialer};
use crate::error::{ConnectError, SendError};
use crate::event::{ClientEvent, RosterTracker};
use crate::handshake;
use crate::options::ConnectOptions;
use crate::rooms::{Negotiation, RoomSupport};
use crate::task::{ConnectionState, ConnectionTask};

/// Capacity of the channel from senders to the connection task. Sending waits while it is full.
pub(crate) const SEND_QUEUE: usize = 64;

/// Capacity of the channel from the connection task to the receiver. The task does not read the socket while it is
/// full, so the server may end the session (rule M6).
const EVENT_QUEUE: usize = 256;

/// A connected user. [`split`](Client::split) divides it into a sending and a receiving half.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
    receiver: Receiver,
}

impl Client {
    /// Connects to `addr` (`host:port`) and joins as `name`, in `lf` framing and without reconnecting.
    /// [`ConnectOptions`] has other settings.
    ///
    /// Requires a tokio runtime. If the future is dropped, the connection is closed.
    pub async fn connect(addr: &str, name: &str) -> Result<Self, ConnectError> {
        Self::with_options(addr, name, ConnectOptions::new()).await
    }

    pub(crate) async fn with_options(addr: &str, name: &str, options: ConnectOptions) -> Result<Self, ConnectError> {
        Self::over(TcpDialer(addr.to_owned()), addr, name, options).await
    }

    pub(crate) async fn over<D: Dial>(
        dialer: D,
        addr: &str,
        name: &str,
        options: ConnectOptions,
    ) -> Result<Self, ConnectError> {
        let name = UserName::new(name)?;
        let session = handshake::connect(&dialer, addr, &name, &options).await?;
        let (frames, frame_receiver) = mpsc::channel(SEND_QUEUE);
        let (event_sender, events) = mpsc::channel(EVENT_QUEUE);
        let (state_sender, state) = watch::channel(ConnectionState::Online(session.framing));
        let (disconnect, disconnect_receiver) = watch::channel(false);
        let (rooms, room_support) = Negotiation::new(options.rooms);
        let task = ConnectionTask {
            dialer,
            addr: addr.to_owned(),
            name: name.clone(),
            options,
            frames: frame_receiver,
            disconnect: disconnect_receiver,
            events: event_sender,
            state: state_sender,
            roster: RosterTracker::default(),
            rooms,
            unsent: VecDeque::new(),
        };
        // The task ends when both halves are dropped, because that closes its channels.
        tokio::spawn(task.run(session));
        Ok(Self {
            receiver: Receiver { events, name: name.clone(), users: Vec::new(), rooms: Vec::new() },
            sender: Sender { name, frames, disconnect, state, rooms: room_support },
        })
    }

    /// Returns the two halves. The connection lasts until [`Sender::disconnect`] is called or both halves are dropped.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Returns the sending half.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Sends to all users; see [`Sender::broadcast`].
    pub async fn broadcast(&self, content: &str) -> Result<(), SendError> {
        self.sender.broadcast(content).await
    }

    /// Sends to one user; see [`Sender::message`].
    pub async fn message(&self, recipient: &str, content: &str) -> Result<(), SendError> {
        self.sender.message(recipient, content).await
    }

    /// Returns the next event; see [`Receiver::next`].
    pub async fn next(&mut self) -> Option<ClientEvent> {
        self.receiver.next().await
    }

    /// Disconnects; see [`Sender::disconnect`].
    pub async fn disconnect(self) {
        self.sender.disconnect().await;
    }
}

impl ConnectOptions {
    /// Connects to `addr` (`host:port` or `[::1]:port`) and joins as `name`.
    ///
    /// If the future is dropped, the connection is closed.
    pub async fn connect(self, addr: &str, name: &str) -> Result<Client, ConnectError> {
        Client::with_options(addr, name, self).await
    }
}

/// The sending half of a client. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Sender {
    name: UserName,
    frames: mpsc::Sender<Vec<u8>>,
    disconnect: watch::Sender<bool>,
    state: watch::Receiver<ConnectionState>,
    rooms: watch::Receiver<RoomSupport>,
}

impl Sender {
    /// Returns the user's own name.
    pub fn name(&self) -> &UserName {
        &self.name
    }

    /// Returns the framing in use, or `None` while the connection is lost.
    pub fn framing(&self) -> Option<Framing> {
        if let ConnectionState::Online(framing) = *self.state.borrow() { Some(framing) } else { None }
    }

    /// Sends to all users, including the sender (rule M3).
    ///
    /// `Ok` means that the connection task has the message; the protocol has no acknowledgement. If the future is
    /// dropped while it waits for space in the queue, nothing is sent.
    pub async fn broadcast(&self, content: &str) -> Result<(), SendError> {
        let frame = check::broadcast(&self.name, content, self.online()?)?;
        self.enqueue(frame).await
    }

    /// Sends to one user (rule M1). If no user has that name, the server answers with an error, which arrives as
    /// [`ClientEvent::Error`] (rule M2).
    ///
    /// `Ok` and cancellation mean the same as in [`broadcast`](Sender::broadcast).
    pub async fn message(&self, recipient: &str, content: &str) -> Result<(), SendError> {
        let frame = check::message(&self.name, recipient, content, self.online()?)?;
        self.enqueue(frame).await
    }

    /// Checks a broadcast without sending it. Returns the error that [`broadcast`](Sender::broadcast) would return now.
    pub fn check_broadcast(&self, content: &str) -> Result<(), SendError> {
        check::broadcast(&self.name, content, self.online()?).map(drop)
    }

    /// Checks a message without sending it. Returns the error that [`message`](Sender::message) would return now.
    pub fn check_message(&self, recipient: &str, content: &str) -> Result<(), SendError> {
        check::message(&self.name, recipient, content, self.online()?).map(drop)
    }

    /// Returns the maximum number of bytes of content: of a message to `recipient`, or of a broadcast for `None` (rules
    /// F3, M4).
    pub fn max_content_len(&self, recipient: Option<&str>) -> usize {
        match recipient {
            None => check::max_broadcast_content(&self.name),
            Some(recipient) => check::max_message_content(&self.name, recipient),
        }
    }

    /// Waits until the connection is established. Returns an error if it is closed permanently.
    pub async fn ready(&self) -> Result<(), SendError> {
        let mut state = self.state.clone();
        match state.wait_for(|state| *state != ConnectionState::Offline).await.as_deref() {
            Ok(ConnectionState::Online(_)) => Ok(()),
            _ => Err(SendError::Closed),
        }
    }

    /// Sends all queued messages and `DISCONNECT`, then waits at most 2 s for the server to close. The receiver gets
    /// the events that arrive meanwhile; the last one is [`ClientEvent::Closed`].
    pub async fn disconnect(&self) {
        self.disconnect.send_replace(true);
        let mut state = self.state.clone();
        // An error means that the task has ended and with it the connection.
        let _ = state.wait_for(|state| *state == ConnectionState::Closed).await;
    }

    /// Returns what is known of the server's rooms.
    pub(crate) fn room_support(&self) -> RoomSupport {
        *self.rooms.borrow()
    }

    /// Returns a view of the same that can be waited for.
    pub(crate) fn room_support_changes(&self) -> watch::Receiver<RoomSupport> {
        self.rooms.clone()
    }

    pub(crate) fn online(&self) -> Result<Framing, SendError> {
        match *self.state.borrow() {
            ConnectionState::Online(framing) => Ok(framing),
            ConnectionState::Offline => Err(SendError::Offline),
            ConnectionState::Closed => Err(SendError::Closed),
        }
    }

    pub(crate) async fn enqueue(&self, frame: Vec<u8>) -> Result<(), SendError> {
        self.frames.send(frame).await.map_err(|_| SendError::Closed)
    }
}

/// The receiving half of a client: a [`Stream`] of events that ends after [`ClientEvent::Closed`].
///
/// The client does not read the connection while 256 events are waiting.
#[derive(Debug)]
pub struct Receiver {
    events: mpsc::Receiver<ClientEvent>,
    name: UserName,
    users: Vec<String>,
    rooms: Vec<String>,
}

impl Receiver {
    /// Returns the next event, or `None` after the last one. No event is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns the connected users according to the last roster event that was taken.
    pub fn users(&self) -> &[String] {
        &self.users
    }

    /// Returns the rooms that the user is in, in the order of its joins, according to the events that were taken.
    pub fn rooms(&self) -> &[String] {
        &self.rooms
    }
}

impl Stream for Receiver {
    type Item = ClientEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ClientEvent>> {
        let event = std::task::ready!(self.events.poll_recv(context));
        let this = &mut *self;
        match &event {
            Some(ClientEvent::Roster(roster)) => this.users.clone_from(&roster.users),
            Some(ClientEvent::Room(update)) => update.apply(this.name.as_str(), &mut this.rooms),
            // The session is new, and so is in no room yet.
            Some(ClientEvent::Reconnected { .. }) => this.rooms.clear(),
            _ => {}
        }
        Poll::Ready(event)
    }
}
