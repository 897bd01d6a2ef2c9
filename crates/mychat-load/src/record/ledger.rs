//! What was owed to whom, and what of it never came.
//!
//! A pure function over what was sent ([`SentLog`]) and what each user received while it was there ([`Visit`]):
//!
//! - A user is owed what was sent after its welcome arrived here. What was sent while it was still asking may come.
//! - One that stays is owed everything to the end. One that the server threw out is owed everything sent before the
//!   close was seen here.
//! - One that leaves is owed, from each sender, what precedes the last message that it got from that sender. The rest
//!   was under way while it left: *uncertain*, neither owed nor wrong.
//! - What came with its stamp destroyed is counted as corrupted, and of what is missing from its sender so much is not
//!   lost; where not even the sender is known, of what is missing from anybody.
//! - What a sender said last on a connection that was reset, or that the server closed, may never have been read: what
//!   follows the last of its messages that anybody got is uncertain too.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::example::{Example, Examples, Kind};
use super::inbox::{Stream, Track};
use super::overdue::Overdue;
use super::recorder::Place;
use super::sent::{Sent, SentLog, micros};
use super::share::Missing;
use super::visit::{End, Visit};
use crate::plan::Plan;
use mychat_scenario::model::Action;

/// How the server under test reads the protocol, where that changes what it owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// A broadcast goes to its sender too (rule M3).
    pub broadcast_echo: bool,
    /// A message to nobody is answered by `ERROR|404` (rule M2).
    pub unknown_answered: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self { broadcast_echo: true, unknown_answered: true }
    }
}

/// What was sent, by who is to get it.
#[derive(Debug, Default)]
pub struct Dispatch {
    /// The broadcasts of each user, in order.
    broadcasts: Vec<Vec<Entry>>,
    /// The private messages of each pair (sender, recipient), in order.
    privates: FxHashMap<(u32, u32), Vec<Entry>>,
    /// Who sent broadcasts.
    talkers: Vec<u32>,
    /// Who sent private messages to each user.
    senders_to: FxHashMap<u32, Vec<u32>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: u64,
    sequence: u32,
    stage: u16,
}

impl Dispatch {
    /// Sorts what is in the logs; the index of a log is its user's.
    pub fn new(logs: &[SentLog], users: u32) -> Self {
        let mut dispatch = Self { broadcasts: logs.iter().map(|_| Vec::new()).collect(), ..Self::default() };
        for (sender, log) in logs.iter().enumerate() {
            for (sequence, Sent { at, to, stage }) in log.iter().enumerate() {
                let entry = Entry { at, sequence: sequence as u32, stage };
                if to < users {
                    dispatch.privates.entry((sender as u32, to)).or_default().push(entry);
                } else if to == crate::plan::stamp::EVERYBODY {
                    dispatch.broadcasts[sender].push(entry);
                }
            }
        }
        dispatch.talkers =
            (0..logs.len() as u32).filter(|&sender| !dispatch.broadcasts[sender as usize].is_empty()).collect();
        for &(sender, recipient) in dispatch.privates.keys() {
            dispatch.senders_to.entry(recipient).or_default().push(sender);
        }
        dispatch
    }
}

/// Indices into [`Action::NAMES`].
const BROADCAST: u16 = 0;
const PRIVATE: u16 = 1;

/// The result.
#[derive(Debug, Default)]
pub struct Reckoning {
    /// Deliveries that had to happen.
    pub owed: u64,
    /// Of those, the ones that did not, by the recipient's place.
    pub lost: FxHashMap<Place, u64>,
    /// Deliveries beyond those, where these accounts and not the recipients notice them.
    pub doubled: FxHashMap<Place, u64>,
    /// Deliveries that might have happened or not, because somebody was coming or going.
    pub uncertain: u64,
    /// The first few losses.
    pub examples: Examples,
    /// What was lost, by when it was sent.
    pub overdue: Overdue,
    /// How much each user lost.
    pub losers: FxHashMap<u32, u64>,
    /// By sender: private messages that came to nobody and were owed to nobody, and that may have been answered by 404.
    pub stranded: FxHashMap<u32, u64>,
    /// What was planned by other machines' users and did not come: whether it is lost is known where it was to be sent.
    pub missing: Vec<Missing>,
}

impl Reckoning {
    /// All losses that `wanted` takes.
    pub fn lost(&self, wanted: impl Fn(Place) -> bool) -> u64 {
        self.lost.iter().filter(|(place, _)| wanted(**place)).map(|(_, lost)| lost).sum()
    }
}

/// Sequence numbers of a sender that may have died with its connection.
type Tails = FxHashMap<u32, Vec<Range<u32>>>;

