//! The sessions of one worker and what is to be written to them: the flusher.
//!
//! Nothing is written when it is said. Broadcasts go into the log once, private frames into their recipient's outbox;
//! at the end of the turn one loop gives each session its share in one write. Nobody is woken for that. Private frames
//! alone do not wait for a long turn: as soon as 32 users have some they are written.

use std::time::Instant;

use mychat_proto::EncodeError;
use slab::Slab;

use crate::config::SendLimit;
use crate::metrics::{Counter, EndReason, LocalCounts, Metrics};
use crate::outbox::TurnLog;
use crate::router::{BatchSink, FrameKind, SessionAddress};
use crate::session::state::SessionState;
use crate::session::{FlushResult, Session};
use crate::worker::shrink_policy::ShrinkPolicy;

/// Sessions with private frames after which these are written, in the middle of a turn.
const FLUSH_AT: usize = 32;

/// Private frames after which they are written, however few sessions they are for: bounds what a turn piles up.
const POSTED_AT: usize = 2048;

/// Bytes in the log at which it is written to everybody in the middle of a turn: bounds what a turn piles up.
const LOG_AT: usize = 256 * 1024;

/// Bytes of a turn from which on it leaves memory behind.
const WASTEFUL: usize = 16 * 1024;

/// Bytes that wait for blocked sessions from which on they leave memory behind, once they are taken or dropped.
const FULL: u64 = 64 * 1024;

/// The sessions of one worker, and what waits for them.
#[derive(Debug)]
pub struct Sessions {
    /// Index → session.
    pub sessions: Slab<Session>,
    /// The newest list that was made, for all who are owed one.
    pub list: Vec<u8>,
    /// What was counted in this turn.
    pub tally: LocalCounts,
    /// When a user who does not read is disconnected.
    pub limit: SendLimit,
    me: u16,
    /// Sessions here that get broadcasts.
    members: u64,
    /// Bytes that waited here when what was counted was last told.
    queued: u64,
    /// Whether that has been much, and nothing was given back since.
    was_full: bool,
    /// Sessions that were here and are gone.
    gone: u32,
    log: TurnLog,
    announce: bool,
    dirty: Vec<u32>,
    ebb: ShrinkPolicy,
    /// Whether a turn was large enough to leave memory behind.
    is_wasteful: bool,
    posted: usize,
    outcome: FlushOutcome,
}

/// What the flusher found out and others must act on.
#[derive(Debug, Default)]
pub struct FlushOutcome {
    /// Sessions that are to be closed, and why.
    pub failed: Vec<(u32, EndReason)>,
    /// Sessions that have become blocked.
    pub blocked: Vec<u32>,
    /// Raw sessions that were just sent a frame.
    pub resting: Vec<u32>,
    /// Sessions that took a part and may take more at once.
    pub ready: Vec<u32>,
}

impl Sessions {
    /// Nobody yet, on worker `me`.
    pub fn new(me: u16, limit: SendLimit) -> Self {
        Self {
            sessions: Slab::new(),
            list: Vec::new(),
            tally: LocalCounts::default(),
            limit,
            me,
            members: 0,
            queued: 0,
            was_full: false,
            gone: 0,
            log: TurnLog::default(),
            announce: false,
            dirty: Vec::new(),
            ebb: ShrinkPolicy::default(),
            is_wasteful: false,
            posted: 0,
            outcome: FlushOutcome::default(),
        }
    }

    /// Where session `index` is, for others.
    pub fn address(&self, index: u32) -> SessionAddress {
        SessionAddress { worker: self.me, index, generation: self.sessions[index as usize].generation }
    }

    /// The session in that place, unless it is another one by now.
    pub fn get(&mut self, index: u32, generation: u32) -> Option<&mut Session> {
        self.sessions.get_mut(index as usize).filter(|session| session.generation == generation)
    }

    /// Puts a frame into the outbox of a session here, if it still is.
    pub fn post(
        &mut self,
        index: u32,
        generation: u32,
        kind: FrameKind,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let owed = u64::from(kind == FrameKind::Message);
        let session = self.sessions.get_mut(index as usize);
        let Some(session) = session.filter(|s| s.generation == generation && s.state != SessionState::Closing) else {
            // It left while this was on its way from another worker.
            self.tally.add(Counter::Owed, owed);
            self.tally.add(Counter::DroppedGone, owed);
            return Ok(());
        };
        session.outbox.post(&self.log, kind, write)?;
        self.tally.add(Counter::Owed, owed);
        self.posted += 1;
        self.mark(index);
        Ok(())
    }

