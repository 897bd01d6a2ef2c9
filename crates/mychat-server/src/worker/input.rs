//! Bytes from a session's socket → frames, no faster than `--rate` allows → actions.

use mychat_proto::Inbound;

use super::Worker;
use super::deadlines::DeadlineKind;
use crate::error_reply::ErrorReply;
use crate::limits::RateAction;
use crate::metrics::{Counter, EndReason};
use crate::session::ReadResult;
use crate::session::framing::{DETECTION_SILENCE, FramingState};
use crate::session::state::{SessionAction, SessionState};

/// Bytes that are read and discarded after the end of a session before its connection is closed.
const MAX_DISCARDED_BYTES: u32 = 1024 * 1024;

/// Returns the action for a frame above the rate, if `--rate-action` is `error`.
const fn too_fast(action: SessionAction<'_>) -> SessionAction<'_> {
    match action {
        // Rule U3: a refused CONNECT is answered with FAIL, whatever the reason.
        SessionAction::Login(_) | SessionAction::FailConnect(_) => SessionAction::FailConnect(ErrorReply::TooFast),
        SessionAction::Ignore => SessionAction::Ignore,
        SessionAction::Private { .. }
        | SessionAction::Broadcast { .. }
        | SessionAction::Extension(_)
        | SessionAction::ReplyError(_)
        | SessionAction::Disconnect
        | SessionAction::EndOverrun => SessionAction::ReplyError(ErrorReply::TooFast),
    }
}

impl Worker {
    /// Reads once from an open session and processes the bytes.
    pub(super) fn read(&mut self, index: u32) {
        let session = &mut self.sessions[index];
        if session.has_delayed_input() {
            // Not read before its deadline, so that TCP slows the sender down.
            return;
        }
        match session.read(&mut self.read_buffer) {
            ReadResult::WouldBlock => {}
            ReadResult::Broken => self.close_session(index, EndReason::Broken),
            ReadResult::EndOfStream => {
                session.is_peer_closed = true;
                self.end_session(index, EndReason::Closed);
            }
            ReadResult::Bytes(count) => {
                self.sessions.counts.add(Counter::BytesIn, count as u64);
                // Taken out while frames borrow from it and actions borrow the worker.
                let buffer = std::mem::take(&mut self.read_buffer);
                self.detect_framing(index, &buffer[..count]);
                self.process_input(index, &buffer[..count]);
                self.read_buffer = buffer;
                let session = &self.sessions[index];
                if session.state != SessionState::Closing && !session.has_delayed_input() && session.can_read() {
                    self.ready.push(index);
                }
            }
        }
    }

    /// Updates the framing of a peer that has not shown it yet.
    fn detect_framing(&mut self, index: u32, bytes: &[u8]) {
        let session = &mut self.sessions[index];
        session.framing = session.framing.after_read(bytes);
        if session.framing == FramingState::MaybeRaw {
            let key = self.sessions.key(index);
            self.deadlines.push(self.now + DETECTION_SILENCE, key, DeadlineKind::DetectRaw);
        }
    }

    /// Treats a peer as raw if its unterminated `CONNECT` got no line feed in time.
    pub(super) fn finish_framing_detection(&mut self, index: u32) {
        // The line feed may have arrived while this worker was busy.
        self.read(index);
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.framing == FramingState::MaybeRaw && session.state == SessionState::Anonymous {
            let frame = session.switch_to_raw();
            self.process_input(index, &frame);
        }
    }

    /// Processes the input that was delayed by `--rate`, and continues to read if none is left.
    pub(super) fn process_delayed_input(&mut self, index: u32) {
        let Some(rate) = &mut self.sessions[index].rate else { return };
        let delayed = std::mem::take(&mut rate.delayed_input);
        self.process_input(index, &delayed);
        if !self.sessions[index].has_delayed_input() {
            self.ready.push(index);
        }
    }

    /// Cuts `bytes` into frames and executes their actions.
    fn process_input(&mut self, index: u32, bytes: &[u8]) {
        // Taken out while frames borrow from it and actions borrow the worker.
        let mut deframer = std::mem::take(&mut self.sessions[index].deframer);
        let mut feed = deframer.feed(bytes);
        loop {
            if !feed.rest().is_empty() && self.must_delay(index) {
                self.delay_input(index, feed.rest());
                break;
            }
            let Some(inbound) = feed.next() else { break };
            let is_within_rate = matches!(inbound, Inbound::Frame([])) || self.count_frame(index);
            let session = &mut self.sessions[index];
            let (state, action) = session.state.on(inbound);
            if !is_within_rate && state != SessionState::Closing {
                self.execute(index, too_fast(action));
                continue;
            }
            if state != SessionState::Closing {
                session.state = state;
            }
            self.execute(index, action);
            if state == SessionState::Closing {
                break;
            }
        }
        self.sessions[index].deframer = deframer;
    }

    /// Returns true if `--rate` delays the next frame of this session.
    fn must_delay(&self, index: u32) -> bool {
        let Some(limit) = self.shared.config.rate_limit.filter(|limit| limit.action == RateAction::Delay) else {
            return false;
        };
        let rate = &self.sessions[index].rate;
        rate.as_ref().is_some_and(|rate| rate.limiter.wait_until(limit, self.now).is_some())
    }

    /// Keeps input that arrived too early until its deadline.
    fn delay_input(&mut self, index: u32, rest: &[u8]) {
        let key = self.sessions.key(index);
        let (Some(rate), Some(limit)) = (&mut self.sessions[index].rate, self.shared.config.rate_limit) else { return };
        rate.delayed_input = rest.to_vec();
        let at = rate.limiter.wait_until(limit, self.now).unwrap_or(self.now);
        self.deadlines.push(at, key, DeadlineKind::RateLimit);
        self.sessions.counts.add(Counter::TooFast, 1);
    }

    /// Counts one frame. Returns true if it is within `--rate`.
    fn count_frame(&mut self, index: u32) -> bool {
        self.sessions.counts.add(Counter::FramesIn, 1);
        let Some(limit) = self.shared.config.rate_limit else { return true };
        let Some(rate) = &mut self.sessions[index].rate else { return true };
        let is_within_rate = rate.limiter.take(limit, self.now);
        if !is_within_rate {
            self.sessions.counts.add(Counter::TooFast, 1);
        }
        is_within_rate
    }

    /// Reads and discards, up to a limit, what a peer sends after the end of its session.
    pub(super) fn discard_input(&mut self, index: u32) {
        let session = &mut self.sessions[index];
        match session.read(&mut self.read_buffer) {
            ReadResult::WouldBlock => {}
            ReadResult::EndOfStream | ReadResult::Broken => self.close_session(index, EndReason::Closed),
            ReadResult::Bytes(count) => {
                session.discarded_bytes += count as u32;
                if session.discarded_bytes > MAX_DISCARDED_BYTES {
                    self.close_session(index, EndReason::Closed);
                } else if session.can_read() {
                    self.ready.push(index);
                }
            }
        }
    }
}
