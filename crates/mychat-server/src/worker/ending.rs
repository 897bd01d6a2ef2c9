//! The end of sessions, one by one and all together.
//!
//! ```text
//!   end_session ─► output is written ─► half_close ─► the peer closes, or a second passes ─► close_session
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Worker;
use super::deadlines::DeadlineKind;
use crate::error_reply::ErrorReply;
use crate::log::throttle::Repeated;
use crate::metrics::{Counter, EndReason};
use crate::router::Publish;
use crate::session::state::SessionState;

/// The time that a peer has to close its side after this side is closed.
const LINGER: Duration = Duration::from_secs(1);

/// The same time while the server stops.
const SHUTDOWN_LINGER: Duration = Duration::from_millis(200);

impl Worker {
    /// Ends a session in good order: its name is free at once (rule U6), and its connection is closed when everything
    /// that waits for it is written.
    pub(super) fn end_session(&mut self, index: u32, end: EndReason) {
        self.exit_rooms(index);
        // The frames that the session caused, and those for it, may still be on their way.
        self.publisher.publish(Publish::Now, &mut self.sessions);
        self.release_name(index, end);
        self.sessions.unsubscribe(index);
        let session = &mut self.sessions[index];
        session.state = SessionState::Closing;
        session.end = Some(end);
        self.closing.push(index);
    }

    /// Closes the connection of a session at once. `end` is the reason if the session was not ending already.
    pub(super) fn close_session(&mut self, index: u32, end: EndReason) {
        let Some(session) = self.sessions.get(index) else { return };
        let end = session.end.unwrap_or(end);
        if self.exit_rooms(index) {
            // Before the name is free: its next user may join the same rooms.
            self.publisher.publish(Publish::Now, &mut self.sessions);
        }
        let name = self.release_name(index, end);
        self.sessions.remove(index, end);
        self.shared.metrics.count(Counter::Ended(end));
        if let (EndReason::QueueFull | EndReason::Stalled, Some(user)) = (end, name) {
            self.shared.throttle.log(Repeated::Evicted, |more_like_it| {
                warn!(reason = end.text(), %user, more_like_it, "user evicted");
            });
        }
    }

    /// Frees the name of a session that ends for this reason, and returns it.
    fn release_name(&mut self, index: u32, end: EndReason) -> Option<Arc<str>> {
        let address = self.sessions.address(index);
        let session = &mut self.sessions[index];
        let registration = session.registration.take()?;
        if let Some(rate) = &session.rate {
            self.shared.rate_debts.keep(&registration.name, rate.address, rate.limiter.paid_at(), self.now);
        }
        self.shared.router.release(&registration, address);
        if tracing::enabled!(tracing::Level::INFO) {
            self.shared.throttle.log(Repeated::Left, |more_like_it| {
                info!(user = %registration.name, reason = end.text(), more_like_it, "user left");
            });
        }
        Some(registration.name)
    }

    /// Closes this side of an ended session whose output is written, and gives the peer time to close the other side. A
    /// close with unread input would make the kernel reset the connection, and the peer could lose its last frames.
    pub(super) fn half_close(&mut self, index: u32) {
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.state != SessionState::Closing || session.outbox.is_blocked() || session.is_write_closed {
            return;
        }
        session.close_write();
        if session.is_peer_closed {
            return self.close_session(index, EndReason::Closed);
        }
        let linger = if self.drain_deadline.is_some() { SHUTDOWN_LINGER } else { LINGER };
        self.deadlines.push(self.now + linger, self.sessions.key(index), DeadlineKind::Linger);
        self.ready.push(index);
    }

    /// Closes the listeners and ends all sessions. What is left at `deadline` is closed with the worker.
    pub(super) fn start_drain(&mut self, deadline: Instant) {
        self.publisher.publish(Publish::Now, &mut self.sessions);
        // Another server may open the ports while the last replies of this one are being read.
        self.intake.close();
        self.drain_deadline = Some(deadline);
        // A stopping server sends no lists, and does not tell the members of a room of each other's end.
        self.publisher.rooms.clear(&mut self.sessions);
        self.sessions.iter_mut().for_each(|session| session.extensions.rooms = false);
        let open = self.sessions.iter().filter(|(_, session)| session.state != SessionState::Closing);
        let indices: Vec<u32> = open.map(|(index, _)| index).collect();
        for index in indices {
            self.reply_error(index, ErrorReply::ShuttingDown);
            self.end_session(index, EndReason::Shutdown);
        }
    }
}
