//! The ledger against the definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use mychat_load::plan::Plan;
use mychat_load::record::ledger::{Dispatch, Reading, reckon};
use mychat_load::record::visit::End;
use proptest::prelude::*;

use crate::lives::{Deed, World, deeds};
use crate::{HOSTILE, USERS};

/// Owed, lost, uncertain; by the definitions and nothing cleverer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    owed: u64,
    lost: u64,
    uncertain: u64,
}

fn naive(world: &World) -> Sums {
    let mut sums = Sums::default();
    let got_by_anybody = |sender: u32, wanted: &dyn Fn(u32) -> bool| {
        world.over.iter().any(|(_, read)| read.iter().any(|(from, sequence)| *from == sender && wanted(*sequence)))
    };
    for (visit, read) in world.over.iter().filter(|(visit, _)| visit.user != HOSTILE) {
        for sender in 0..USERS {
            for (sequence, sent) in (0..).zip(world.logs[sender as usize].iter()) {
                if !sent.is_broadcast() && sent.to != visit.user {
                    continue;
                }
                let arrived = read.contains(&(sender, sequence));
                let later = read.iter().any(|(from, other)| *from == sender && *other >= sequence);
                // Times of messages are whole microseconds.
                let (at, micros) = (sent.at, |time: u64| time / 1000);
                let in_time = at > micros(visit.online)
                    && match visit.end {
                        End::Stayed => true,
                        End::Closed => visit.ended.is_some_and(|ended| at < micros(ended)),
                        End::Left(_) | End::Provoked => {
                            later && visit.leaving.is_some_and(|leaving| at < micros(leaving))
                        }
                    };
                let may_have_died = world.over.iter().any(|(theirs, _)| {
                    theirs.user == sender
                        && theirs.sequences.contains(&sequence)
                        && theirs.end.may_drop_the_last()
                        && !got_by_anybody(sender, &|other| other >= sequence && theirs.sequences.contains(&other))
                });
                let possible = at >= micros(visit.asked) && visit.ended.is_none_or(|ended| at < micros(ended));
                if in_time && (arrived || !may_have_died) {
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

fn ledger(world: &World) -> Sums {
    let dispatch = Dispatch::new(&world.logs, USERS);
    let visits = world.over.iter().map(|(visit, _)| visit);
    let reckoning = reckon(&plan(), &dispatch, visits, Reading::default());
    Sums { owed: reckoning.owed, lost: reckoning.lost(|_| true), uncertain: reckoning.uncertain }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_equals_the_naive_reckoning(deeds in deeds()) {
        let world = World::lives(&deeds);
        prop_assert_eq!(ledger(&world), naive(&world));
    }

    #[test]
    fn a_correct_server_loses_nothing(mut deeds in deeds()) {
        // It closes no connection without a reason, leaves nobody out, and swaps nothing.
        deeds.retain(|(_, _, deed, _)| !matches!(deed, Deed::Closed { provoked: false } | Deed::Swap));
        for (.., manner) in &mut deeds {
            manner.errs = false;
        }
        let world = World::lives(&deeds);
        prop_assert_eq!(ledger(&world).lost, 0);
    }

    #[test]
    fn what_those_who_stay_miss_of_those_who_stay_is_lost(deeds in deeds()) {
        let stay = |deed: &Deed| !matches!(deed, Deed::Leave(_) | Deed::Closed { .. });
        let deeds: Vec<_> = deeds.into_iter().filter(|(_, _, deed, _)| stay(deed)).collect();
        let world = World::lives(&deeds);
        let online: BTreeMap<u32, u64> = world.over.iter().map(|(visit, _)| (visit.user, visit.online / 1000)).collect();
        let owed = |(sender, sequence, recipient): &&(u32, u32, u32)| {
            let at = world.logs[*sender as usize].get(*sequence).map_or(0, |sent| sent.at);
            *recipient != HOSTILE && online.get(recipient).is_some_and(|online| at > *online)
        };
        prop_assert_eq!(ledger(&world).lost, world.left_out.iter().filter(owed).count() as u64);
    }
}
