//! The server's pace: the silences that preceded its replies in this run. It decides after which silence something counts
//! as missing, so that a server that answers within a millisecond is not waited for as long as one that needs a second.
//!
//! The user's timeout is the upper limit. A shorter wait needs a proof that the server and this machine are not just busy:
//! later messages that arrive quickly (see `ring_fence` and `outsiders`), or earlier waits of the full length that were in vain.
//!
//! A server that has left out several events of one kind, and sent none of that kind late, has a fault that is proven. Later
//! waits for that kind are shorter. A single late event restores the long ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The kinds of events that steps wait for. A server may be quick with one and slow with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A reply or a forwarded message.
    Reply,
    /// A list. A server may merge lists and send them later.
    List,
    /// A list that follows the end of a connection without `DISCONNECT`. A server may notice it late.
    ListAfterBreak,
    /// The end of a connection.
    Close,
    /// The release of a name whose user has left.
    Release,
}

const KINDS: usize = 5;

/// The result of a ring fence: messages between the users of a case, sent after a silence. If the case has no user, two
/// outsiders exchange one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FenceResult {
    /// They arrived within this time, and every connection that could have caused something took part.
    Complete(Duration),
    /// They arrived within this time, but some connections could not take part.
    Partial(Duration),
    /// Some of them arrived within this time, and the others did not; or the message of an outsider arrived.
    OthersServed(Duration),
    /// None of them arrived.
    Missing,
    /// Nobody could send them, or they never arrive at this server.
    Impossible,
}

/// The pace of one server. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ServerPace {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    kinds: [Silences; KINDS],
    fences_arrived: u32,
    fences_missing: u32,
    /// The number of connections in a row that the server left open after `DISCONNECT`.
    left_open: u32,
    /// The number of messages in a row that a user sent to itself and did not get.
    missing_to_self: u32,
}

/// The silences before events of one kind.
#[derive(Debug, Default)]
struct Silences {
    /// The last ones that ended with the event.
    ended: VecDeque<Duration>,
    /// The number of full timeouts that passed in vain since the last event that needed a long wait.
    in_vain: u32,
    /// The number of events that counted as missing since the last one that was late.
    missing: u32,
}

/// The number of silences that are remembered per kind.
const REMEMBERED: usize = 32;
/// With fewer remembered silences the pace of a kind is unknown.
const FEWEST: usize = 3;
/// After this many full timeouts in vain, the pace of a kind counts as known.
const ENOUGH_IN_VAIN: u32 = 2;
/// A silence is judged after this multiple of the longest usual silence.
const MARGIN: u32 = 10;
/// As [`MARGIN`], for the duration of a fence that does not prove the silence but shows that nobody is busy.
const PARTIAL_MARGIN: u32 = 20;
/// The shortest silence that a complete fence may prove. Servers may send messages on several threads, out of order.
const SHORTEST_PROVEN: Duration = Duration::from_millis(150);
/// The shortest silence that is judged without a proof.
const SHORTEST_UNPROVEN: Duration = Duration::from_millis(400);
/// The shortest wait for a fence after the first one of its round.
const SHORTEST_STRAGGLER: Duration = Duration::from_millis(250);
/// The shortest silence that is judged without any sign of how busy the machine is.
const SHORTEST_BLIND: Duration = Duration::from_millis(600);
/// The shortest wait for an event that need not come.
const SHORTEST_OPTIONAL: Duration = Duration::from_millis(50);
/// The shortest wait for an event that has often been missing.
const SHORTEST_BRIEF: Duration = Duration::from_millis(2);
/// As [`MARGIN`], for the time of the messages that a case has sent, if the server handles them one after the other.
const BACKLOG_MARGIN: u32 = 4;
/// The shortest time that a message is assumed to take.
const SHORTEST_MESSAGE: Duration = Duration::from_micros(200);
/// Fences are given up if this many were missing and none has ever arrived.
const MOST_MISSING: u32 = 3;
/// After this many missing events of a kind, it is proven that the server leaves them out.
const PROVEN_MISSING: u32 = 4;
/// The shortest silences for a kind whose events are proven to be missing are this part of the usual ones. A busy machine still
/// lengthens them: the multiples of the pace and of the fence stay.
const PROVEN_PART: u32 = 3;
/// After this many connections in a row that the server left open, their ends are not waited for.
const PROVEN_LEFT_OPEN: u32 = 8;
/// The wait for the end of a connection that the server probably leaves open.
const BRIEF_CLOSE: Duration = Duration::from_millis(10);
/// The longest wait for outsiders if it is proven that the server leaves out what is awaited.
const BRIEF_OUTSIDERS: Duration = Duration::from_millis(400);