/// Holds what was sent against what came. All visits are wanted, those of hostile users too: nothing is owed to these, but
/// what they say may die with their connections, and what they hear shows what did not.
pub fn reckon<'v>(
    plan: &Plan,
    dispatch: &Dispatch,
    visits: impl Iterator<Item = &'v Visit> + Clone,
    reading: Reading,
) -> Reckoning {
    let tails = tails(dispatch, visits.clone());
    let mut book = Book { plan, tails, reckoning: Reckoning::default() };
    book.reckoning.stranded = unreceived(dispatch, visits.clone());
    // What hostile users miss is their own doing.
    for visit in visits.filter(|visit| !plan.group(visit.user).hostile) {
        let mut unknown = visit.inbox.unknown();
        dispatch.for_each_stream(visit, reading, |stream| book.check(visit, &stream, &mut unknown));
    }
    book.reckoning
}

/// How many deliveries are owed to users that are still there and have not come yet: the sum of [`reckon`] without its
/// details, quick enough to be asked again and again while a run drains.
pub fn outstanding<'v>(dispatch: &Dispatch, visits: impl Iterator<Item = &'v Visit>, reading: Reading) -> u64 {
    let mut missing = 0;
    for visit in visits {
        let mut here = 0;
        dispatch.for_each_stream(visit, reading, |stream| {
            let owed = stream.owed(visit);
            here += u64::from(stream.got.missing(owed.start, owed.end).saturating_sub(stream.damaged));
        });
        missing += here.saturating_sub(u64::from(visit.inbox.unknown()));
    }
    missing
}

/// All that one sender sent to one recipient, to it alone or to everybody, and what of it came during one visit.
struct Flow<'a> {
    sender: u32,
    action: u16,
    entries: &'a [Entry],
    got: &'a Track,
    /// How many more came that cannot be told apart any more.
    damaged: u32,
    /// One more than the last of all the sender's messages that came, of either kind.
    next_sequence: u32,
}

impl Dispatch {
    fn for_each_stream(&self, visit: &Visit, reading: Reading, mut take: impl FnMut(Flow<'_>)) {
        let empty = Track::default();
        let mut flow = |sender: u32, action: u16, entries: &[Entry], track: fn(&Stream) -> &Track| {
            let stream = visit.inbox.from(sender);
            let got = stream.map_or(&empty, track);
            let damaged = visit.inbox.damaged(sender, action == BROADCAST);
            let next_sequence = stream.map_or(0, Stream::next_sequence);
            take(Flow { sender, action, entries, got, damaged, next_sequence });
        };
        for &sender in &self.talkers {
            if sender != visit.user || reading.broadcast_echo {
                flow(sender, BROADCAST, &self.broadcasts[sender as usize], |stream| &stream.all);
            }
        }
        for &sender in self.senders_to.get(&visit.user).into_iter().flatten() {
            flow(sender, PRIVATE, &self.privates[&(sender, visit.user)], |stream| &stream.own);
        }
    }
}

impl Flow<'_> {
    fn before(&self, at: u64) -> u32 {
        self.entries.partition_point(|entry| entry.at < at) as u32
    }

    /// The indices of what had to come.
    fn owed(&self, visit: &Visit) -> Range<u32> {
        // A message of the same microsecond as the welcome may have gone first.
        let from = self.before(micros(visit.online) + 1);
        let to = match visit.end {
            End::Stayed => self.entries.len() as u32,
            End::Closed => self.before(visit.ended.map_or(u64::MAX, micros)),
            End::Left(_) | End::Provoked => {
                // The last message may have been of the other kind: order holds across both (rule M5).
                let seen = self.entries.partition_point(|entry| entry.sequence < self.next_sequence) as u32;
                self.before(visit.leaving.map_or(u64::MAX, micros)).min(seen)
            }
        };
        from..to.max(from)
    }

    /// How many messages were sent while the visit lasted, its coming and going included.
    fn possible(&self, visit: &Visit, owed: &Range<u32>) -> u32 {
        let (first, end) = (self.before(micros(visit.asked)), self.before(visit.ended.map_or(u64::MAX, micros)));
        let end = if owed.is_empty() { end } else { end.max(owed.end) };
        end.saturating_sub(first)
    }
}

struct Book<'p> {
    plan: &'p Plan,
    tails: Tails,
    reckoning: Reckoning,
}

