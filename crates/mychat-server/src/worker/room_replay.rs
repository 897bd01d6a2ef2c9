//! Batches → turn log, outboxes and chat rooms of one worker.

use std::sync::Arc;

use mychat_proto::{ExtensionCommand, Reply};

use super::commands::write_frame;
use super::sessions::Sessions;
use crate::error_reply::ErrorReply;
use crate::metrics::Counter;
use crate::rooms::{RoomOptions, RoomRegistry, RoomSink};
use crate::router::{Batch, BatchSink, FrameKind, RoomEvent, SessionAddress};

/// The chat rooms of one worker, at the place of the order up to which it has replayed batches.
#[derive(Debug)]
pub(crate) struct RoomReplay {
    pub(crate) registry: Box<RoomRegistry>,
    worker: u16,
    options: Arc<RoomOptions>,
    /// The rooms and memberships that the gauges include. All workers have the same rooms, so only worker 0 counts them.
    reported: (u64, u64),
}

impl RoomReplay {
    /// Creates the rooms of `worker`.
    pub(super) fn new(worker: u16, options: &Arc<RoomOptions>) -> Self {
        let registry = Box::new(RoomRegistry::new(options));
        Self { registry, worker, options: Arc::clone(options), reported: (0, 0) }
    }

    /// Passes the frames of `batch` to `sessions`, and applies its room events, all in their order.
    pub(super) fn replay(&mut self, batch: &Batch, sessions: &mut Sessions) {
        let mut delivery = RoomDelivery { sessions, worker: self.worker };
        let mut replay = BatchReplay { registry: &mut self.registry, delivery: &mut delivery };
        batch.replay(&mut replay);
        replay.registry.flush_run(replay.delivery);
        self.report(sessions);
    }

    /// Returns a copy for a worker that gets sessions. No messages wait to be passed on between batches.
    pub(super) fn snapshot(&self) -> Box<RoomRegistry> {
        self.registry.clone()
    }

    /// Removes all rooms and users without a word.
    pub(super) fn clear(&mut self, sessions: &mut Sessions) {
        *self.registry = RoomRegistry::new(&self.options);
        self.report(sessions);
    }

    /// Releases unused capacity.
    pub(super) fn shrink(&mut self) {
        self.registry.shrink();
    }

    fn report(&mut self, sessions: &mut Sessions) {
        let now = (self.registry.rooms() as u64, self.registry.memberships() as u64);
        if self.worker == 0 && now != self.reported {
            sessions.counts.add(Counter::Rooms, now.0.wrapping_sub(self.reported.0));
            sessions.counts.add(Counter::Memberships, now.1.wrapping_sub(self.reported.1));
            self.reported = now;
        }
    }
}

/// The receiver of one batch.
struct BatchReplay<'a, 's> {
    registry: &'a mut RoomRegistry,
    delivery: &'a mut RoomDelivery<'s>,
}

impl BatchSink for BatchReplay<'_, '_> {
    fn broadcast(&mut self, frames: &[u8], count: u32) {
        self.registry.flush_run(self.delivery);
        self.delivery.sessions.append_broadcasts(frames, count);
    }

    fn private(&mut self, to: SessionAddress, kind: FrameKind, frame: &[u8]) {
        self.registry.flush_run(self.delivery);
        self.delivery.sessions.append_private(to, kind, frame);
    }

    fn room_event(&mut self, from: SessionAddress, event: RoomEvent, bytes: &[u8]) {
        match event {
            // The worker that read it has checked it, so neither fails.
            RoomEvent::Enter => {
                if let Ok(name) = std::str::from_utf8(bytes) {
                    self.registry.enter(from, name);
                }
            }
            RoomEvent::Command => {
                if let Ok(command) = ExtensionCommand::parse(bytes) {
                    self.registry.execute(from, command, self.delivery);
                }
            }
            RoomEvent::Exit => self.registry.exit(from, self.delivery),
        }
    }
}

/// Delivers to the sessions of one worker.
struct RoomDelivery<'s> {
    sessions: &'s mut Sessions,
    worker: u16,
}

impl RoomSink for RoomDelivery<'_> {
    fn deliver(&mut self, to: SessionAddress, frames: &[u8], messages: u32) {
        if to.worker == self.worker {
            self.sessions.enqueue_room_frames(to.key, frames, messages);
        }
    }

    fn refuse(&mut self, to: SessionAddress, error: ErrorReply<'_>) {
        if to.worker == self.worker {
            self.sessions.counts.add(Counter::Error(error.code()), 1);
            let (text, mut frame) = (error.to_string(), Vec::new());
            // The texts of error replies are short and on one line.
            if write_frame(Reply::Error { code: error.code().digits(), text: &text }, &mut frame).is_ok() {
                self.sessions.enqueue_room_frames(to.key, &frame, 0);
            }
        }
    }

    fn count_message(&mut self, from: SessionAddress) {
        if from.worker == self.worker {
            self.sessions.counts.add(Counter::RoomMessages, 1);
        }
    }
}
