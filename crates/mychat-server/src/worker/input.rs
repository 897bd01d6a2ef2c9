//! Bytes from a socket → frames, no faster than `--rate` allows → actions.

use mychat_proto::Inbound;

use crate::config::RateAction;
use crate::error_reply::ErrorReply;
use crate::metrics::{Counter, EndReason};
use crate::session::ReadResult;
use crate::session::framing::{FramingState, QUIET};
use crate::session::state::{SessionAction, SessionState};
use crate::worker::Worker;
use crate::worker::deadlines::DeadlineKind;

/// Bytes that are thrown away of a peer that goes on talking after the end, before it is cut off.
const DISCARD: u32 = 1024 * 1024;

/// What becomes of an action above the rate, where `--rate-action` is `error`.
const fn too_fast(action: SessionAction<'_>) -> SessionAction<'_> {
    match action {
        // Rule U3: a refused CONNECT is answered with FAIL, whatever the reason.
        SessionAction::Login(_) | SessionAction::Refuse(_) => SessionAction::Refuse(ErrorReply::TooFast),
        SessionAction::Ignore => SessionAction::Ignore,
        SessionAction::Private { .. }
        | SessionAction::Broadcast { .. }
        | SessionAction::Reject(_)
        | SessionAction::Leave
        | SessionAction::Abandon => SessionAction::Reject(ErrorReply::TooFast),
    }
}

impl Worker {
    pub(crate) fn read(&mut self, index: u32) {
        let session = &mut self.delivery.sessions[index as usize];
        if session.is_held() {
            // Not read from before its time has come: its own connection slows it down.
            return;
        }
        match session.read(&mut self.scratch) {
            ReadResult::Nothing => {}
            ReadResult::Broken => self.close(index, EndReason::Broken),
            ReadResult::Fin => {
                session.heard_fin = true;
                self.dismiss(index, EndReason::Closed);
            }
            ReadResult::Bytes(count) => {
                self.delivery.tally.add(Counter::BytesIn, count as u64);
                // Put back below; meanwhile frames borrow from it, and actions from the rest.
                let scratch = std::mem::take(&mut self.scratch);
                self.learn(index, &scratch[..count]);
                self.hear(index, &scratch[..count]);
                self.scratch = scratch;
                let session = &self.delivery.sessions[index as usize];
                if session.state != SessionState::Closing && !session.is_held() && session.has_input() {
                    self.wakes.push(index);
                }
            }
        }
    }

    /// Notices how a peer ends its frames, where that is still open.
    fn learn(&mut self, index: u32, bytes: &[u8]) {
        let session = &mut self.delivery.sessions[index as usize];
        session.manner = session.manner.after(bytes);
        if session.manner == FramingState::MaybeRaw {
            self.deadlines.push(self.now + QUIET, index, session.generation, DeadlineKind::Quiet);
        }
    }

    /// What a peer said without an ending had time to get one.
    pub(crate) fn hear_silence(&mut self, index: u32) {
        // The ending may have come while this worker was busy.
        self.read(index);
        let Some(session) = self.delivery.sessions.get_mut(index as usize) else { return };
        if session.manner == FramingState::MaybeRaw && session.state == SessionState::Anonymous {
            let frame = session.turn_raw();
            self.hear(index, &frame);
        }
    }

    /// The time of a session that was too fast has come: hears what it said, and then reads on.
    pub(crate) fn hear_held(&mut self, index: u32) {
        let Some(paced) = &mut self.delivery.sessions[index as usize].paced else { return };
        let held = std::mem::take(&mut paced.held);
        self.hear(index, &held);
        if !self.delivery.sessions[index as usize].is_held() {
            self.wakes.push(index);
        }
    }

    /// Takes these bytes as said by this session.
    fn hear(&mut self, index: u32, bytes: &[u8]) {
        // Put back below, like the scratch buffer.
        let mut deframer = std::mem::take(&mut self.delivery.sessions[index as usize].deframer);
        let mut feed = deframer.feed(bytes);
        loop {
            if !feed.rest().is_empty() && self.is_too_early(index) {
                self.hold(index, feed.rest());
                break;
            }
            let Some(inbound) = feed.next() else { break };
            let is_heard = matches!(inbound, Inbound::Frame([])) || self.charge(index);
            let session = &mut self.delivery.sessions[index as usize];
            let (state, action) = session.state.on(inbound);
            if !is_heard && state != SessionState::Closing {
                self.act(index, too_fast(action));
                continue;
            }
            if state != SessionState::Closing {
                session.state = state;
            }
            self.act(index, action);
            if state == SessionState::Closing {
                break;
            }
        }
        self.delivery.sessions[index as usize].deframer = deframer;
    }

    /// Whether `--rate` does not let this session say more now.
    fn is_too_early(&self, index: u32) -> bool {
        let Some(pace) = self.shared.config.rate_limit.filter(|pace| pace.action == RateAction::Delay) else {
            return false;
        };
        let paced = &self.delivery.sessions[index as usize].paced;
        paced.as_ref().is_some_and(|paced| paced.meter.wait(pace, self.now).is_some())
    }

    /// Keeps what this session said too early, until its time has come.
    fn hold(&mut self, index: u32, rest: &[u8]) {
        let session = &mut self.delivery.sessions[index as usize];
        let (Some(paced), Some(pace)) = (&mut session.paced, self.shared.config.rate_limit) else { return };
        paced.held = rest.to_vec();
        let at = paced.meter.wait(pace, self.now).unwrap_or(self.now);
        self.deadlines.push(at, index, session.generation, DeadlineKind::RateLimit);
        self.delivery.tally.add(Counter::TooFast, 1);
    }

    /// Counts one frame. Returns whether it is heard, and not above `--rate`.
    fn charge(&mut self, index: u32) -> bool {
        self.delivery.tally.add(Counter::FramesIn, 1);
        let Some(pace) = self.shared.config.rate_limit else { return true };
        let Some(paced) = &mut self.delivery.sessions[index as usize].paced else { return true };
        let is_heard = paced.meter.take(pace, self.now);
        if !is_heard {
            self.delivery.tally.add(Counter::TooFast, 1);
        }
        is_heard
    }

    /// Reads and forgets what a peer still says after the end, within limits.
    pub(crate) fn discard(&mut self, index: u32) {
        let session = &mut self.delivery.sessions[index as usize];
        match session.read(&mut self.scratch) {
            ReadResult::Nothing => {}
            ReadResult::Fin | ReadResult::Broken => self.close(index, EndReason::Closed),
            ReadResult::Bytes(count) => {
                session.discarded += count as u32;
                if session.discarded > DISCARD {
                    self.close(index, EndReason::Closed);
                } else if session.has_input() {
                    self.wakes.push(index);
                }
            }
        }
    }
}
