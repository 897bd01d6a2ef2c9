//! What the machines that share a plan have to tell each other, so that what one sent and another received is settled.
//!
//! Each expects by plan what the others' users send. What did not come was lost, or never sent, or died with its sender's
//! connection: the sender's machine knows which of these.

use rustc_hash::FxHashMap;

use super::sent::SentLog;
use super::visit::Visit;
use crate::plan::Plan;
use crate::plan::stamp::EVERYBODY;

/// What the users of this machine planned and did not do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Messages that were never sent: the sender, to whom (or [`EVERYBODY`]), how many.
    pub unsent: Vec<(u32, u32, u32)>,
    /// Users whose last messages may have died with a connection.
    pub unsure: Vec<u32>,
}

/// Messages from one user of another machine to one of this that were planned and did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Who was to send them.
    pub sender: u32,
    /// Who was to get them.
    pub recipient: u32,
    /// To everybody.
    pub broadcasts: u32,
    /// To this recipient alone.
    pub privates: u32,
}

impl Share {
    /// Holds what this machine's users did against their plan.
    pub fn new(plan: &Plan, sent: &[SentLog], visits: &[Visit]) -> Self {
        let mut share = Self::default();
        for user in (0..plan.users.len() as u32).filter(|user| plan.shard.has(*user)) {
            let Some(mut program) = plan.program(user) else { continue };
            let mut open: FxHashMap<u32, u32> = FxHashMap::default();
            for planned in std::iter::from_fn(|| program.next(plan)) {
                if let Some(to) = plan.addressee(user, &planned) {
                    *open.entry(to).or_default() += 1;
                }
            }
            for message in sent[user as usize].iter() {
                if let Some(open) = open.get_mut(&message.to) {
                    *open = open.saturating_sub(1);
                }
            }
            let abroad = |to: u32| to == EVERYBODY || !plan.shard.has(to);
            let mut open: Vec<_> = open.into_iter().filter(|(to, count)| *count > 0 && abroad(*to)).collect();
            open.sort_unstable();
            share.unsent.extend(open.into_iter().map(|(to, count)| (user, to, count)));
        }
        share.unsure = visits.iter().filter(|visit| visit.end.may_drop_the_last()).map(|visit| visit.user).collect();
        share.unsure.sort_unstable();
        share.unsure.dedup();
        share
    }
}