impl Book<'_> {
    /// Holds one flow to account. `unknown` more came to this user that cannot be told apart, from whomever.
    fn check(&mut self, visit: &Visit, flow: &Flow<'_>, unknown: &mut u32) {
        if !self.plan.shard.has(flow.sender) {
            self.expect(visit, flow);
            return;
        }
        let range = flow.owed(visit);
        let possible = flow.possible(visit, &range);
        let owed = range.end - range.start;
        let (mut excused, mut damaged) = (0, flow.damaged);
        if flow.got.missing(range.start, range.end) > 0 {
            let tails = self.tails.get(&flow.sender).cloned().unwrap_or_default();
            for index in flow.got.gaps(range.start, range.end) {
                let entry = flow.entries[index as usize];
                if tails.iter().any(|tail| tail.contains(&entry.sequence)) {
                    excused += 1;
                } else if damaged > 0 {
                    damaged -= 1;
                } else if *unknown > 0 {
                    *unknown -= 1;
                } else {
                    self.lose(visit, flow.sender, (index, entry), flow.action);
                }
            }
        }
        self.reckoning.owed += u64::from(owed - excused);
        self.reckoning.uncertain += u64::from(possible - owed + excused);
    }

    /// What a user of another machine was to send. Where the recipient was there all the time no clock is needed to know
    /// what it was owed; elsewhere the clocks would have to agree.
    fn expect(&mut self, visit: &Visit, flow: &Flow<'_>) {
        let planned = flow.entries.len() as u32;
        if visit.end != End::Stayed || !self.plan.is_steady(visit.user) {
            self.reckoning.uncertain += u64::from(planned);
            return;
        }
        let missing = flow.got.missing(0, planned).saturating_sub(flow.damaged);
        self.reckoning.owed += u64::from(planned - missing);
        self.reckoning.uncertain += u64::from(missing);
        if missing == 0 {
            return;
        }
        let (broadcasts, privates) = if flow.action == BROADCAST { (missing, 0) } else { (0, missing) };
        let (sender, recipient) = (flow.sender, visit.user);
        match self.reckoning.missing.last_mut().filter(|last| (last.sender, last.recipient) == (sender, recipient)) {
            Some(last) => (last.broadcasts, last.privates) = (last.broadcasts + broadcasts, last.privates + privates),
            None => self.reckoning.missing.push(Missing { sender, recipient, broadcasts, privates }),
        }
    }

    fn lose(&mut self, visit: &Visit, sender: u32, (index, entry): (u32, Entry), action: u16) {
        let users = &self.plan.users;
        let (from, to) = (users[sender as usize].group, users[visit.user as usize].group);
        let place = |group| Place { stage: entry.stage, group, action };
        *self.reckoning.lost.entry(place(to)).or_default() += 1;
        let (timed, sent) =
            (|place: Place| if self.plan.is_closed_loop(sender) { place.closed() } else { place }, entry.at * 1000);
        self.reckoning.overdue.delivery(timed(place(to)), sent);
        if action == BROADCAST {
            self.reckoning.overdue.broadcast(sender, index, sent, timed(place(from)));
        }
        *self.reckoning.losers.entry(visit.user).or_default() += 1;
        if action == PRIVATE
            && let Some(stranded) = self.reckoning.stranded.get_mut(&sender)
        {
            *stranded = stranded.saturating_sub(1);
        }
        if self.reckoning.examples.wants(Kind::Lost) {
            let (from, to) = (&users[sender as usize].name, &users[visit.user as usize].name);
            let end = match visit.end {
                End::Closed => "; the server had closed this connection by then or soon after",
                _ => "",
            };
            let what = format!(
                "the {} that {from} sent {:.3} s after the run began never reached {to}{end}",
                Action::NAMES[usize::from(action)],
                entry.at as f64 / 1e6
            );
            self.reckoning.examples.push(Example {
                kind: Kind::Lost,
                sender: Some(from.to_string()),
                recipient: Some(to.to_string()),
                sequence: Some(entry.sequence),
                what,
                frames: Vec::new(),
            });
        }
    }
}

/// How many private messages of each sender came to nobody.
fn unreceived<'v>(dispatch: &Dispatch, visits: impl Iterator<Item = &'v Visit>) -> FxHashMap<u32, u64> {
    let mut unreceived: FxHashMap<u32, u64> = FxHashMap::default();
    for ((sender, _), entries) in &dispatch.privates {
        *unreceived.entry(*sender).or_default() += entries.len() as u64;
    }
    for visit in visits {
        for sender in dispatch.senders_to.get(&visit.user).into_iter().flatten() {
            let own = visit.inbox.from(*sender).map_or(0, |stream| stream.own.len());
            let came = u64::from(own) + u64::from(visit.inbox.damaged(*sender, false));
            if let Some(left) = unreceived.get_mut(sender) {
                *left = left.saturating_sub(came);
            }
        }
    }
    unreceived
}

/// For each sender visit that ended abruptly: what follows the last message of it that anybody got.
fn tails<'v>(dispatch: &Dispatch, visits: impl Iterator<Item = &'v Visit> + Clone) -> Tails {
    let mut tails = Tails::default();
    for visit in visits.clone().filter(|visit| visit.end.may_drop_the_last() && !visit.sequences.is_empty()) {
        tails.entry(visit.user).or_default().push(visit.sequences.clone());
    }
    for visit in visits {
        for (&sender, ranges) in &mut tails {
            let Some(stream) = visit.inbox.from(sender) else { continue };
            let broadcasts = dispatch.broadcasts.get(sender as usize).map_or(&[][..], Vec::as_slice);
            let privates = dispatch.privates.get(&(sender, visit.user)).map_or(&[][..], Vec::as_slice);
            for (entries, track) in [(broadcasts, &stream.all), (privates, &stream.own)] {
                for range in ranges.iter_mut() {
                    let end = entries.partition_point(|entry| entry.sequence < range.end) as u32;
                    if let Some(seen) = track.last_before(end).and_then(|index| entries.get(index as usize)) {
                        range.start = range.start.max(seen.sequence + 1);
                    }
                }
            }
        }
    }
    tails
}
