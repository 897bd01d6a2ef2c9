//! New connections: worker 0 accepts them and chooses a worker for each.

use std::io;
use std::net::{IpAddr, Ipv6Addr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use mychat_proto::Reply;
use tokio::sync::mpsc;

use super::{ServerShared, Worker, WorkerMessage};
use crate::error_reply::ErrorReply;
use crate::limits::{AdmissionDecision, ConnectionLimiter, ConnectionPermit, RateLimiter};
use crate::metrics::EndReason;
use crate::net::acceptor::{AcceptedConnection, Acceptor};
use crate::net::poller::Poller;
use crate::router::SessionKey;
use crate::session::framing::FramingState;
use crate::session::{RateState, Session};

/// The number of connections accepted in one turn, so that open sessions do not wait long for new ones.
const ACCEPTS_PER_TURN: usize = 256;

/// The parts that worker 0 needs to accept connections.
#[derive(Debug)]
pub(crate) struct AcceptorSetup {
    pub(crate) listeners: Vec<StdListener>,
    pub(crate) limiter: Arc<ConnectionLimiter>,
    /// The channels of the other workers. They are weak, so that a worker ends when the server drops its channel.
    pub(crate) other_workers: Vec<mpsc::WeakSender<WorkerMessage>>,
}

/// The listeners and the choice of a worker for each new connection. Only that of worker 0 has listeners.
#[derive(Debug, Default)]
pub(crate) struct ConnectionIntake {
    /// `None` on other workers, and once the server stops.
    acceptor: Option<Acceptor>,
    pub(super) other_workers: Vec<mpsc::WeakSender<WorkerMessage>>,
    /// The worker that got the last connection; 0 is this worker.
    last_worker: usize,
    /// The last turn accepted as many connections as it may, so that more may wait.
    has_more: bool,
}

impl ConnectionIntake {
    /// Creates the intake of worker 0.
    ///
    /// # Errors
    /// The kernel cannot watch a listener.
    pub(super) fn start(setup: AcceptorSetup, poller: &Poller, shared: &ServerShared) -> io::Result<Self> {
        let (metrics, throttle) = (Arc::clone(&shared.metrics), Arc::clone(&shared.throttle));
        let frame = no_room_frame(FramingState::new(shared.config.framing));
        let acceptor = Acceptor::new(setup.listeners, poller, setup.limiter, metrics, throttle, frame)?;
        Ok(Self { acceptor: Some(acceptor), other_workers: setup.other_workers, ..Self::default() })
    }

    /// Returns the number of listeners in the poller.
    pub(super) fn listeners(&self) -> usize {
        self.acceptor.as_ref().map_or(0, Acceptor::listeners)
    }

    /// Returns true if this worker accepts connections.
    pub(super) const fn is_accepting(&self) -> bool {
        self.acceptor.is_some()
    }

    /// Records that a connection waits at a listener.
    pub(super) fn mark_ready(&mut self, listener: usize) {
        if let Some(acceptor) = &mut self.acceptor {
            acceptor.mark_ready(listener);
        }
    }

    /// Returns true if more connections may wait without an event for them.
    pub(super) const fn has_more(&self) -> bool {
        self.has_more
    }

    /// Returns the time at which accepting continues after a pause.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.acceptor.as_ref().and_then(Acceptor::paused_until)
    }

    /// Closes the listeners.
    pub(super) fn close(&mut self) {
        self.acceptor = None;
    }

    /// Chooses the next worker in turn. Returns its channel, or `None` if the connection stays here.
    fn next_worker(&mut self) -> Option<mpsc::Sender<WorkerMessage>> {
        self.last_worker = (self.last_worker + 1) % (self.other_workers.len() + 1);
        self.other_workers[self.last_worker.checked_sub(1)?].upgrade()
    }
}

/// Returns the frame for connections that the machine has no descriptor for.
fn no_room_frame(framing: FramingState) -> Vec<u8> {
    let (error, mut frame) = (ErrorReply::NoRoom, Vec::new());
    // The text is short and on one line, so it can be encoded.
    let _ = Reply::Error { code: error.code().digits(), text: &error.to_string() }.write(&mut frame);
    framing.framing().end(&mut frame, 0);
    frame
}

impl Worker {
    /// Accepts waiting connections and distributes them over the workers.
    pub(super) fn accept_connections(&mut self) {
        self.intake.has_more = false;
        for left in (0..ACCEPTS_PER_TURN).rev() {
            let Some(acceptor) = &mut self.intake.acceptor else { return };
            let Some(AcceptedConnection { socket, decision }) = acceptor.accept(self.now) else { return };
            match decision {
                AdmissionDecision::Admit(permit) => self.place_connection(socket, permit),
                AdmissionDecision::ServerFull(permit) => {
                    self.refuse_connection(socket, permit, ErrorReply::NoRoom);
                }
                AdmissionDecision::AddressFull(permit) => {
                    self.refuse_connection(socket, permit, ErrorReply::AddressFull);
                }
                AdmissionDecision::Drop => {}
            }
            self.intake.has_more = left == 0;
        }
    }

    /// Sends a connection to the next worker, or keeps it if that worker's channel is full.
    fn place_connection(&mut self, socket: TcpStream, permit: ConnectionPermit) {
        if self.publisher.is_single_worker() {
            self.add_connection(socket, permit);
            return;
        }
        let worker = self.intake.next_worker();
        match worker.as_ref().map(mpsc::Sender::try_reserve) {
            Some(Ok(slot)) => {
                self.shared.router.exchange().add_migrated(1);
                slot.send(WorkerMessage::NewConnection(socket, permit));
            }
            Some(Err(_)) | None => {
                self.add_connection(socket, permit);
            }
        }
    }

    /// Adds a connection to this worker. Returns false, and closes it, if the machine is out of memory.
    pub(super) fn add_connection(&mut self, socket: TcpStream, permit: ConnectionPermit) -> bool {
        if self.drain_deadline.is_some() {
            return self.refuse_connection(socket, permit, ErrorReply::ShuttingDown);
        }
        let Some(key) = self.insert_session(socket, permit) else { return false };
        self.deadlines.push_handshake(self.now, key);
        true
    }

    /// Replies `error` to a connection and ends it.
    fn refuse_connection(&mut self, socket: TcpStream, permit: ConnectionPermit, error: ErrorReply<'static>) -> bool {
        let Some(key) = self.insert_session(socket, permit) else { return false };
        self.reply_error(key.index, error);
        self.end_session(key.index, EndReason::Refused);
        true
    }

    fn insert_session(&mut self, mut socket: TcpStream, permit: ConnectionPermit) -> Option<SessionKey> {
        let index = self.sessions.next_index();
        self.poller.add(&mut socket, index).ok()?;
        let generation = self.shared.router.next_generation();
        let config = &self.shared.config;
        let rate = config.rate_limit.map(|_| {
            let address = socket.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
            Box::new(RateState { limiter: RateLimiter::new(self.now), address, delayed_input: Vec::new() })
        });
        self.sessions.insert(Session::new(socket, permit, generation, FramingState::new(config.framing), rate));
        Some(SessionKey { index, generation })
    }
}
