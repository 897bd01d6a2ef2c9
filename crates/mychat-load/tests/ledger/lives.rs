//! Users that come, talk, read and go as it was drawn, and a server that treats them as it was drawn.

use std::collections::{BTreeMap, BTreeSet};

use mychat_load::plan::stamp::{EVERYBODY, Stamp};
use mychat_load::record::inbox::Inbox;
use mychat_load::record::sent::{Sent, SentLog};
use mychat_load::record::visit::{End, Visit};
use mychat_scenario::model::Leave;
use proptest::prelude::*;

use crate::USERS;

/// One thing that happens to one user.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    /// Says something to everybody, or to one.
    Say(Option<u32>),
    /// Joins; the server lets it in now, and its welcome arrives at the next deed.
    Join,
    /// Begins to leave; the server hears of it at the next deed.
    Leave(Leave),
    /// The server closes its connection.
    Closed { provoked: bool },
    /// Reads so many of the frames that have arrived.
    Read(usize),
    /// Finds the first two frames that have arrived in the wrong order.
    Swap,
}

/// How the server treats what is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// It leaves out every other recipient.
    pub(crate) errs: bool,
    /// It hears of it no sooner than of the same sender's next message.
    lingers: bool,
}

/// Who, how many half microseconds later (so that times round), what, and what the server makes of it.
pub(crate) type Happening = (u32, u64, Deed, Manner);

pub(crate) fn deeds() -> impl Strategy<Value = Vec<Happening>> {
    let leave = prop_oneof![Just(Leave::Disconnect), Just(Leave::Fin), Just(Leave::Rst)];
    let deed = prop_oneof![
        6 => prop::option::of(0..USERS).prop_map(Deed::Say),
        4 => Just(Deed::Join),
        2 => leave.prop_map(Deed::Leave),
        1 => any::<bool>().prop_map(|provoked| Deed::Closed { provoked }),
        5 => (1usize..8).prop_map(Deed::Read),
        1 => Just(Deed::Swap),
    ];
    let manner = (prop::bool::weighted(0.15), prop::bool::weighted(0.2));
    let manner = manner.prop_map(|(errs, lingers)| Manner { errs, lingers });
    prop::collection::vec((0..USERS, 0u64..6, deed, manner), 0..160)
}

/// A message as it lies in front of somebody.
#[derive(Debug, Clone, Copy)]
struct Letter {
    sender: u32,
    sequence: u32,
    index: u32,
    to: u32,
}

/// One user's connection.
#[derive(Debug)]
struct Stay {
    visit: Visit,
    welcomed: bool,
    goes: bool,
    /// Arrived and not read.
    under_way: Vec<Letter>,
    read: BTreeSet<(u32, u32)>,
    /// Said and not yet heard by the server, and whether it will err.
    unheard: Vec<(Letter, bool)>,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    now: u64,
    stays: BTreeMap<u32, Stay>,
    pub(crate) over: Vec<(Visit, BTreeSet<(u32, u32)>)>,
    pub(crate) logs: Vec<SentLog>,
    all: BTreeMap<u32, u32>,
    own: BTreeMap<(u32, u32), u32>,
    /// Deliveries that the server left out: sender, sequence, recipient.
    pub(crate) left_out: BTreeSet<(u32, u32, u32)>,
}

impl World {
    fn happens(&mut self, who: u32, deed: Deed, manner: Manner) {
        // What was begun by the deed before is completed: welcomes arrive, goodbyes are heard.
        self.complete();
        match deed {
            Deed::Say(to) => self.says(who, to, manner),
            Deed::Join => {
                let now = self.now;
                self.stays.entry(who).or_insert_with(|| Stay {
                    visit: Visit {
                        user: who,
                        asked: now,
                        online: now,
                        leaving: None,
                        ended: None,
                        end: End::Stayed,
                        sequences: 0..0,
                        inbox: Inbox::default(),
                    },
                    welcomed: false,
                    goes: false,
                    under_way: Vec::new(),
                    read: BTreeSet::new(),
                    unheard: Vec::new(),
                });
            }
            Deed::Leave(how) => {
                let now = self.now;
                if let Some(stay) = self.stays.get_mut(&who).filter(|stay| stay.welcomed) {
                    stay.visit.leaving = Some(now);
                    stay.visit.end = End::Left(how);
                    stay.goes = true;
                }
            }
            Deed::Closed { provoked } => {
                let now = self.now;
                if let Some(stay) = self.stays.get_mut(&who).filter(|stay| stay.welcomed) {
                    // What it wrote before the close is read to the end.
                    stay.visit.leaving = Some(now);
                    stay.visit.end = if provoked { End::Provoked } else { End::Closed };
                    let count = stay.under_way.len();
                    self.reads(who, count);
                    self.ends(who);
                }
            }
            Deed::Read(count) => self.reads(who, count),
            Deed::Swap => {
                if let Some([first, second, ..]) = self.stays.get_mut(&who).map(|stay| &mut stay.under_way[..]) {
                    std::mem::swap(first, second);
                }
            }
        }
    }