impl ServerPace {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the silence after which a fence is worth sending.
    pub(crate) fn first_wait(&self, awaited: Awaited, timeout: Duration) -> Duration {
        let shortest = self.shortest(awaited, shortest_unusual(awaited));
        self.usual(awaited).map_or(timeout, |usual| (usual * MARGIN).max(shortest).min(timeout))
    }

    /// Returns `shortest`, or a part of it if it is proven that the server leaves out events of this kind.
    fn shortest(&self, awaited: Awaited, shortest: Duration) -> Duration {
        if self.is_proven_missing(awaited) { shortest / PROVEN_PART } else { shortest }
    }

    /// Returns how long to wait for an event that need not come and that no verdict depends on: at most `longest`.
    pub(crate) fn optional_wait(&self, awaited: Awaited, longest: Duration) -> Duration {
        self.usual(awaited).map_or(longest, |usual| (usual * MARGIN).max(SHORTEST_OPTIONAL).min(longest))
    }

    /// Returns how long to wait for an event that has often been missing, as long as it may be late: at most `longest`.
    pub(crate) fn brief_wait(&self, longest: Duration) -> Duration {
        self.usual(Awaited::Reply).map_or(longest, |usual| (usual * MARGIN).max(SHORTEST_BRIEF).min(longest))
    }

    /// Returns the silence after which the event counts as missing, given the result of a fence and the number of messages
    /// that the case has sent.
    pub(crate) fn full_wait(&self, awaited: Awaited, fence: FenceResult, sent: u32, timeout: Duration) -> Duration {
        let first = self.first_wait(awaited, timeout);
        let unproven = self.shortest(awaited, SHORTEST_UNPROVEN);
        let wait = match fence {
            FenceResult::Complete(taken) if awaited == Awaited::Reply => first.max(taken * MARGIN),
            FenceResult::Complete(taken) => first.max(unproven).max(taken * PARTIAL_MARGIN),
            FenceResult::Partial(taken) | FenceResult::OthersServed(taken) => {
                first.max(unproven).max(taken * PARTIAL_MARGIN).max(self.backlog(sent, timeout))
            }
            FenceResult::Impossible if self.lock().kinds[awaited as usize].in_vain >= ENOUGH_IN_VAIN => {
                first.max(self.shortest(awaited, SHORTEST_BLIND))
            }
            FenceResult::Missing | FenceResult::Impossible => timeout,
        };
        wait.min(timeout)
    }

    /// Returns the time after which a fence that has not arrived counts as lost, if another one arrived after `first`.
    pub(crate) fn straggler_wait(&self, first: Duration) -> Duration {
        self.shortest(Awaited::Reply, SHORTEST_STRAGGLER).max(first * PARTIAL_MARGIN)
    }

    /// Returns how long outsiders may take to exchange a message.
    pub(crate) fn outsiders_wait(&self, awaited: Awaited, timeout: Duration) -> Duration {
        if self.is_proven_missing(awaited) { BRIEF_OUTSIDERS.min(timeout) } else { timeout }
    }

    /// Returns how long to wait for the server to close connections after `DISCONNECT`, where no verdict depends on it: at most
    /// `longest`.
    pub(crate) fn close_wait_after_leave(&self, longest: Duration) -> Duration {
        let is_quick = self.usual(Awaited::Reply).is_some_and(|usual| usual * MARGIN <= longest);
        if is_quick && self.lock().left_open >= PROVEN_LEFT_OPEN { BRIEF_CLOSE.min(longest) } else { longest }
    }

