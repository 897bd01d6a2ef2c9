//! Checksum accounting against the ledger: both agree on what both can know, and checksums report nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use mychat_load::plan::stamp::Stamp;
use mychat_load::plan::{Addressee, LoadTime, Plan, RunTime, StageId, UserId};
use mychat_load::reconcile::Totals;
use mychat_load::reconcile::{DeliveryRules, SentIndex, reconcile};
use mychat_load::record::inbox::{Arrival, UserInbox};
use mychat_load::record::sent::{Sent, SentLog};
use mychat_load::record::session::{UserSession, UserSessionEnd};
use mychat_scenario::model::Verify;
use proptest::prelude::*;

use crate::{HOSTILE, USERS};

/// The outcome of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Lost,
    Duplicated,
}

/// A message: sender, recipient (`None` for a broadcast), and the outcome for each user.
type Message = (u32, Option<u32>, [Outcome; USERS as usize]);

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let outcome = prop_oneof![12 => Just(Outcome::Delivered), 1 => Just(Outcome::Lost), 1 => Just(Outcome::Duplicated)];
    let outcomes =
        prop::collection::vec(outcome, USERS as usize).prop_map(|outcomes| std::array::from_fn(|user| outcomes[user]));
    prop::collection::vec((0..USERS, prop::option::of(0..USERS), outcomes), 0..40)
}

/// Returns the losses and duplicates of each user, with the accounting of `verify`.
fn account(
    messages: &[Message],
    closed: [bool; USERS as usize],
    rules: DeliveryRules,
    verify: Verify,
) -> Vec<(u64, u64)> {
    let logs: Vec<SentLog> = (0..USERS).map(|_| SentLog::default()).collect();
    let mut indices: BTreeMap<(u32, Addressee), u32> = BTreeMap::new();
    let mut inboxes: Vec<UserInbox> = (0..USERS).map(|_| UserInbox::new(verify)).collect();
    let mut duplicated = [0; USERS as usize];
    for (at, (sender, to, outcomes)) in (1..).zip(messages) {
        let (sender, to) = (*sender, to.map_or(Addressee::EVERYBODY, |to| UserId(to).into()));
        let next = indices.entry((sender, to)).or_default();
        let (sequence, index) = (logs[sender as usize].len(), *next);
        *next += 1;
        logs[sender as usize].push(Sent { at: RunTime::from_micros(at), to, stage: StageId(0) });
        let stamp = Stamp { run: 0, sender: UserId(sender), session: 0, sequence, index, intended: LoadTime::ZERO, to };
        for user in (0..USERS).filter(|user| to.user(USERS as usize).is_none_or(|to| to.0 == *user)) {
            if to == Addressee::EVERYBODY && user == sender && !rules.broadcast_echo {
                continue;
            }
            let copies = match outcomes[user as usize] {
                Outcome::Delivered => 1,
                Outcome::Lost => 0,
                Outcome::Duplicated => 2,
            };
            for _ in 0..copies {
                duplicated[user as usize] += u64::from(inboxes[user as usize].note(&stamp) == Arrival::Duplicate);
            }
        }
    }
    let sessions: Vec<UserSession> = (0..USERS)
        .zip(inboxes)
        .map(|(user, inbox)| UserSession {
            user: UserId(user),
            requested_at: RunTime::ZERO,
            online_at: RunTime::ZERO,
            leaving_at: None,
            ended_at: closed[user as usize].then_some(RunTime::from_micros(1000)),
            end: if closed[user as usize] { UserSessionEnd::Closed } else { UserSessionEnd::Stayed },
            sequences: 0..logs[user as usize].len(),
            rooms: Vec::new(),
            inbox,
        })
        .collect();
    // One group per user: the counts by group are then counts by user.
    let text = "name: counts\nusers: { u0: {}, u1: {}, u2: {}, u3: {}, h: { hostile: true } }\nload: [ { hold: 1s } ]";
    let text = text.replace("{}", "{ count: 1 }").replace("{ hostile", "{ count: 1, hostile");
    let loaded = mychat_scenario::parse("counts.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let plan = Plan::new(Arc::new(loaded.scenario), 1);
    let reconciliation = match verify {
        Verify::Full => reconcile(&plan, &SentIndex::new(&logs), sessions.iter(), rules),
        _ => Totals::new(&logs).reconcile(&plan, &logs, sessions.iter(), rules),
    };
    (0..HOSTILE)
        .map(|user| {
            let of_user = reconciliation.duplicated.iter().filter(|(place, _)| u32::from(place.group.0) == user);
            let counted: u64 = of_user.map(|(_, duplicated)| duplicated).sum();
            (reconciliation.lost_by_user.get(&UserId(user)).copied().unwrap_or(0), duplicated[user as usize] + counted)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn checksums_agree_with_the_ledger(messages in messages(), broadcast_echo in any::<bool>()) {
        let rules = DeliveryRules { broadcast_echo, ..DeliveryRules::default() };
        let by_user = |verify| account(&messages, [false; USERS as usize], rules, verify);
        for ((lost, duplicated), (sum_lost, sum_duplicated)) in by_user(Verify::Full).into_iter().zip(by_user(Verify::Counts)) {
            // One lost and one duplicated give the right count; the checksum then reports one of each.
            prop_assert_eq!(lost.wrapping_sub(duplicated), sum_lost.wrapping_sub(sum_duplicated));
            prop_assert_eq!(lost + duplicated > 0, sum_lost + sum_duplicated > 0);
        }
    }

    #[test]
    fn checksums_report_no_loss_that_the_ledger_does_not(
        messages in messages(), broadcast_echo in any::<bool>(), closed in prop::array::uniform5(any::<bool>()),
    ) {
        let rules = DeliveryRules { broadcast_echo, ..DeliveryRules::default() };
        let by_user = |verify| account(&messages, closed, rules, verify);
        for ((lost, duplicated), (sum_lost, sum_duplicated)) in by_user(Verify::Full).into_iter().zip(by_user(Verify::Counts)) {
            prop_assert!(sum_lost <= lost && sum_duplicated <= duplicated, "{sum_lost} of {lost} lost, {sum_duplicated} of {duplicated} duplicated");
        }
    }
}
