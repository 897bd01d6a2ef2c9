//! Broadcasts that two recipients received in different order (rule M5).
//!
//! Each broadcast has a place in the common order, that of its first copy. A recipient of which a broadcast `late` arrives
//! after a broadcast `early` with a higher place has seen the two in the opposite order. This is a violation if there is a
//! *witness*: a recipient that received both, and `late` before everything with a higher place.
//!
//! So nothing is counted without two recipients that contradict each other, and a server that keeps one order is never
//! accused: not for users that log in late, nor for a sender that it leaves out. The first recipient of `late` is such a
//! witness as long as it receives `early` too. If all recipients receive everything, every late arrival is therefore counted.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::{Plan, UserId};
use crate::record::example::{Example, Examples, ViolationKind};
use crate::record::order_log::{LateArrival, OrderLog, OrderedMessage};
use crate::record::recorder::Place;
use crate::record::session::UserSession;

/// Sessions that are searched for witnesses at most, over all late arrivals: a few seconds. The rest is not counted.
const SEARCHED_SESSIONS: usize = 100_000_000;

/// Deliveries in an order that another recipient contradicts.
#[derive(Debug, Default)]
pub struct Disorder {
    /// Number of deliveries by the recipient's place.
    pub deliveries: FxHashMap<Place, u64>,
    /// The first few of them.
    pub examples: Examples,
}

impl Disorder {
    /// Searches a witness for each late arrival of `log`.
    pub fn new(plan: &Plan, log: &OrderLog, sessions: &[UserSession]) -> Self {
        let mut disorder = Self::default();
        let mut search = WitnessSearch { log, sessions, hint: 0, left: SEARCHED_SESSIONS };
        for (late, arrivals) in log.late() {
            let recipients: FxHashSet<UserId> = arrivals.iter().map(|arrival| arrival.recipient).collect();
            let mut witnesses: FxHashMap<OrderedMessage, Option<UserId>> = FxHashMap::default();
            for arrival in arrivals.iter().filter(|arrival| !arrival.is_reordered) {
                let early = arrival.after;
                let witness = *witnesses.entry(early).or_insert_with(|| search.witness(late, early, &recipients));
                if let Some(witness) = witness {
                    disorder.add(plan, late, arrival, witness);
                }
            }
        }
        disorder
    }

    fn add(&mut self, plan: &Plan, late: OrderedMessage, arrival: &LateArrival, witness: UserId) {
        *self.deliveries.entry(arrival.place).or_default() += 1;
        if !self.examples.wants(ViolationKind::Disordered) {
            return;
        }
        let name = |user: UserId| &*plan.users[user.index()].name;
        let text = |message: OrderedMessage| format!("message {} of {}", message.sequence, name(message.sender));
        let recipient = name(arrival.recipient);
        let what = format!(
            "{recipient} received {} before {}, and {} received them in the opposite order",
            text(arrival.after),
            text(late),
            name(witness)
        );
        self.examples.push(Example {
            kind: ViolationKind::Disordered,
            sender: Some(name(late.sender).to_owned()),
            recipient: Some(recipient.to_owned()),
            sequence: Some(late.sequence),
            what,
            frames: Vec::new(),
        });
    }
}

/// The search for recipients that saw two broadcasts in their common order.
struct WitnessSearch<'s> {
    log: &'s OrderLog,
    sessions: &'s [UserSession],
    /// Index of the last session found: it is likely to be a witness again.
    hint: usize,
    /// Number of sessions that may still be looked at.
    left: usize,
}

impl WitnessSearch<'_> {
    /// Returns a user that received `late` before `early`. `recipients` are the users at which `late` arrived late.
    fn witness(
        &mut self,
        late: OrderedMessage,
        early: OrderedMessage,
        recipients: &FxHashSet<UserId>,
    ) -> Option<UserId> {
        let count = self.sessions.len();
        for at in (self.hint..count).chain(0..self.hint) {
            self.left = self.left.checked_sub(1)?;
            let UserSession { user, inbox, .. } = &self.sessions[at];
            let has = |message: OrderedMessage| inbox.has(message.sender, message.to, message.index);
            if has(late) && has(early) && !recipients.contains(user) && self.log.is_complete(*user) {
                self.hint = at;
                return Some(*user);
            }
        }
        None
    }
}
