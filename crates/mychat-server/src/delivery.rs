//! The sessions of one worker and what is to be written to them: the flusher.
//!
//! Nothing is written when it is said. Broadcasts go into the log once, private frames into their recipient's outbox;
//! at the end of the turn one loop gives each session its share in one write. Nobody is woken for that. Private frames
//! alone do not wait for a long turn: as soon as 32 users have some they are written.

use std::time::Instant;

use mychat_proto::EncodeError;
use slab::Slab;

use crate::config::SendLimit;
use crate::metrics::End;
use crate::outbox::Log;
use crate::router::{Address, Sink};
use crate::session::{Flushed, Session, Wakes};
use crate::state::State;

/// Sessions with private frames after which these are written, in the middle of a turn.
const FLUSH_AT: usize = 32;

/// Private frames after which they are written, however few sessions they are for: bounds what a turn piles up.
const POSTED_AT: usize = 2048;

/// Bytes in the log at which it is written to everybody in the middle of a turn: bounds what a turn piles up.
const LOG_AT: usize = 256 * 1024;

/// The sessions of one worker, and what waits for them.
#[derive(Debug)]
pub struct Delivery {
    /// Index → session.
    pub sessions: Slab<Session>,
    /// The newest list that was made, for all who are owed one.
    pub list: Vec<u8>,
    me: u16,
    limit: SendLimit,
    log: Log,
    announce: bool,
    dirty: Vec<u32>,
    posted: usize,
    outcome: Outcome,
}

/// What the flusher found out and others must act on.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Sessions that are to be closed, and why.
    pub failed: Vec<(u32, End)>,
    /// Sessions that have become blocked.
    pub blocked: Vec<u32>,
}

impl Delivery {
    /// Nobody yet, on worker `me`.
    pub fn new(me: u16, limit: SendLimit) -> Self {
        Self {
            sessions: Slab::new(),
            list: Vec::new(),
            me,
            limit,
            log: Log::default(),
            announce: false,
            dirty: Vec::new(),
            posted: 0,
            outcome: Outcome::default(),
        }
    }

    /// Where session `index` is, for others.
    pub fn address(&self, index: u32) -> Address {
        Address { worker: self.me, index, generation: self.sessions[index as usize].generation }
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
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let session = self.sessions.get_mut(index as usize);
        let Some(session) = session.filter(|s| s.generation == generation && s.state != State::Closing) else {
            return Ok(());
        };
        session.outbox.post(&self.log, write)?;
        self.posted += 1;
        self.mark(index);
        Ok(())
    }

    /// Session `index` gets broadcasts from here on.
    pub fn join(&mut self, index: u32) {
        self.sessions[index as usize].outbox.join(&self.log);
    }

    /// Session `index` gets no more of them; what waits for it is still written.
    pub fn leave(&mut self, index: u32) {
        self.sessions[index as usize].outbox.leave(&self.log);
        self.mark(index);
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
    pub fn flush_some(&mut self, wakes: &Wakes, now: Instant) {
        if self.log.len() >= LOG_AT { self.flush(wakes, now) } else { self.flush_dirty(wakes, now) }
    }

    /// At the end of a turn: gives each session its share.
    pub fn flush(&mut self, wakes: &Wakes, now: Instant) {
        if self.log.is_empty() && !self.announce {
            return self.flush_dirty(wakes, now);
        }
        for (index, session) in &mut self.sessions {
            if self.announce {
                session.outbox.owe_list();
            }
            write_share(session, index as u32, &self.log, &self.list, self.limit, wakes, now, &mut self.outcome);
        }
        self.announce = false;
        self.log.clear();
        self.dirty.clear();
        self.posted = 0;
    }

    fn flush_dirty(&mut self, wakes: &Wakes, now: Instant) {
        for index in self.dirty.drain(..) {
            if let Some(session) = self.sessions.get_mut(index as usize) {
                write_share(session, index, &self.log, &self.list, self.limit, wakes, now, &mut self.outcome);
            }
        }
        self.posted = 0;
    }

    /// The socket of a blocked session takes more. Returns whether nothing is left for it.
    pub fn resume(&mut self, index: u32, wakes: &Wakes, now: Instant) -> bool {
        let session = &mut self.sessions[index as usize];
        match session.flush(&self.log, &self.list, now) {
            Flushed::All => return true,
            Flushed::Blocked if session.await_room() => wakes.push(index),
            Flushed::Blocked => {}
            Flushed::Broken => self.outcome.failed.push((index, End::Broken)),
        }
        false
    }

    /// What was found out since the last call.
    pub fn outcome(&mut self) -> Outcome {
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

impl Sink for Delivery {
    fn broadcast(&mut self, frames: &[u8]) {
        self.log.append(frames);
    }

    fn private(&mut self, to: Address, frame: &[u8]) {
        if to.worker == self.me {
            let written = self.post(to.index, to.generation, |out| {
                out.extend_from_slice(frame);
                Ok(())
            });
            debug_assert!(written.is_ok(), "the frame was judged when it was written");
        }
    }
}

/// Writes what one session has waiting. A blocked one keeps a copy instead, as far as its limit goes (rule M6).
#[expect(clippy::too_many_arguments, reason = "the parts of a Delivery, borrowed apart")]
fn write_share(
    session: &mut Session,
    index: u32,
    log: &Log,
    list: &[u8],
    limit: SendLimit,
    wakes: &Wakes,
    now: Instant,
    outcome: &mut Outcome,
) {
    session.outbox.dirty = false;
    if session.outbox.is_blocked() {
        session.outbox.catch_up(log);
    } else {
        match session.flush(log, list, now) {
            Flushed::All => return,
            Flushed::Broken => return outcome.failed.push((index, End::Broken)),
            Flushed::Blocked => {
                session.progress = now;
                outcome.blocked.push(index);
                if session.await_room() {
                    wakes.push(index);
                }
            }
        }
    }
    if session.outbox.waiting() > limit.queue {
        outcome.failed.push((index, End::QueueFull));
    }
}
