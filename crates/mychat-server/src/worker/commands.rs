//! The effects of one frame: login, messages, replies.

use std::sync::Arc;

use mychat_proto::reply::AckStatus;
use mychat_proto::{EncodeError, Framing, ParseCommandError, Reply};
use tracing::info;

use super::Worker;
use crate::error_reply::ErrorReply;
use crate::log::throttle::Repeated;
use crate::metrics::{Counter, EndReason};
use crate::router::{ClaimError, FrameKind, Publish};
use crate::session::state::{SessionAction, SessionState};

/// Appends `reply` as a frame that ends in LF, whatever the framing of its recipient; see
/// [`framing`](crate::session::framing).
pub(super) fn write_frame(reply: Reply<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    reply.write(out)?;
    Framing::Lf.end(out, start);
    Ok(())
}

impl Worker {
    /// Executes the action of one frame.
    pub(super) fn execute(&mut self, index: u32, action: SessionAction<'_>) {
        match action {
            SessionAction::Ignore => {}
            SessionAction::Login(name) => self.login(index, name),
            SessionAction::FailConnect(error) => self.fail_connect(index, error),
            SessionAction::ReplyError(error) => self.reply_error(index, error),
            SessionAction::Private { recipient, content } => self.send_private(index, recipient, content),
            SessionAction::Broadcast { content } => self.broadcast(index, content),
            SessionAction::Extension(frame) => self.execute_extension(index, frame),
            SessionAction::Disconnect => self.end_session(index, EndReason::Disconnect),
            SessionAction::EndOverrun => self.end_session(index, EndReason::Overrun),
        }
    }

    fn login(&mut self, index: u32, name: &str) {
        let address = self.sessions.address(index);
        match self.shared.router.claim(name, address) {
            // Rule U3.
            Err(ClaimError::Taken) => self.fail_connect(index, ErrorReply::NameInUse(name)),
            Err(ClaimError::Full) => self.fail_connect(index, ErrorReply::Full),
            Ok(registration) => {
                // Earlier broadcasts must not reach the session before its acknowledgement (rule L1).
                self.publisher.publish(Publish::Now, &mut self.sessions);
                let session = &mut self.sessions[index];
                session.registration = Some(registration);
                session.state = SessionState::Connected;
                if let (Some(rate), Some(limit)) = (&mut session.rate, self.shared.config.rate_limit)
                    && let Some(paid_at) = self.shared.rate_debts.take(name, rate.address)
                {
                    rate.limiter.add_debt(paid_at, limit, self.now);
                }
                self.sessions.subscribe(index);
                self.reply(index, Reply::ConnectAck(AckStatus::Ok));
                self.roster.record_join(address.key, self.now);
                self.log_join(index, name);
            }
        }
    }

    /// Logs the name and the address of a user who has joined. The kernel is asked for the address only where a line is due.
    fn log_join(&self, index: u32, name: &str) {
        if tracing::enabled!(tracing::Level::INFO) {
            self.shared.throttle.log(Repeated::Joined, |more_like_it| {
                let peer = self.sessions[index].peer_address();
                info!(user = name, peer = peer.map(tracing::field::display), more_like_it, "user joined");
            });
        }
    }

    fn send_private(&mut self, index: u32, recipient: &str, content: &str) {
        let Some(to) = self.shared.router.locate(recipient) else {
            return self.reply_error(index, ErrorReply::NoSuchUser(recipient));
        };
        let Some(sender) = self.name(index) else { return };
        let write = |out: &mut Vec<u8>| write_frame(Reply::Message { sender: &sender, content }, out);
        // Without earlier broadcasts of this worker to follow (rule M5), the frame goes straight into the outbox.
        let written = if to.worker == self.id && !self.publisher.has_pending() {
            self.sessions.enqueue(to.key, FrameKind::Message, write)
        } else {
            self.publisher.batch.private(to, FrameKind::Message, write)
        };
        self.finish_forward(index, "MESSAGE", Counter::Privates, written);
    }

    fn broadcast(&mut self, index: u32, content: &str) {
        let Some(sender) = self.name(index) else { return };
        let batch = &mut self.publisher.batch;
        let written = batch.broadcast(self.now, |out| write_frame(Reply::Broadcast { sender: &sender, content }, out));
        self.finish_forward(index, "BROADCAST", Counter::Broadcasts, written);
    }

    /// Counts a forwarded message, or replies that it is too long with the sender's name in it (rule M4).
    fn finish_forward(
        &mut self,
        index: u32,
        command: &'static str,
        counter: Counter,
        written: Result<(), EncodeError>,
    ) {
        match written {
            Ok(()) => self.sessions.counts.add(counter, 1),
            Err(EncodeError::TooLong { bytes }) => {
                self.reply_error(index, ErrorReply::ForwardTooLong { command, bytes });
            }
            // The parser lets none of these through; if it did, the frame would be malformed.
            Err(EncodeError::LineFeed | EncodeError::Pipe | EncodeError::Empty) => {
                self.reply_error(index, ErrorReply::Syntax { error: ParseCommandError::LineFeed });
            }
        }
    }

    /// Returns the name of the session's user.
    pub(super) fn name(&self, index: u32) -> Option<Arc<str>> {
        self.sessions[index].registration.as_ref().map(|registration| Arc::clone(&registration.name))
    }

    fn fail_connect(&mut self, index: u32, error: ErrorReply<'_>) {
        self.reply(index, Reply::ConnectAck(AckStatus::Fail));
        self.reply_error(index, error);
    }

    /// Replies `ERROR` to a session.
    pub(super) fn reply_error(&mut self, index: u32, error: ErrorReply<'_>) {
        self.sessions.counts.add(Counter::Error(error.code()), 1);
        let text = error.to_string();
        self.reply(index, Reply::Error { code: error.code().digits(), text: &text });
    }

    fn reply(&mut self, index: u32, reply: Reply<'_>) {
        self.reply_with(index, |out| write_frame(reply, out));
    }

    /// Sends a reply to a session, after everything that the session has caused before. `write` appends its frame.
    pub(super) fn reply_with(&mut self, index: u32, write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>) {
        let to = self.sessions.address(index);
        let written = if self.publisher.has_pending() {
            self.publisher.batch.private(to, FrameKind::Reply, write)
        } else {
            self.sessions.enqueue(to.key, FrameKind::Reply, write)
        };
        debug_assert!(written.is_ok(), "the texts of error replies are short and on one line");
    }
}