    fn complete(&mut self) {
        let now = self.now;
        let leavers: Vec<u32> = self.stays.iter().filter(|(_, stay)| stay.goes).map(|(who, _)| *who).collect();
        for who in leavers {
            if self.stays[&who].visit.end != End::Left(Leave::Rst) {
                let count = self.stays[&who].under_way.len();
                self.reads(who, count);
            }
            self.ends(who);
        }
        for (who, stay) in self.stays.iter_mut().filter(|(_, stay)| !stay.welcomed) {
            stay.welcomed = true;
            stay.visit.online = now;
            let next = self.logs[*who as usize].len();
            stay.visit.sequences = next..next;
        }
    }

    fn says(&mut self, who: u32, to: Option<u32>, manner: Manner) {
        if !self.stays.get(&who).is_some_and(|stay| stay.welcomed) {
            return;
        }
        let log = &self.logs[who as usize];
        let sequence = log.len();
        let next = match to {
            None => self.all.entry(who).or_default(),
            Some(other) => self.own.entry((who, other)).or_default(),
        };
        let letter = Letter { sender: who, sequence, index: *next, to: to.unwrap_or(EVERYBODY) };
        *next += 1;
        log.push(Sent { at: self.now / 1000, to: letter.to, stage: 0 });
        if let Some(stay) = self.stays.get_mut(&who) {
            stay.unheard.push((letter, manner.errs));
        }
        // What it hears later it never hears if the connection is reset before.
        if !manner.lingers {
            self.heard(who);
        }
    }

    fn heard(&mut self, who: u32) {
        let letters = self.stays.get_mut(&who).map(|stay| std::mem::take(&mut stay.unheard)).unwrap_or_default();
        for (letter, errs) in letters {
            for (&other, stay) in &mut self.stays {
                if letter.to != EVERYBODY && letter.to != other {
                    continue;
                }
                if errs && (letter.sequence + other) % 2 == 0 {
                    self.left_out.insert((letter.sender, letter.sequence, other));
                } else {
                    stay.under_way.push(letter);
                }
            }
        }
    }

    fn reads(&mut self, who: u32, count: usize) {
        let Some(stay) = self.stays.get_mut(&who).filter(|stay| stay.welcomed) else { return };
        for letter in stay.under_way.drain(..count.min(stay.under_way.len())) {
            let Letter { sender, sequence, index, to } = letter;
            stay.read.insert((sender, sequence));
            stay.visit.inbox.note(&Stamp { run: 0, sender, visit: 0, sequence, index, intended: 0, to });
        }
    }

    fn ends(&mut self, who: u32) {
        // A server that reads to the end hears what was said before a goodbye; after a reset or its own close it does not.
        if let Some(End::Left(Leave::Disconnect | Leave::Fin)) = self.stays.get(&who).map(|stay| stay.visit.end) {
            self.heard(who);
            let count = self.stays[&who].under_way.len();
            self.reads(who, count);
        }
        if let Some(mut stay) = self.stays.remove(&who) {
            stay.visit.ended = (stay.visit.end != End::Stayed).then_some(self.now);
            stay.visit.sequences.end = self.logs[who as usize].len();
            self.over.push((stay.visit, stay.read));
        }
    }

    pub(crate) fn lives(deeds: &[Happening]) -> Self {
        let mut world = Self { logs: (0..USERS).map(|_| SentLog::default()).collect(), ..Self::default() };
        for (who, later, deed, manner) in deeds {
            world.now += later * 500;
            world.happens(*who, *deed, *manner);
        }
        world.now += 5000;
        world.complete();
        for who in 0..USERS {
            world.heard(who);
        }
        for who in 0..USERS {
            world.reads(who, usize::MAX);
            world.ends(who);
        }
        world
    }
}