    /// Returns an upper limit of the time in which the server handles `sent` messages of one connection, at most `timeout`.
    fn backlog(&self, sent: u32, timeout: Duration) -> Duration {
        let message = self.usual(Awaited::Reply).unwrap_or(timeout).max(SHORTEST_MESSAGE);
        message.saturating_mul(sent.saturating_mul(BACKLOG_MARGIN)).min(timeout)
    }

    /// Returns true if the pace of a kind is known.
    pub(crate) fn is_known(&self, awaited: Awaited) -> bool {
        self.usual(awaited).is_some()
    }

    /// Returns the longest usual silence before an event of this kind; `None` if too little is known.
    fn usual(&self, awaited: Awaited) -> Option<Duration> {
        let seen = self.lock();
        let silences = &seen.kinds[awaited as usize];
        let known = silences.ended.len() >= FEWEST || silences.in_vain >= ENOUGH_IN_VAIN;
        let mut sorted: Vec<Duration> = silences.ended.iter().copied().collect();
        sorted.sort_unstable();
        // One silence may be due to a busy machine, so the second longest counts.
        known.then(|| sorted.iter().rev().nth(1).copied().unwrap_or_default())
    }

    /// Records that an event arrived after a silence.
    pub(crate) fn record_arrival(&self, awaited: Awaited, silence: Duration) {
        let mut seen = self.lock();
        let silences = &mut seen.kinds[awaited as usize];
        silences.ended.push_back(silence);
        if silences.ended.len() > REMEMBERED {
            silences.ended.pop_front();
        }
        // A shorter wait would have missed this one.
        if silence > SHORTEST_UNPROVEN {
            silences.in_vain = 0;
        }
        if silence > shortest_unusual(awaited) / PROVEN_PART {
            silences.missing = 0;
        }
    }

    /// Records that an event did not arrive within `silence`, where at most `timeout` was waited for it.
    pub(crate) fn record_missing(&self, awaited: Awaited, silence: Duration, timeout: Duration) {
        let mut seen = self.lock();
        let silences = &mut seen.kinds[awaited as usize];
        silences.in_vain += u32::from(silence >= timeout);
        // A shorter timeout is for events that need not come.
        silences.missing += u32::from(timeout >= SHORTEST_UNPROVEN);
    }

    /// Returns true if the server has left out several events of this kind, and sent none of them late.
    pub(crate) fn is_proven_missing(&self, awaited: Awaited) -> bool {
        self.lock().kinds[awaited as usize].missing >= PROVEN_MISSING
    }

    /// Records whether the server closed a connection after `DISCONNECT`.
    pub(crate) fn record_close_after_leave(&self, is_closed: bool) {
        let mut seen = self.lock();
        seen.left_open = if is_closed { 0 } else { seen.left_open.saturating_add(1) };
    }

    /// Records whether a user got the message that it sent to itself.
    pub(crate) fn record_message_to_self(&self, has_arrived: bool) {
        let mut seen = self.lock();
        seen.missing_to_self = if has_arrived { 0 } else { seen.missing_to_self.saturating_add(1) };
    }

    /// Returns false if users do not get what they send to themselves.
    pub(crate) fn delivers_to_self(&self) -> bool {
        self.lock().missing_to_self < MOST_MISSING
    }

    /// Records the result of a fence.
    pub(crate) fn record_fence(&self, has_arrived: bool) {
        let mut seen = self.lock();
        if has_arrived {
            seen.fences_arrived += 1;
        } else {
            seen.fences_missing += 1;
        }
    }

    /// Returns false if fences never arrive at this server.
    pub(crate) fn fences_work(&self) -> bool {
        let seen = self.lock();
        seen.fences_arrived > 0 || seen.fences_missing < MOST_MISSING
    }
}

