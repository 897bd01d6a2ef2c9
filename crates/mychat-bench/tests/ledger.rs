//! The reckoning of deliveries against a naive one that follows the definitions word by word, over lives of users that
//! are drawn at random.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mychat_bench::observe::inbox::{Arrival, Inbox};
use mychat_bench::observe::ledger::{Dispatch, Reading, reckon};
use mychat_bench::observe::sent::{Sent, SentLog};
use mychat_bench::observe::totals::Totals;
use mychat_bench::observe::visit::{End, Visit};
use mychat_bench::plan::Plan;
use mychat_bench::plan::stamp::{EVERYBODY, Stamp};
use mychat_bench::scenario;
use mychat_bench::scenario::model::{Leave, Verify};
use proptest::prelude::*;

const USERS: u32 = 5;
/// The last of them.
const HOSTILE: u32 = USERS - 1;

/// One thing that happens to one user.
#[derive(Debug, Clone, Copy)]
enum Deed {
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
struct Manner {
    /// It leaves out every other recipient.
    errs: bool,
    /// It hears of it no sooner than of the same sender's next message.
    lingers: bool,
}

/// Who, how many half microseconds later (so that times round), what, and what the server makes of it.
type Happening = (u32, u64, Deed, Manner);

fn deeds() -> impl Strategy<Value = Vec<Happening>> {
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
struct World {
    now: u64,
    stays: BTreeMap<u32, Stay>,
    over: Vec<(Visit, BTreeSet<(u32, u32)>)>,
    logs: Vec<SentLog>,
    all: BTreeMap<u32, u32>,
    own: BTreeMap<(u32, u32), u32>,
    /// Deliveries that the server left out: sender, sequence, recipient.
    left_out: BTreeSet<(u32, u32, u32)>,
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

    fn lives(deeds: &[Happening]) -> Self {
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
    let loaded = scenario::parse("ledger.yaml", text).unwrap_or_else(|errors| panic!("{errors}"));
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
    let loaded = scenario::parse("apart.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
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
