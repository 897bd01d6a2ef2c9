//! What comes to a worker from outside: connections, and mail from whoever runs the server.

use std::sync::Arc;
use std::task::{Context, Poll};

use mio::net::TcpStream;
use tokio::sync::mpsc;

use super::{Worker, WorkerMessage};
use crate::config::Config;
use crate::error_reply::ErrorReply;
use crate::limits::rate::RateLimiter;
use crate::limits::{AdmissionDecision, ConnectionPermit};
use crate::metrics::{Counter, EndReason};
use crate::net::acceptor::IncomingConnection;
use crate::session::framing::FramingState;
use crate::session::{RateState, Session};

/// Connections accepted in one turn: those that are in must not wait long for those that come.
const ACCEPTS: usize = 256;

impl Worker {
    pub(super) fn open_mail(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(mail) = self.mail.poll_recv(context) {
            // Whoever started this worker is gone: nobody waits for what is left.
            let Some(mail) = mail else {
                if self.drain.is_none() {
                    self.start_drain(self.now);
                }
                return;
            };
            match mail {
                WorkerMessage::NewConnection(socket, permit) => {
                    if !self.welcome(socket, permit) {
                        self.shared.router.exchange().lose_guests(1);
                    }
                }
                WorkerMessage::MigrateSessions(crowd, version) => self.take_crowd(crowd, version),
                WorkerMessage::SpreadSessions => self.strain.insist(),
                WorkerMessage::UpdateConfig(config) => self.adopt(config),
                // Whoever asked may have stopped waiting.
                WorkerMessage::Ping(pong) => drop(pong.send(())),
                WorkerMessage::Drain(deadline) => self.start_drain(deadline),
            }
        }
    }

    /// New limits hold for everybody, those that are in already included.
    fn adopt(&mut self, config: Arc<Config>) {
        self.deadlines.handshake_timeout = config.admission.handshake_timeout;
        if config.admission.max_per_address.is_some() {
            self.delivery.sessions.iter_mut().for_each(|(_, session)| session.count_address());
        }
        self.shared.config = config;
        self.take_share();
    }

    /// Takes in who waits outside, and gives the other workers their share.
    pub(super) fn open_door(&mut self) {
        let Some(mut reception) = self.reception.take() else { return };
        for left in (0..ACCEPTS).rev() {
            let Some(IncomingConnection { socket, entry }) = reception.next(self.now) else { break };
            match entry {
                AdmissionDecision::Admit(permit) => self.place(socket, permit),
                AdmissionDecision::ServerFull(permit) => {
                    self.turn_away(socket, permit, ErrorReply::NoRoom);
                }
                AdmissionDecision::AddressFull(permit) => {
                    self.turn_away(socket, permit, ErrorReply::AddressFull);
                }
                AdmissionDecision::Drop => {}
            }
            self.goes_on |= left == 0;
        }
        self.reception = Some(reception);
    }

    /// Gives a connection to the worker whose turn it is, or keeps it where that one has too much mail.
    fn place(&mut self, socket: TcpStream, permit: ConnectionPermit) {
        if self.is_alone {
            self.welcome(socket, permit);
            return;
        }
        self.next = (self.next + 1) % (self.others.len() + 1);
        let other = self.next.checked_sub(1).and_then(|other| self.others[other].upgrade());
        match other.as_ref().map(mpsc::Sender::try_reserve) {
            Some(Ok(room)) => {
                self.shared.router.exchange().send_guests(1);
                room.send(WorkerMessage::NewConnection(socket, permit));
            }
            Some(Err(_)) | None => {
                self.welcome(socket, permit);
            }
        }
    }

    /// A connection that has its place here. Returns whether it could be taken in; where the machine is out of memory it
    /// is closed.
    fn welcome(&mut self, socket: TcpStream, permit: ConnectionPermit) -> bool {
        if self.drain.is_some() {
            return self.turn_away(socket, permit, ErrorReply::ShuttingDown);
        }
        let Some((index, generation)) = self.seat_socket(socket, permit) else { return false };
        self.deadlines.push_handshake(self.now, index, generation);
        true
    }

    /// A connection that is told why it cannot stay.
    fn turn_away(&mut self, socket: TcpStream, permit: ConnectionPermit, fault: ErrorReply<'static>) -> bool {
        let Some((index, _)) = self.seat_socket(socket, permit) else { return false };
        self.reject(index, fault);
        self.dismiss(index, EndReason::Refused);
        true
    }

    fn seat_socket(&mut self, mut socket: TcpStream, permit: ConnectionPermit) -> Option<(u32, u32)> {
        let entry = self.delivery.sessions.vacant_entry();
        let index = entry.key() as u32;
        self.watch.add(&mut socket, index).ok()?;
        self.delivery.tally.add(Counter::Connections, 1);
        let generation = self.shared.router.generation();
        let config = &self.shared.config;
        let manner = FramingState::new(config.framing);
        let paced =
            config.rate_limit.map(|_| Box::new(RateState { meter: RateLimiter::new(self.now), held: Vec::new() }));
        entry.insert(Session::new(socket, permit, generation, manner, paced));
        Some((index, generation))
    }
}
