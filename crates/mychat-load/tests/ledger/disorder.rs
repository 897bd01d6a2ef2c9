//! The search for contradicting recipients against its definition, over random orders of arrival.

use std::sync::Arc;

use mychat_load::plan::stamp::Stamp;
use mychat_load::plan::{Addressee, GroupId, LoadTime, Plan, RunTime, StageId, UserId};
use mychat_load::reconcile::Disorder;
use mychat_load::record::common_order::CommonOrder;
use mychat_load::record::inbox::{Arrival, UserInbox};
use mychat_load::record::order_log::{LateArrival, OrderLog};
use mychat_load::record::recorder::Place;
use mychat_load::record::session::{UserSession, UserSessionEnd};
use proptest::prelude::*;

use crate::USERS;

/// Messages of a history. Message `n` is of user `n % SENDERS`.
const MESSAGES: u32 = 9;
const SENDERS: u32 = 3;
const PLACE: Place = Place { stage: StageId(0), group: GroupId(0), action: 0 };

/// The messages that each user receives, in order.
type Orders = Vec<Vec<u32>>;

/// The result of a history: the deliveries counted, and those that were late and not reordered.
struct Counted {
    disordered: u64,
    late: u64,
}

fn stamp(message: u32) -> Stamp {
    let number = message / SENDERS;
    let (sender, to) = (UserId(message % SENDERS), Addressee::EVERYBODY);
    Stamp { run: 0, sender, session: 0, sequence: number, index: number, intended: LoadTime::ZERO, to }
}

/// Lets the users receive their messages; `turns` says who receives next.
fn receive(orders: &Orders, turns: &[usize]) -> Counted {
    let text = "name: t\nusers: { u: { count: 5 } }\nload: [ { hold: 1s } ]";
    let plan = Plan::new(Arc::new(mychat_scenario::parse("t.yaml", text).expect("valid").scenario), 1);
    let (common, mut log, mut late) = (CommonOrder::default(), OrderLog::default(), 0);
    let mut users: Vec<_> = orders.iter().map(|order| (order.iter(), None, UserInbox::default())).collect();
    for turn in turns.iter().copied().chain((0..orders.len()).flat_map(|user| vec![user; MESSAGES as usize])) {
        let (order, newest, inbox) = &mut users[turn];
        let Some(message) = order.next() else { continue };
        let stamp = stamp(*message);
        let is_reordered = inbox.note(&stamp) == Arrival::OutOfOrder;
        let ordinal = common.ordinal(stamp.sender, stamp.sequence).expect("few messages");
        log.observe(newest, (ordinal, (&stamp).into()), |after| {
            late += u64::from(!is_reordered);
            LateArrival { recipient: UserId(turn as u32), after, place: PLACE, is_reordered }
        });
    }
    let session = |(user, (_, _, inbox)): (u32, (_, _, UserInbox))| UserSession {
        user: UserId(user),
        requested_at: RunTime::ZERO,
        online_at: RunTime::ZERO,
        leaving_at: None,
        ended_at: None,
        end: UserSessionEnd::Stayed,
        sequences: 0..0,
        rooms: Vec::new(),
        inbox,
    };
    let sessions: Vec<UserSession> = (0..).zip(users).map(session).collect();
    let disorder = Disorder::new(&plan, &log, &sessions);
    Counted { disordered: disorder.deliveries.values().sum(), late }
}

/// Returns true if two users received two messages in different order.
fn is_contradicted(orders: &Orders) -> bool {
    let place = |order: &[u32], message: u32| order.iter().position(|other| *other == message);
    let is_before = |order: &[u32], one, other| place(order, one).zip(place(order, other)).is_some_and(|(a, b)| a < b);
    let pairs = (0..MESSAGES).flat_map(|one| (0..MESSAGES).map(move |other| (one, other)));
    let mut pairs = pairs.filter(|(one, other)| one != other);
    pairs.any(|(one, other)| {
        orders.iter().any(|order| is_before(order, one, other))
            && orders.iter().any(|order| is_before(order, other, one))
    })
}

fn shuffled() -> impl Strategy<Value = Vec<u32>> {
    Just((0..MESSAGES).collect::<Vec<_>>()).prop_shuffle()
}

fn turns() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..USERS as usize, 0..60)
}

proptest! {
    #[test]
    fn nothing_is_counted_where_no_two_users_contradict_each_other(
        order in shuffled(),
        missing in prop::collection::vec(prop::collection::vec(any::<bool>(), MESSAGES as usize), USERS as usize),
        swaps in prop::collection::vec((0..USERS as usize, 0..MESSAGES as usize), 0..3),
        turns in turns(),
    ) {
        let part = |missing: &Vec<bool>| order.iter().zip(missing).filter(|(_, m)| !**m).map(|(one, _)| *one).collect();
        let mut orders: Orders = missing.iter().map(part).collect();
        for (user, at) in swaps {
            if at + 1 < orders[user].len() {
                orders[user].swap(at, at + 1);
            }
        }
        let counted = receive(&orders, &turns);
        prop_assert!(counted.disordered <= counted.late);
        prop_assert!(counted.disordered == 0 || is_contradicted(&orders), "{orders:?}");
    }

    #[test]
    fn every_late_arrival_is_counted_where_all_receive_everything(
        orders in prop::collection::vec(shuffled(), USERS as usize),
        turns in turns(),
    ) {
        let counted = receive(&orders, &turns);
        prop_assert_eq!(counted.disordered, counted.late);
    }
}
