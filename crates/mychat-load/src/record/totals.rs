//! Accounts that take a few bytes a user, for crowds in which everybody hears everybody: how many messages came to each
//! user, and a sum over what they were. A message lost is one missing; one lost and another doubled is the right number
//! and the wrong sum. Which message it was, and in what order they came, these accounts cannot tell.

use super::example::{Example, Kind};
use super::ledger::{Reading, Reckoning};
use super::recorder::{Place, Shape};
use super::sent::{Sent, SentLog, micros};
use super::visit::{End, Visit};
use crate::plan::Plan;
use crate::plan::stamp::EVERYBODY;

/// How many messages, and the wrapping sum of their marks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Of all marks.
    pub marks: u64,
}

impl Sum {
    /// Adds a message.
    pub fn add(&mut self, sender: u32, sequence: u32) {
        self.count += 1;
        self.marks = self.marks.wrapping_add(mark(sender, sequence));
    }

    const fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, marks: self.marks.wrapping_add(other.marks) }
    }

    const fn minus(self, other: Self) -> Self {
        Self { count: self.count - other.count, marks: self.marks.wrapping_sub(other.marks) }
    }
}

/// What a message adds to a sum: a number that no few others add up to by accident.
const fn mark(sender: u32, sequence: u32) -> u64 {
    let mut word = ((sender as u64) << 32 | sequence as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

/// What was sent, summed up by who is to get it. Everybody joined before anything was sent: the scenario's checks let
/// nobody leave and come back under these accounts.
#[derive(Debug, Default)]
pub struct Totals {
    /// All broadcasts.
    everybody: Sum,
    /// The broadcasts of each user.
    by: Vec<Sum>,
    /// The private messages to each user.
    to: Vec<Sum>,
    /// When broadcasts were sent, in microseconds, in order.
    times: Vec<u64>,
    /// What may have died with its sender's connection: broadcasts by sender, and private messages by recipient.
    doubtful: Vec<u32>,
    doubtful_to: Vec<u64>,
}

impl Totals {
    /// Sums up what is in the logs; the index of a log is its user's.
    pub fn new(logs: &[SentLog]) -> Self {
        let mut totals = Self {
            by: vec![Sum::default(); logs.len()],
            to: vec![Sum::default(); logs.len()],
            doubtful_to: vec![0; logs.len()],
            ..Self::default()
        };
        for (sender, log) in logs.iter().enumerate() {
            for (sequence, Sent { at, to, .. }) in log.iter().enumerate() {
                let (sender, sequence) = (sender as u32, sequence as u32);
                if to == EVERYBODY {
                    totals.everybody.add(sender, sequence);
                    totals.by[sender as usize].add(sender, sequence);
                    totals.times.push(at);
                } else if let Some(sum) = totals.to.get_mut(to as usize) {
                    sum.add(sender, sequence);
                }
            }
        }
        totals.times.sort_unstable();
        totals
    }

    fn owed(&self, user: u32, reading: Reading) -> Sum {
        let own = if reading.broadcast_echo { Sum::default() } else { self.by[user as usize] };
        self.everybody.minus(own).plus(self.to[user as usize])
    }

    /// How many deliveries are owed to these users and have not come yet.
    pub fn outstanding<'v>(&self, visits: impl Iterator<Item = &'v Visit>, reading: Reading) -> u64 {
        let came = |visit: &Visit| visit.inbox.sum().count + visit.inbox.all_damaged();
        let missing = |visit: &Visit| self.owed(visit.user, reading).count.saturating_sub(came(visit));
        visits.map(missing).sum()
    }

    /// Holds what was sent against what came, as [`super::ledger::reckon`] does message by message.
    pub fn reckon<'v>(
        mut self,
        plan: &Plan,
        logs: &[SentLog],
        visits: impl Iterator<Item = &'v Visit> + Clone,
        reading: Reading,
    ) -> Reckoning {
        for visit in visits.clone().filter(|visit| visit.end.may_drop_the_last()) {
            self.doubtful.push(visit.user);
            for sent in logs[visit.user as usize].iter() {
                if let Some(doubtful) = self.doubtful_to.get_mut(sent.to as usize) {
                    *doubtful += 1;
                }
            }
        }
        let mut reckoning = Reckoning::default();
        for visit in visits.filter(|visit| !plan.group(visit.user).hostile) {
            self.check(plan, visit, reading, &mut reckoning);
        }
        reckoning
    }

    fn check(&self, plan: &Plan, visit: &Visit, reading: Reading, reckoning: &mut Reckoning) {
        let (owed, got) = (self.owed(visit.user, reading), visit.inbox.sum());
        let others = self.doubtful.iter().filter(|sender| reading.broadcast_echo || **sender != visit.user);
        let doubtful = others.map(|sender| self.by[*sender as usize].count).sum::<u64>();
        let doubtful = (doubtful + self.doubtful_to[visit.user as usize]).min(owed.count);
        let least = match visit.end {
            End::Stayed => owed.count - doubtful,
            // What was sent to everybody before the close was seen; what else it may have been sent is not known here.
            End::Closed => {
                let before = self.times.partition_point(|at| *at < visit.ended.map_or(u64::MAX, micros)) as u64;
                let own = if reading.broadcast_echo { 0 } else { self.by[visit.user as usize].count };
                before.saturating_sub(own + doubtful)
            }
            End::Left(_) | End::Provoked => 0,
        };
        let mut lost = least.saturating_sub(got.count + visit.inbox.all_damaged());
        let mut doubled = got.count.saturating_sub(owed.count);
        if got.count == owed.count && got.marks != owed.marks {
            // What is missing may be what died with its sender's connection; what came instead is one too many.
            (lost, doubled) = (u64::from(least == owed.count), 1);
        }
        reckoning.owed += least;
        reckoning.uncertain += owed.count - least;
        let stage = plan.stages.len().saturating_sub(1) as u16;
        let place = Place { stage, group: plan.users[visit.user as usize].group, action: Shape::NO_ACTION };
        let name = &plan.users[visit.user as usize].name;
        let mut tell = |kind, what: String| {
            let (sender, sequence, frames) = (None, None, Vec::new());
            let example = Example { kind, sender, recipient: Some(name.to_string()), sequence, what, frames };
            if reckoning.examples.wants(kind) {
                reckoning.examples.push(example);
            }
        };
        if lost > 0 && doubled > 0 {
            tell(Kind::Lost, format!("{name} got as many messages as were sent to it, and not the same ones"));
        } else if lost > 0 {
            tell(Kind::Lost, format!("{name} got {} messages of {least}", got.count));
        } else if doubled > 0 {
            tell(Kind::Duplicated, format!("{name} got {} messages, and {} were sent to it", got.count, owed.count));
        }
        if lost > 0 {
            *reckoning.lost.entry(place).or_default() += lost;
            *reckoning.losers.entry(visit.user).or_default() += lost;
        }
        if doubled > 0 {
            *reckoning.doubled.entry(place).or_default() += doubled;
        }
    }
}
