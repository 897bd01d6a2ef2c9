//! The ledger against a direct implementation of its definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use mychat_load::plan::{Plan, RunTime};
use mychat_load::reconcile::{DeliveryRules, SentIndex, reconcile};
use mychat_load::record::session::UserSessionEnd;
use proptest::prelude::*;

use crate::histories::{Event, History, events};
use crate::{HOSTILE, USERS};

/// Totals of owed, lost and uncertain deliveries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    owed: u64,
    lost: u64,
    uncertain: u64,
}

fn naive(history: &History) -> Sums {
    let mut sums = Sums::default();
    let received_by_any = |sender: u32, wanted: &dyn Fn(u32) -> bool| {
        history
            .finished
            .iter()
            .any(|(_, read)| read.iter().any(|(from, sequence)| *from == sender && wanted(*sequence)))
    };
    for (session, read) in history.finished.iter().filter(|(session, _)| session.user.0 != HOSTILE) {
        for sender in 0..USERS {
            for (sequence, sent) in (0..).zip(history.logs[sender as usize].iter()) {
                if !sent.is_broadcast() && sent.to != session.user.into() {
                    continue;
                }
                let arrived = read.contains(&(sender, sequence));
                let later = read.iter().any(|(from, other)| *from == sender && *other >= sequence);
                // Times of messages are whole microseconds.
                let (at, micros) = (sent.at.micros(), RunTime::micros);
                let in_time = at > micros(session.online_at)
                    && match session.end {
                        UserSessionEnd::Stayed => true,
                        UserSessionEnd::Closed => session.ended_at.is_some_and(|ended| at < micros(ended)),
                        UserSessionEnd::Left(_) | UserSessionEnd::Provoked => {
                            later && session.leaving_at.is_some_and(|leaving| at < micros(leaving))
                        }
                    };
                let unconfirmed = history.finished.iter().any(|(theirs, _)| {
                    theirs.user.0 == sender
                        && theirs.sequences.contains(&sequence)
                        && theirs.end.may_drop_last_messages()
                        && !received_by_any(sender, &|other| other >= sequence && theirs.sequences.contains(&other))
                });
                let possible =
                    at >= micros(session.requested_at) && session.ended_at.is_none_or(|ended| at < micros(ended));
                if in_time && (arrived || !unconfirmed) {
                    sums.owed += 1;
                    sums.lost += u64::from(!arrived);
                } else if in_time || possible {
                    sums.uncertain += 1;
                }
            }
        }
    }
    sums
}

fn plan() -> Plan {
    let text = "name: ledger\nusers: { u: { count: 4, rate: 1/s, do: [ { broadcast: {} } ] }, h: { count: 1, hostile: true } }\n\
                load: [ { hold: 1s } ]";
    let loaded = mychat_scenario::parse("ledger.yaml", text).unwrap_or_else(|errors| panic!("{errors}"));
    Plan::new(Arc::new(loaded.scenario), 1)
}

fn ledger(history: &History) -> Sums {
    let index = SentIndex::new(&history.logs);
    let sessions = history.finished.iter().map(|(session, _)| session);
    let reconciliation = reconcile(&plan(), &index, sessions, DeliveryRules::default());
    Sums { owed: reconciliation.owed, lost: reconciliation.lost(|_| true), uncertain: reconciliation.uncertain }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_equals_the_definitions(events in events()) {
        let history = History::play(&events);
        prop_assert_eq!(ledger(&history), naive(&history));
    }

    #[test]
    fn a_correct_server_loses_nothing(mut events in events()) {
        // A correct server closes no connection without a reason, omits no recipient, and swaps nothing.
        events.retain(|(_, _, event, _)| !matches!(event, Event::Closed { provoked: false } | Event::Swap));
        for (.., fault) in &mut events {
            fault.omits = false;
        }
        let history = History::play(&events);
        prop_assert_eq!(ledger(&history).lost, 0);
    }

    #[test]
    fn omitted_deliveries_between_present_users_are_lost(events in events()) {
        let keeps_present = |event: &Event| !matches!(event, Event::Leave(_) | Event::Closed { .. });
        let events: Vec<_> = events.into_iter().filter(|(_, _, event, _)| keeps_present(event)).collect();
        let history = History::play(&events);
        let online: BTreeMap<u32, u64> = history.finished.iter().map(|(session, _)| (session.user.0, session.online_at.micros())).collect();
        let owed = |(sender, sequence, recipient): &&(u32, u32, u32)| {
            let at = history.logs[*sender as usize].get(*sequence).map_or(0, |sent| sent.at.micros());
            *recipient != HOSTILE && online.get(recipient).is_some_and(|online| at > *online)
        };
        prop_assert_eq!(ledger(&history).lost, history.omitted.iter().filter(owed).count() as u64);
    }
}