    /// Takes session `index` out, which goes on elsewhere.
    pub fn hand_over(&mut self, index: u32) -> Session {
        self.members -= u64::from(self.sessions[index as usize].outbox.is_member());
        self.sessions.remove(index as usize)
    }

    /// Takes over what goes on here, each in the place that was chosen for it.
    pub fn take_over(&mut self, sessions: Slab<Session>) {
        debug_assert!(self.sessions.is_empty());
        self.sessions = sessions;
        for (_, session) in &mut self.sessions {
            session.is_watched = false;
            session.outbox.join(&self.log);
            self.members += 1;
        }
    }

    /// Session `index` gets broadcasts from here on.
    pub fn join(&mut self, index: u32) {
        self.sessions[index as usize].outbox.join(&self.log);
        self.members += 1;
        self.tally.add(Counter::Users, 1);
    }

    /// Session `index` gets no more of them; what waits for it is still written.
    pub fn leave(&mut self, index: u32) {
        self.count_out(index);
        self.sessions[index as usize].outbox.leave(&self.log);
        self.mark(index);
    }

    /// Takes session `index` out. What it has not got is dropped, for that reason.
    pub fn remove(&mut self, index: u32, end: EndReason) -> Session {
        self.count_out(index);
        self.gone = self.gone.wrapping_add(1);
        let mut session = self.sessions.remove(index as usize);
        let lost = session.outbox.abandon(&self.log, &mut self.tally);
        self.tally.add(Counter::Dropped(end), lost);
        self.tally.sub(Counter::Connections, 1);
        session
    }

    /// Adds what was counted in this turn to the counters of all.
    pub fn tell(&mut self, metrics: &Metrics) {
        self.queued = self.queued.wrapping_add(self.tally.get(Counter::QueueBytes));
        metrics.absorb(&mut self.tally);
    }

    /// Whether there may be memory to give back, since this was last so: most of a crowd has left, a turn was large, or
    /// much waited for blocked sessions and is gone.
    pub fn has_slack(&mut self) -> bool {
        let waiting = self.queued.wrapping_add(self.tally.get(Counter::QueueBytes));
        self.was_full |= waiting >= FULL;
        let has_drained = self.was_full && waiting < FULL / 2;
        self.was_full &= !has_drained;
        let was_large = std::mem::take(&mut self.is_wasteful);
        self.ebb.is_out(self.sessions.len()) || was_large || has_drained
    }

    /// So many bytes were held for this turn.
    pub const fn held(&mut self, bytes: usize) {
        self.is_wasteful |= bytes >= WASTEFUL;
    }

    /// How many sessions have gone so far.
    pub const fn gone(&self) -> u32 {
        self.gone
    }

    /// Gives back the memory of a crowd that has left.
    pub fn tidy(&mut self) {
        self.sessions.shrink_to_fit();
        self.list.shrink_to_fit();
        self.dirty.shrink_to_fit();
        self.log.tidy();
    }

    fn count_out(&mut self, index: u32) {
        if self.sessions[index as usize].outbox.is_member() {
            self.members -= 1;
            self.tally.sub(Counter::Users, 1);
        }
    }

    /// `list` goes to everybody with the next flush. Returns what that costs in bytes.
    pub fn announce(&mut self, users: usize) -> usize {
        self.announce = true;
        self.list.len() * users
    }

    /// `list` goes to this session with the next flush.
    pub fn owe_list(&mut self, index: u32, generation: u32) {
        if let Some(session) = self.get(index, generation) {
            session.outbox.owe_list();
            self.mark(index);
        }
    }

    /// Whether there is enough to be written in the middle of a turn; `staged` bytes are about to follow.
    pub fn is_full(&self, staged: usize) -> bool {
        self.dirty.len() >= FLUSH_AT || self.posted >= POSTED_AT || self.log.len() + staged >= LOG_AT
    }

    /// In the middle of a turn: writes private frames, and the log if it has grown large.
    pub fn flush_some(&mut self, now: Instant) {
        if self.log.len() >= LOG_AT { self.flush(now) } else { self.flush_dirty(now) }
    }

    /// At the end of a turn: gives each session its share.
    pub fn flush(&mut self, now: Instant) {
        if self.log.is_empty() && !self.announce {
            return self.flush_dirty(now);
        }
        let (users, queued) = (self.sessions.len(), self.queued);
        for (index, session) in &mut self.sessions {
            if self.announce {
                session.outbox.owe_list();
            }
            let share = FlushContext { log: &self.log, list: &self.list, limit: self.limit, users, queued, now };
            share.write(session, index as u32, &mut self.tally, &mut self.outcome);
        }
        self.announce = false;
        self.held(self.log.len());
        self.log.clear();
        self.dirty.clear();
        self.posted = 0;
    }

