//! What a worker does with one session: bytes → frames → actions → their effects.

use std::sync::Arc;

use mychat_proto::reply::AckStatus;
use mychat_proto::{CommandError, EncodeError, Framing, Reply};
use tracing::warn;

use crate::error_reply::ErrorReply;
use crate::log::throttle::Repeated;
use crate::metrics::{Counter, EndReason};
use crate::router::{ClaimError, FrameKind, Publish};
use crate::session::state::{SessionAction, SessionState};
use crate::worker::Worker;

/// Appends one framed reply, or nothing where it breaks a rule of framing. Its ending is LF whoever it is for; see
/// [`raw`](crate::session::framing).
fn put(reply: Reply<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    reply.write(out)?;
    Framing::Lf.end(out, start);
    Ok(())
}

impl Worker {
    /// Something happened to this session's socket.
    pub(crate) fn serve(&mut self, index: u32) {
        let Some(session) = self.delivery.sessions.get(index as usize) else { return };
        if session.outbox.is_blocked() {
            if self.delivery.resume(index, self.now) {
                self.closing.push(index);
            } else if self.is_behind(index) {
                return;
            }
        }
        let session = &self.delivery.sessions[index as usize];
        match session.state {
            SessionState::Closing if session.is_shut => self.discard(index),
            SessionState::Closing => {}
            SessionState::Anonymous | SessionState::Connected => self.read(index),
        }
    }

    /// Whether a session has so much waiting that it is not read from before it reads itself: a peer that asks faster
    /// than it takes the answers is slowed down by its own connection.
    fn is_behind(&self, index: u32) -> bool {
        let outbox = &self.delivery.sessions[index as usize].outbox;
        outbox.is_blocked() && outbox.waiting() > self.shared.config.send.queue / 4
    }

    /// Carries out what a frame asks for.
    pub(super) fn act(&mut self, index: u32, action: SessionAction<'_>) {
        match action {
            SessionAction::Ignore => {}
            SessionAction::Login(name) => self.login(index, name),
            SessionAction::Refuse(fault) => self.refuse(index, fault),
            SessionAction::Reject(fault) => self.reject(index, fault),
            SessionAction::Private { recipient, content } => self.forward(index, recipient, content),
            SessionAction::Broadcast { content } => self.broadcast(index, content),
            SessionAction::Leave => self.dismiss(index, EndReason::Disconnect),
            SessionAction::Abandon => self.dismiss(index, EndReason::Overrun),
        }
    }

    fn login(&mut self, index: u32, name: &str) {
        let who = self.delivery.address(index);
        match self.shared.router.claim(name, who) {
            // Rule U3.
            Err(ClaimError::Taken) => self.refuse(index, ErrorReply::NameInUse(name)),
            Err(ClaimError::Full) => self.refuse(index, ErrorReply::Full),
            Ok(seat) => {
                // What was broadcast before this must not come before the acknowledgement (rule L1).
                self.publish(Publish::Now);
                let session = &mut self.delivery.sessions[index as usize];
                session.seat = Some(seat);
                session.state = SessionState::Connected;
                self.delivery.join(index);
                self.answer(index, Reply::ConnectAck(AckStatus::Ok));
                self.users += 1;
                self.joiners.push((index, who.generation));
                self.roster.joined(self.now);
            }
        }
    }

    fn forward(&mut self, index: u32, recipient: &str, content: &str) {
        let Some(to) = self.shared.router.locate(recipient) else {
            return self.reject(index, ErrorReply::NoSuchUser(recipient));
        };
        let Some(sender) = self.name(index) else { return };
        let write = |out: &mut Vec<u8>| put(Reply::Message { sender: &sender, content }, out);
        // Straight into the outbox where nothing was said here that must come first (rule M5).
        let written = if to.worker == self.me && self.is_settled() {
            self.delivery.post(to.index, to.generation, FrameKind::Message, write)
        } else {
            self.stage.private(to, FrameKind::Message, write)
        };
        self.judge(index, "MESSAGE", Counter::Privates, written);
    }

