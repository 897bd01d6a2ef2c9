//! Expired deadlines, and the results of a flush that set new ones.

use std::time::Instant;

use super::Worker;
use super::deadlines::DeadlineKind;
use crate::error_reply::ErrorReply;
use crate::metrics::EndReason;
use crate::session::framing::{FRAME_GAP, FramingState};
use crate::session::state::SessionState;

impl Worker {
    /// Acts on all deadlines that have expired.
    pub(super) fn handle_deadlines(&mut self) {
        let sessions = &self.sessions;
        self.deadlines.drop_finished_handshakes(|key| {
            sessions.find(key).is_none_or(|session| session.state != SessionState::Anonymous)
        });
        while let Some((key, kind)) = self.deadlines.pop_expired(self.now) {
            let (index, now) = (key.index, self.now);
            let timeout = self.shared.config.send.timeout;
            let Some(session) = self.sessions.find_mut(key) else { continue };
            let is_open = session.state != SessionState::Closing;
            match kind {
                DeadlineKind::Handshake if session.state == SessionState::Anonymous => {
                    self.reply_error(index, ErrorReply::HandshakeTimeout);
                    self.end_session(index, EndReason::Handshake);
                }
                DeadlineKind::SendStall if session.outbox.is_blocked() => {
                    let stalled_at = session.outbox.last_progress().unwrap_or(now) + timeout;
                    if stalled_at <= now {
                        self.close_session(index, EndReason::Stalled);
                    } else {
                        self.deadlines.push(stalled_at, key, DeadlineKind::SendStall);
                    }
                }
                DeadlineKind::SendStall => session.has_send_deadline = false,
                DeadlineKind::Linger => self.close_session(index, EndReason::Closed),
                DeadlineKind::RateLimit if is_open => self.process_delayed_input(index),
                DeadlineKind::DetectRaw if is_open => self.finish_framing_detection(index),
                DeadlineKind::FrameGap if session.framing == FramingState::WaitGap => {
                    session.framing = FramingState::Raw;
                    if session.outbox.is_blocked() {
                        self.ready.push(index);
                    }
                }
                DeadlineKind::Handshake
                | DeadlineKind::RateLimit
                | DeadlineKind::DetectRaw
                | DeadlineKind::FrameGap => {}
            }
        }
    }

    /// Acts on the results of the last flush. Returns true if a session was closed, which changes the roster.
    pub(super) fn apply_flush_outcome(&mut self) -> bool {
        let outcome = self.sessions.take_outcome();
        for index in outcome.blocked {
            // The session may have ended since, or have a deadline from an earlier time.
            let Some(session) = self.sessions.get_mut(index) else { continue };
            if !std::mem::replace(&mut session.has_send_deadline, true) {
                let at = self.now + self.shared.config.send.timeout;
                self.deadlines.push(at, self.sessions.key(index), DeadlineKind::SendStall);
            }
        }
        for index in outcome.in_frame_gap {
            if self.sessions.get(index).is_some() {
                // The gap starts at the write, not at the start of the turn: a turn may take longer than the gap.
                self.deadlines.push(Instant::now() + FRAME_GAP, self.sessions.key(index), DeadlineKind::FrameGap);
            }
        }
        self.ready.extend(outcome.writable);
        let has_closed_some = !outcome.failed.is_empty();
        for (index, end) in outcome.failed {
            self.close_session(index, end);
        }
        for index in std::mem::take(&mut self.closing) {
            self.half_close(index);
        }
        self.reclaimer.observe(self.now, &mut self.sessions);
        has_closed_some
    }
}
