//! Counts and sums alone against the whole ledger: they say the same of what both can know, and accuse nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;

use mychat_load::plan::Plan;
use mychat_load::plan::stamp::{EVERYBODY, Stamp};
use mychat_load::record::inbox::{Arrival, Inbox};
use mychat_load::record::ledger::{Dispatch, Reading, reckon};
use mychat_load::record::sent::{Sent, SentLog};
use mychat_load::record::totals::Totals;
use mychat_load::record::visit::{End, Visit};
use mychat_scenario::model::Verify;
use proptest::prelude::*;

use crate::{HOSTILE, USERS};

/// What becomes of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Comes,
    Lost,
    ComesTwice,
}

/// A message: who says it, to whom alone if not to everybody, and what becomes of it at each user.
type Said = (u32, Option<u32>, [Fate; USERS as usize]);

fn said() -> impl Strategy<Value = Vec<Said>> {
    let fate = prop_oneof![12 => Just(Fate::Comes), 1 => Just(Fate::Lost), 1 => Just(Fate::ComesTwice)];
    let fates = prop::collection::vec(fate, USERS as usize).prop_map(|fates| std::array::from_fn(|user| fates[user]));
    prop::collection::vec((0..USERS, prop::option::of(0..USERS), fates), 0..40)
}

/// The same history in one kind of accounts: what each user lost and got too often.
fn accounts(said: &[Said], closed: [bool; USERS as usize], reading: Reading, verify: Verify) -> Vec<(u64, u64)> {
    let logs: Vec<SentLog> = (0..USERS).map(|_| SentLog::default()).collect();
    let mut indices: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut inboxes: Vec<Inbox> = (0..USERS).map(|_| Inbox::new(verify)).collect();
    let mut doubled = [0; USERS as usize];
    for (at, (sender, to, fates)) in (1..).zip(said) {
        let (sender, to) = (*sender, to.unwrap_or(EVERYBODY));
        let next = indices.entry((sender, to)).or_default();
        let (sequence, index) = (logs[sender as usize].len(), *next);
        *next += 1;
        logs[sender as usize].push(Sent { at, to, stage: 0 });
        let stamp = Stamp { run: 0, sender, visit: 0, sequence, index, intended: 0, to };
        for user in (0..USERS).filter(|user| to == *user || to == EVERYBODY) {
            if to == EVERYBODY && user == sender && !reading.broadcast_echo {
                continue;
            }
            let copies = match fates[user as usize] {
                Fate::Comes => 1,
                Fate::Lost => 0,
                Fate::ComesTwice => 2,
            };
            for _ in 0..copies {
                doubled[user as usize] += u64::from(inboxes[user as usize].note(&stamp) == Arrival::Again);
            }
        }
    }
    let visits: Vec<Visit> = (0..USERS)
        .zip(inboxes)
        .map(|(user, inbox)| Visit {
            user,
            asked: 0,
            online: 0,
            leaving: None,
            ended: closed[user as usize].then_some(1_000_000),
            end: if closed[user as usize] { End::Closed } else { End::Stayed },
            sequences: 0..logs[user as usize].len(),
            inbox,
        })
        .collect();
    // A group for each user, so that what is counted by group is known by user.
    let text = "name: apart\nusers: { u0: {}, u1: {}, u2: {}, u3: {}, h: { hostile: true } }\nload: [ { hold: 1s } ]";
    let text = text.replace("{}", "{ count: 1 }").replace("{ hostile", "{ count: 1, hostile");
    let loaded = mychat_scenario::parse("apart.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let plan = Plan::new(Arc::new(loaded.scenario), 1);
    let reckoning = match verify {
        Verify::Full => reckon(&plan, &Dispatch::new(&logs, USERS), visits.iter(), reading),
        _ => Totals::new(&logs).reckon(&plan, &logs, visits.iter(), reading),
    };
    (0..HOSTILE)
        .map(|user| {
            let of_user = reckoning.doubled.iter().filter(|(place, _)| u32::from(place.group) == user);
            let counted: u64 = of_user.map(|(_, doubled)| doubled).sum();
            (reckoning.losers.get(&user).copied().unwrap_or(0), doubled[user as usize] + counted)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_say_what_the_ledger_says_as_far_as_they_can(said in said(), broadcast_echo in any::<bool>()) {
        let reading = Reading { broadcast_echo, ..Reading::default() };
        let account = |verify| accounts(&said, [false; USERS as usize], reading, verify);
        for ((lost, doubled), (fewer, more)) in account(Verify::Full).into_iter().zip(account(Verify::Counts)) {
            // One lost and one doubled look like none: the number is right, and the sum gives them away as one of each.
            prop_assert_eq!(lost.wrapping_sub(doubled), fewer.wrapping_sub(more));
            prop_assert_eq!(lost + doubled > 0, fewer + more > 0);
        }
    }

    #[test]
    fn counts_accuse_nobody_whom_the_ledger_does_not(
        said in said(), broadcast_echo in any::<bool>(), closed in prop::array::uniform5(any::<bool>()),
    ) {
        let reading = Reading { broadcast_echo, ..Reading::default() };
        let account = |verify| accounts(&said, closed, reading, verify);
        for ((lost, doubled), (fewer, more)) in account(Verify::Full).into_iter().zip(account(Verify::Counts)) {
            prop_assert!(fewer <= lost && more <= doubled, "{fewer} of {lost} lost, {more} of {doubled} doubled");
        }
    }
}
