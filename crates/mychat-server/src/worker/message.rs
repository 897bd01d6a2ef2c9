//! The messages that a worker receives from other threads.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use mio::net::TcpStream;
use tokio::sync::oneshot;

use super::Worker;
use crate::config::Config;
use crate::limits::ConnectionPermit;
use crate::rooms::RoomRegistry;
use crate::session::Session;

/// The capacity of a worker's channel. While a channel is full, worker 0 keeps new connections itself.
pub(crate) const CHANNEL_CAPACITY: usize = 1024;

/// A message to one worker.
#[derive(Debug)]
pub(crate) enum WorkerMessage {
    /// A connection that worker 0 accepted for this worker.
    NewConnection(TcpStream, ConnectionPermit),
    /// Sessions that move here from worker 0, each with its slab index here.
    MigrateSessions {
        sessions: Vec<(u32, Session)>,
        /// The version of the roster that all of them have.
        roster_version: u64,
        /// The chat rooms.
        rooms: Box<RoomRegistry>,
    },
    /// Spread the sessions over all workers now, whatever the load.
    SpreadSessions,
    /// The limits have changed.
    UpdateConfig(Arc<Config>),
    /// Answer, to show that the worker still takes turns.
    Ping(oneshot::Sender<()>),
    /// End all sessions in good order, and those that are left at this time at once.
    Drain(Instant),
}

impl Worker {
    /// Handles all waiting messages. `context` is woken by the next one.
    pub(super) fn receive_messages(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(message) = self.messages.poll_recv(context) {
            let Some(message) = message else {
                // The server dropped the channel without a stop: ends the sessions at once.
                if self.drain_deadline.is_none() {
                    self.start_drain(self.now);
                }
                return;
            };
            match message {
                WorkerMessage::NewConnection(socket, permit) => {
                    if !self.add_connection(socket, permit) {
                        self.shared.router.exchange().remove_migrated(1);
                    }
                }
                WorkerMessage::MigrateSessions { sessions, roster_version, rooms } => {
                    self.adopt_migrated(sessions, roster_version, rooms);
                }
                WorkerMessage::SpreadSessions => self.rebalancer.force(),
                WorkerMessage::UpdateConfig(config) => self.update_config(config),
                // The sender may have stopped waiting.
                WorkerMessage::Ping(answer) => drop(answer.send(())),
                WorkerMessage::Drain(deadline) => self.start_drain(deadline),
            }
        }
    }

    /// Applies new limits, also to the sessions that exist already.
    fn update_config(&mut self, config: Arc<Config>) {
        self.deadlines.handshake_timeout = config.admission.handshake_timeout;
        if config.admission.max_per_address.is_some() {
            self.sessions.iter_mut().for_each(Session::count_address);
        }
        self.shared.config = config;
        self.update_limit_shares();
    }
}