    fn broadcast(&mut self, index: u32, content: &str) {
        let Some(sender) = self.name(index) else { return };
        let now = self.now;
        let written = self.stage.broadcast(now, |out| put(Reply::Broadcast { sender: &sender, content }, out));
        self.judge(index, "BROADCAST", Counter::Broadcasts, written);
    }

    /// Rule M4: what does not fit with the sender's name in it is not forwarded.
    fn judge(&mut self, index: u32, command: &'static str, count: Counter, written: Result<(), EncodeError>) {
        match written {
            Ok(()) => self.delivery.tally.add(count, 1),
            Err(EncodeError::TooLong { bytes }) => self.reject(index, ErrorReply::ForwardTooLong { command, bytes }),
            // Parsing lets none of these through; should it ever, the frame is as malformed as that.
            Err(EncodeError::LineFeed | EncodeError::Pipe | EncodeError::Empty) => {
                self.reject(index, ErrorReply::Syntax { error: CommandError::LineFeed });
            }
        }
    }

    fn name(&self, index: u32) -> Option<Arc<str>> {
        self.delivery.sessions[index as usize].seat.as_ref().map(|seat| Arc::clone(&seat.name))
    }

    fn refuse(&mut self, index: u32, fault: ErrorReply<'_>) {
        self.answer(index, Reply::ConnectAck(AckStatus::Fail));
        self.reject(index, fault);
    }

    /// Answers `ERROR`.
    pub(crate) fn reject(&mut self, index: u32, fault: ErrorReply<'_>) {
        self.delivery.tally.add(Counter::Error(fault.code()), 1);
        let text = fault.to_string();
        self.answer(index, Reply::Error { code: fault.code().digits(), text: &text });
    }

    /// A reply to the session itself, behind everything that it caused before.
    fn answer(&mut self, index: u32, reply: Reply<'_>) {
        let to = self.delivery.address(index);
        let written = if self.is_settled() {
            self.delivery.post(index, to.generation, FrameKind::Answer, |out| put(reply, out))
        } else {
            self.stage.private(to, FrameKind::Answer, |out| put(reply, out))
        };
        debug_assert!(written.is_ok(), "the texts of faults are short and on one line");
    }

    /// Ends a session in good order: its name is free at once (rule U6), what waits for it is written first, and the
    /// connection is closed after that.
    pub(crate) fn dismiss(&mut self, index: u32, end: EndReason) {
        // What it said, and what was said to it, is still on its way to it.
        self.publish(Publish::Now);
        self.release(index);
        self.delivery.leave(index);
        let session = &mut self.delivery.sessions[index as usize];
        session.state = SessionState::Closing;
        session.end = Some(end);
        self.closing.push(index);
    }

    /// Ends a session now. The reason counts if it had none before.
    pub(crate) fn close(&mut self, index: u32, end: EndReason) {
        if !self.delivery.sessions.contains(index as usize) {
            return;
        }
        let name = self.release(index);
        let end = self.delivery.sessions[index as usize].end.unwrap_or(end);
        self.delivery.remove(index, end);
        self.shared.metrics.count(Counter::Ended(end));
        if let (EndReason::QueueFull | EndReason::Stalled, Some(user)) = (end, name) {
            self.shared.throttle.warn(Repeated::Evicted, |more_like_it| {
                warn!(reason = end.text(), %user, more_like_it, "user evicted");
            });
        }
    }

    /// Frees a session's name and returns it.
    fn release(&mut self, index: u32) -> Option<Arc<str>> {
        let who = self.delivery.address(index);
        let seat = self.delivery.sessions[index as usize].seat.take()?;
        self.shared.router.release(&seat, who);
        self.users -= 1;
        Some(seat.name)
    }
}