    fn flush_dirty(&mut self, now: Instant) {
        let (users, queued) = (self.sessions.len(), self.queued);
        for index in self.dirty.drain(..) {
            if let Some(session) = self.sessions.get_mut(index as usize) {
                let share = FlushContext { log: &self.log, list: &self.list, limit: self.limit, users, queued, now };
                share.write(session, index, &mut self.tally, &mut self.outcome);
            }
        }
        self.posted = 0;
    }

    /// The socket of a blocked session takes more. Returns whether nothing is left for it.
    pub fn resume(&mut self, index: u32, now: Instant) -> bool {
        let session = &mut self.sessions[index as usize];
        let before = session.manner;
        let flushed = session.flush(&self.log, &self.list, now, &mut self.tally);
        session.outbox.report(&mut self.tally);
        if session.manner != before {
            self.outcome.resting.push(index);
        }
        match flushed {
            FlushResult::All => return true,
            FlushResult::Blocked if session.has_room() => self.outcome.ready.push(index),
            FlushResult::Blocked | FlushResult::Resting => {}
            FlushResult::Broken => self.outcome.failed.push((index, EndReason::Broken)),
        }
        false
    }

    /// What was found out since the last call.
    pub fn outcome(&mut self) -> FlushOutcome {
        std::mem::take(&mut self.outcome)
    }

    fn mark(&mut self, index: u32) {
        let outbox = &mut self.sessions[index as usize].outbox;
        if !outbox.dirty {
            outbox.dirty = true;
            self.dirty.push(index);
        }
    }
}

impl BatchSink for Sessions {
    fn broadcast(&mut self, frames: &[u8], count: u32) {
        self.log.append(frames, count);
        self.tally.add(Counter::Owed, u64::from(count) * self.members);
    }

    fn private(&mut self, to: SessionAddress, kind: FrameKind, frame: &[u8]) {
        if to.worker == self.me {
            let written = self.post(to.index, to.generation, kind, |out| {
                out.extend_from_slice(frame);
                Ok(())
            });
            debug_assert!(written.is_ok(), "the frame was judged when it was written");
        }
    }
}

/// The parts of a [`Sessions`] that are the same for all sessions of a flush.
struct FlushContext<'a> {
    log: &'a TurnLog,
    list: &'a [u8],
    limit: SendLimit,
    users: usize,
    /// Bytes that waited for all of them when the turn began.
    queued: u64,
    now: Instant,
}

impl FlushContext<'_> {
    fn is_too_much(&self, waiting: usize, tally: &LocalCounts) -> bool {
        // What the turn added is a gauge's change, and may be negative.
        let all = self.queued.wrapping_add(tally.get(Counter::QueueBytes));
        self.limit.is_exceeded(waiting, self.users, all)
    }

    /// Writes what one session has waiting. A blocked one keeps a copy instead, as far as its limit goes (rule M6).
    fn write(&self, session: &mut Session, index: u32, tally: &mut LocalCounts, outcome: &mut FlushOutcome) {
        session.outbox.dirty = false;
        let is_over = session.outbox.is_blocked() && self.is_too_much(session.outbox.waiting(), tally);
        if is_over {
            session.outbox.lose(self.log);
        } else if session.outbox.is_blocked() {
            session.outbox.catch_up(self.log);
        } else {
            let before = session.manner;
            let flushed = session.flush(self.log, self.list, self.now, tally);
            if session.manner != before {
                outcome.resting.push(index);
            }
            match flushed {
                FlushResult::All => return,
                FlushResult::Broken => {
                    // What it does not get is counted when it is removed, and the log may be cleared before that.
                    session.outbox.catch_up(self.log);
                    return outcome.failed.push((index, EndReason::Broken));
                }
                FlushResult::Resting => outcome.blocked.push(index),
                FlushResult::Blocked => {
                    outcome.blocked.push(index);
                    if session.has_room() {
                        outcome.ready.push(index);
                    }
                }
            }
        }
        session.outbox.report(tally);
        if is_over || self.is_too_much(session.outbox.waiting(), tally) {
            session.shed();
            session.outbox.report(tally);
            outcome.failed.push((index, EndReason::QueueFull));
        }
    }
}
