//! What a worker does of its own accord: deadlines, lists, ends.

use std::time::{Duration, Instant};

use super::Worker;
use crate::error_reply::ErrorReply;
use crate::metrics::EndReason;
use crate::router::Publish;
use crate::session::Session;
use crate::session::framing::{FramingState, GAP};
use crate::session::state::SessionState;
use crate::worker::deadlines::DeadlineKind;
use crate::worker::roster_schedule::RosterPlan;

/// How long a peer may take to close its side after this one is closed.
const LINGER: Duration = Duration::from_secs(1);

/// The same while the server stops.
const LAST_LINGER: Duration = Duration::from_millis(200);

/// Time from when there is memory to give back to when that is done, and how often at most it is.
const TIDY: Duration = Duration::from_secs(1);

/// Sessions that leave no memory behind that is worth the trouble.
const FEW: u32 = 64;

impl Worker {
    pub(super) fn look_at_deadlines(&mut self) {
        let sessions = &self.delivery.sessions;
        self.deadlines.forget_handshakes(|index, generation| {
            let session = sessions.get(index as usize).filter(|session| session.generation == generation);
            session.is_none_or(|session| session.state != SessionState::Anonymous)
        });
        while let Some((index, generation, due)) = self.deadlines.pop(self.now) {
            let timeout = self.shared.config.send.timeout;
            let now = self.now;
            let Some(session) = self.delivery.get(index, generation) else { continue };
            match due {
                DeadlineKind::Handshake if session.state == SessionState::Anonymous => {
                    self.reject(index, ErrorReply::HandshakeTimeout);
                    self.dismiss(index, EndReason::Handshake);
                }
                DeadlineKind::Stalled if session.outbox.is_blocked() => {
                    let last = session.outbox.progress().unwrap_or(now) + timeout;
                    if last <= now {
                        self.close(index, EndReason::Stalled);
                    } else {
                        self.deadlines.push(last, index, generation, DeadlineKind::Stalled);
                    }
                }
                DeadlineKind::Linger => self.close(index, EndReason::Closed),
                DeadlineKind::RateLimit if session.state != SessionState::Closing => self.hear_held(index),
                DeadlineKind::Quiet if session.state != SessionState::Closing => self.hear_silence(index),
                DeadlineKind::Gap if session.manner == FramingState::WaitGap => {
                    session.manner = FramingState::Raw;
                    if session.outbox.is_blocked() {
                        self.wakes.push(index);
                    }
                }
                DeadlineKind::Stalled => session.is_watched = false,
                DeadlineKind::Handshake | DeadlineKind::RateLimit | DeadlineKind::Quiet | DeadlineKind::Gap => {}
            }
        }
    }

    /// Sends the list where it is due and can be afforded (rules L2 and L3).
    pub(super) fn tend_list(&mut self) {
        self.list_at = None;
        if self.drain.is_some() {
            return;
        }
        let cost = self.users * self.shared.router.list_bytes();
        match self.roster.plan(self.now, self.shared.router.version(), cost) {
            RosterPlan::UpToDate => {}
            RosterPlan::WaitUntil(at) => self.list_at = Some(at),
            RosterPlan::SendToAll => {
                let version = self.write_list();
                let cost = self.delivery.announce(self.users);
                self.roster.announced(version, cost);
                self.joiners.clear();
            }
            RosterPlan::SendToJoiners => {
                self.write_list();
                for (index, generation) in self.joiners.drain(..) {
                    self.delivery.owe_list(index, generation);
                }
                self.roster.told_joiners();
                self.list_at = Some(self.now);
            }
        }
    }

    fn write_list(&mut self) -> u64 {
        self.delivery.list.clear();
        self.shared.router.write_list(&mut self.delivery.list)
    }

    /// Acts on what the flush found out. Returns whether somebody left.
    pub(super) fn bury(&mut self) -> bool {
        let outcome = self.delivery.outcome();
        for index in outcome.blocked {
            // It may have ended since, and it may be watched already for having been blocked before.
            let Some(session) = self.delivery.sessions.get_mut(index as usize) else { continue };
            if !std::mem::replace(&mut session.is_watched, true) {
                let at = self.now + self.shared.config.send.timeout;
                self.deadlines.push(at, index, session.generation, DeadlineKind::Stalled);
            }
        }
        for index in outcome.resting {
            if let Some(session) = self.delivery.sessions.get(index as usize) {
                // Counted from the write, not from the turn's begin: a turn may take longer than the gap.
                self.deadlines.push(Instant::now() + GAP, index, session.generation, DeadlineKind::Gap);
            }
        }
        self.wakes.extend(outcome.ready);
        let buried = !outcome.failed.is_empty();
        for (index, end) in outcome.failed {
            self.close(index, end);
        }
        for index in std::mem::take(&mut self.closing) {
            self.part(index);
        }
        let has_gone = self.delivery.gone().wrapping_sub(self.gone_before) >= FEW;
        if self.delivery.has_slack() || has_gone {
            self.tidy_at.get_or_insert(self.now + TIDY);
        }
        buried
    }

    /// Gives back the memory of a crowd or of a large turn, once the rest of it has left or is written.
    pub(super) fn tidy_up(&mut self) {
        if self.tidy_at.is_none_or(|at| at > self.now) {
            return;
        }
        // A crowd may take longer to leave than it was given: as long as it goes on, so does this.
        let gone = self.delivery.gone();
        let goes_on = gone.wrapping_sub(self.gone_before) >= FEW;
        self.gone_before = gone;
        self.tidy_at = goes_on.then(|| self.now + TIDY);
        // The one for the crowd is not needed any more, and the next one may be a long time coming.
        self.write_list();
        self.delivery.tidy();
        let sessions = &self.delivery.sessions;
        self.deadlines.tidy(|index, generation| {
            sessions.get(index as usize).is_none_or(|session| session.generation != generation)
        });
        self.shared.router.tidy();
        self.wakes.shrink_to_fit();
        self.ready.shrink_to_fit();
        self.stage.tidy();
        self.fresh.shrink_to_fit();
        self.joiners.shrink_to_fit();
        self.closing.shrink_to_fit();
        mychat_os::trim_heap();
    }

    /// A session that is over and has everything that waited for it: closes this side, and leaves the peer a moment to
    /// close its own. A close with unread input would make the kernel reset the connection and could destroy what
    /// the peer has not read yet.
    fn part(&mut self, index: u32) {
        let Some(session) = self.delivery.sessions.get_mut(index as usize) else { return };
        if session.state != SessionState::Closing || session.outbox.is_blocked() || session.is_shut {
            return;
        }
        session.shut();
        if session.heard_fin {
            return self.close(index, EndReason::Closed);
        }
        let linger = if self.drain.is_some() { LAST_LINGER } else { LINGER };
        self.deadlines.push(self.now + linger, index, session.generation, DeadlineKind::Linger);
        self.wakes.push(index);
    }

    pub(super) fn start_drain(&mut self, deadline: Instant) {
        self.publish(Publish::Now);
        // Closes the ports: a successor may open them while the last answers here are still being read.
        self.reception = None;
        self.drain = Some(deadline);
        let open =
            |(index, session): (usize, &Session)| (session.state != SessionState::Closing).then_some(index as u32);
        let indices: Vec<u32> = self.delivery.sessions.iter().filter_map(open).collect();
        for index in indices {
            self.reject(index, ErrorReply::ShuttingDown);
            self.dismiss(index, EndReason::Shutdown);
        }
    }
}