/// Returns the shortest silence after which a quick server's event of this kind is unusually late.
fn shortest_unusual(awaited: Awaited) -> Duration {
    if awaited == Awaited::Reply { SHORTEST_PROVEN } else { SHORTEST_UNPROVEN }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn pace_of(awaited: Awaited, silences: &[u64]) -> ServerPace {
        let pace = ServerPace::default();
        for silence in silences {
            pace.record_arrival(awaited, ms(*silence));
        }
        pace
    }

    #[test]
    fn the_first_silence_lasts_the_whole_timeout() {
        let pace = pace_of(Awaited::Reply, &[1, 1]);
        assert_eq!(pace.first_wait(Awaited::Reply, TIMEOUT), TIMEOUT);
        assert_eq!(pace.full_wait(Awaited::Reply, FenceResult::Impossible, 1, TIMEOUT), TIMEOUT);
    }

    #[test]
    fn a_quick_server_is_waited_for_a_short_time_and_a_slow_one_for_the_timeout() {
        let quick = pace_of(Awaited::Reply, &[1, 2, 1, 900]);
        assert_eq!(quick.full_wait(Awaited::Reply, FenceResult::Complete(ms(1)), 1, TIMEOUT), SHORTEST_PROVEN);
        let slow = pace_of(Awaited::Reply, &[300, 300, 310]);
        assert_eq!(slow.full_wait(Awaited::Reply, FenceResult::Complete(ms(1)), 1, TIMEOUT), TIMEOUT);
        // A busy machine delays the fence too.
        assert_eq!(quick.full_wait(Awaited::Reply, FenceResult::Complete(ms(60)), 1, TIMEOUT), ms(600));
        assert_eq!(quick.full_wait(Awaited::Reply, FenceResult::Missing, 1, TIMEOUT), TIMEOUT);
    }

    #[test]
    fn a_fence_proves_no_list() {
        let pace = pace_of(Awaited::List, &[1, 2, 1]);
        assert_eq!(pace.full_wait(Awaited::List, FenceResult::Complete(ms(1)), 1, TIMEOUT), SHORTEST_UNPROVEN);
        assert_eq!(pace.full_wait(Awaited::ListAfterBreak, FenceResult::Complete(ms(1)), 1, TIMEOUT), TIMEOUT);
    }

    #[test]
    fn timeouts_in_vain_shorten_later_waits_until_something_is_late() {
        let pace = ServerPace::default();
        for _ in 0..ENOUGH_IN_VAIN {
            pace.record_missing(Awaited::Release, TIMEOUT, TIMEOUT);
        }
        assert_eq!(pace.full_wait(Awaited::Release, FenceResult::Impossible, 1, TIMEOUT), SHORTEST_BLIND);
        pace.record_arrival(Awaited::Release, ms(900));
        assert_eq!(pace.full_wait(Awaited::Release, FenceResult::Impossible, 1, TIMEOUT), TIMEOUT);
    }

    /// Only a server that has left out several events of a kind, and was never late with one, is waited for a shorter time.
    #[test]
    fn a_proven_fault_is_not_waited_for_each_time() {
        let pace = pace_of(Awaited::Reply, &[1, 2, 1]);
        let served = FenceResult::OthersServed(ms(2));
        let wait = |pace: &ServerPace| pace.full_wait(Awaited::Reply, served, 1, TIMEOUT);
        for _ in 1..PROVEN_MISSING {
            pace.record_missing(Awaited::Reply, ms(400), TIMEOUT);
        }
        assert_eq!(wait(&pace), SHORTEST_UNPROVEN, "too few to prove it");
        (0..PROVEN_MISSING).for_each(|_| pace.record_missing(Awaited::Reply, ms(1), ms(100)));
        assert_eq!(wait(&pace), SHORTEST_UNPROVEN, "they need not come");
        pace.record_missing(Awaited::Reply, ms(400), TIMEOUT);
        assert_eq!(wait(&pace), SHORTEST_UNPROVEN / PROVEN_PART);
        assert_eq!(pace.full_wait(Awaited::Reply, FenceResult::Complete(ms(60)), 1, TIMEOUT), ms(600), "it is busy");
        assert_eq!(pace.full_wait(Awaited::Reply, FenceResult::Missing, 1, TIMEOUT), TIMEOUT);
        assert!(!pace.is_proven_missing(Awaited::List), "another kind");
        pace.record_arrival(Awaited::Reply, ms(5));
        assert!(pace.is_proven_missing(Awaited::Reply));
        pace.record_arrival(Awaited::Reply, ms(70));
        assert_eq!(wait(&pace), SHORTEST_UNPROVEN, "one was late");
        (0..PROVEN_MISSING).for_each(|_| pace.record_missing(Awaited::List, ms(400), TIMEOUT));
        pace.record_arrival(Awaited::List, ms(70));
        assert!(pace.is_proven_missing(Awaited::List), "a usual time for a list");
        pace.record_arrival(Awaited::List, ms(140));
        assert!(!pace.is_proven_missing(Awaited::List));
    }

    #[test]
    fn a_quick_server_that_leaves_connections_open_is_not_waited_for_each_time() {
        let longest = ms(100);
        let (quick, slow) = (pace_of(Awaited::Reply, &[1, 2, 1]), pace_of(Awaited::Reply, &[40, 50, 40]));
        for pace in [&quick, &slow] {
            (1..PROVEN_LEFT_OPEN).for_each(|_| pace.record_close_after_leave(false));
            assert_eq!(pace.close_wait_after_leave(longest), longest);
            pace.record_close_after_leave(false);
        }
        assert_eq!(quick.close_wait_after_leave(longest), BRIEF_CLOSE);
        assert_eq!(slow.close_wait_after_leave(longest), longest, "it may be late");
        quick.record_close_after_leave(true);
        assert_eq!(quick.close_wait_after_leave(longest), longest);
    }

    #[test]
    fn an_optional_event_is_waited_for_as_long_as_it_usually_takes() {
        let longest = ms(300);
        assert_eq!(ServerPace::default().optional_wait(Awaited::List, longest), longest);
        assert_eq!(pace_of(Awaited::List, &[1, 2, 1]).optional_wait(Awaited::List, longest), SHORTEST_OPTIONAL);
        assert_eq!(pace_of(Awaited::List, &[12, 12, 12]).optional_wait(Awaited::List, longest), ms(120));
        assert_eq!(ServerPace::default().brief_wait(ms(10)), ms(10));
        let pace = ServerPace::default();
        (0..3).for_each(|_| pace.record_arrival(Awaited::Reply, Duration::from_micros(300)));
        assert_eq!(pace.brief_wait(ms(10)), ms(3));
        // A server that merges lists sends them later.
        assert_eq!(pace_of(Awaited::List, &[200, 190, 200]).optional_wait(Awaited::List, longest), longest);
    }

    /// One user is not answered, and others are: the server is not busy, unless it still works on what that user sent.
    #[test]
    fn a_silence_beside_others_who_are_served_is_judged_early() {
        let pace = pace_of(Awaited::Reply, &[1, 2, 1]);
        let wait = |sent| pace.full_wait(Awaited::Reply, FenceResult::OthersServed(ms(2)), sent, TIMEOUT);
        assert_eq!(wait(3), SHORTEST_UNPROVEN);
        assert_eq!(wait(300), ms(1200));
        assert_eq!(wait(u32::MAX), TIMEOUT);
        let pondering = pace_of(Awaited::Reply, &[5, 5, 6]);
        assert_eq!(pondering.full_wait(Awaited::Reply, FenceResult::OthersServed(ms(6)), 100, TIMEOUT), TIMEOUT);
        // A busy machine delays the others too.
        assert_eq!(pace.full_wait(Awaited::Reply, FenceResult::OthersServed(ms(70)), 3, TIMEOUT), ms(1400));
        let unknown = ServerPace::default();
        assert_eq!(unknown.full_wait(Awaited::Reply, FenceResult::OthersServed(ms(1)), 1, TIMEOUT), TIMEOUT);
    }

    #[test]
    fn the_timeout_of_the_user_is_the_limit() {
        let pace = pace_of(Awaited::Reply, &[1, 1, 1]);
        assert_eq!(pace.full_wait(Awaited::Reply, FenceResult::Complete(ms(1)), 1, ms(50)), ms(50));
    }

    #[test]
    fn fences_that_never_arrive_are_given_up() {
        let pace = ServerPace::default();
        for _ in 0..MOST_MISSING {
            pace.record_fence(false);
        }
        assert!(!pace.fences_work());
        pace.record_fence(true);
        assert!(pace.fences_work());
    }
}
