//! Counters: what came in, what went out, what was lost and why.
//!
//! ```text
//!   accepted messages × their recipients  =  owed
//!   owed  =  delivered to sockets  +  dropped, by reason  +  waiting
//! ```
//!
//! Each worker counts on its own paper, a [`LocalCounts`], and adds it to the common [`Metrics`] once a turn: nothing is
//! shared while messages are handled. Between turns the sums above hold exactly.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mychat_proto::ErrorCode;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The peer said `DISCONNECT` (§3.3.4).
    Disconnect,
    /// The peer closed its side.
    Closed,
    /// The connection broke.
    Broken,
    /// No name within the handshake deadline (rule U5).
    Handshake,
    /// Too much without a terminator (rule F5).
    Overrun,
    /// More bytes waited for the user than `--send-queue` or `--send-total` allows (rule M6).
    QueueFull,
    /// Nothing of what waited for the user was taken for `--send-timeout` (rule M6).
    Stalled,
    /// It was not let in: no room, or too many from its address.
    Refused,
    /// The server stopped.
    Shutdown,
}

impl EndReason {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 9] = [
        Self::Disconnect,
        Self::Closed,
        Self::Broken,
        Self::Handshake,
        Self::Overrun,
        Self::QueueFull,
        Self::Stalled,
        Self::Refused,
        Self::Shutdown,
    ];

    /// Its name on the page and in the log.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::Closed => "closed",
            Self::Broken => "broken",
            Self::Handshake => "handshake",
            Self::Overrun => "overrun",
            Self::QueueFull => "queue_full",
            Self::Stalled => "stalled",
            Self::Refused => "refused",
            Self::Shutdown => "shutdown",
        }
    }
}

/// One counter or gauge. Gauges go down by adding a negative number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Connections accepted.
    Accepted,
    /// Connections for which there was not even room to say so.
    Overrun,
    /// Times that the machine had no descriptor or memory for a connection.
    AcceptFailed,
    /// Gauge: connections that are open.
    Connections,
    /// Gauge: users that have a name.
    Users,
    /// Bytes read from peers.
    BytesIn,
    /// Bytes that sockets took.
    BytesOut,
    /// Frames read from peers, empty ones not counted.
    FramesIn,
    /// Broadcasts accepted.
    Broadcasts,
    /// Private messages accepted.
    Privates,
    /// Deliveries that the accepted messages make: one for each recipient.
    Owed,
    /// Deliveries of which the last byte was taken by the recipient's socket.
    Delivered,
    /// Gauge: deliveries that wait.
    Waiting,
    /// Deliveries to a recipient that left while the message went from worker to worker.
    DroppedGone,
    /// Gauge: bytes that wait for users whose sockets are full.
    QueueBytes,
    /// Bytes of user lists, over all recipients.
    ListBytes,
    /// Frames above `--rate`, delayed or refused.
    TooFast,
    /// Sessions that ended for this reason.
    Ended(EndReason),
    /// Deliveries that a session did not get because it ended for this reason.
    Dropped(EndReason),
    /// `ERROR` replies of this code.
    Error(ErrorCode),
    /// Broadcasts that took up to so much from their read to their last enqueue; an index of [`LATENCY`], or one more.
    Took(usize),
}

/// Counters without a reason, code or bound.
const PLAIN: usize = 17;
const ENDED: usize = PLAIN;
const DROPPED: usize = ENDED + EndReason::ALL.len();
const ERRORS: usize = DROPPED + EndReason::ALL.len();
const TOOK: usize = ERRORS + ErrorCode::ALL.len();
const COUNTS: usize = TOOK + LATENCY.len() + 1;

/// Upper bounds of the latency of a broadcast, in microseconds; what is beyond goes into one more counter.
pub const LATENCY: [u64; 12] = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000, 250_000, 1_000_000];

impl Counter {
    const fn index(self) -> usize {
        match self {
            Self::Accepted => 0,
            Self::Overrun => 1,
            Self::AcceptFailed => 2,
            Self::Connections => 3,
            Self::Users => 4,
            Self::BytesIn => 5,
            Self::BytesOut => 6,
            Self::FramesIn => 7,
            Self::Broadcasts => 8,
            Self::Privates => 9,
            Self::Owed => 10,
            Self::Delivered => 11,
            Self::Waiting => 12,
            Self::DroppedGone => 13,
            Self::QueueBytes => 14,
            Self::ListBytes => 15,
            Self::TooFast => 16,
            Self::Ended(end) => ENDED + end as usize,
            Self::Dropped(end) => DROPPED + end as usize,
            Self::Error(code) => ERRORS + code as usize,
            Self::Took(bound) => TOOK + bound,
        }
    }

    /// The counter of a broadcast that took so long.
    pub fn took(time: Duration) -> Self {
        let micros = time.as_micros() as u64;
        Self::Took(LATENCY.partition_point(|&bound| bound < micros))
    }
}

/// What one worker counted since it last told. Gauges may be negative here: they wrap, and so do the sums.
#[derive(Debug, Clone)]
pub struct LocalCounts {
    counts: [u64; COUNTS],
    latency_micros: u64,
}

impl Default for LocalCounts {
    fn default() -> Self {
        Self { counts: [0; COUNTS], latency_micros: 0 }
    }
}

impl LocalCounts {
    /// Counts so many.
    pub const fn add(&mut self, count: Counter, many: u64) {
        let counter = &mut self.counts[count.index()];
        *counter = counter.wrapping_add(many);
    }

    /// Takes so many from a gauge.
    pub const fn sub(&mut self, gauge: Counter, many: u64) {
        let counter = &mut self.counts[gauge.index()];
        *counter = counter.wrapping_sub(many);
    }

    /// What it says of a counter.
    pub const fn get(&self, count: Counter) -> u64 {
        self.counts[count.index()]
    }

    /// So many broadcasts took so long from their read to their last enqueue.
    pub fn broadcasts_took(&mut self, many: u64, time: Duration) {
        self.add(Counter::took(time), many);
        self.latency_micros += many * time.as_micros() as u64;
    }
}

/// What a server counts; shared by its threads and by whoever wants to look.
#[derive(Debug)]
pub struct Metrics {
    counts: [AtomicU64; COUNTS],
    latency_micros: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), latency_micros: AtomicU64::new(0) }
    }
}

impl Metrics {
    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.get(Counter::Accepted)
    }

    /// Sessions that ended for this reason so far.
    pub fn ended(&self, end: EndReason) -> u64 {
        self.get(Counter::Ended(end))
    }

    /// What a counter says.
    pub fn get(&self, count: Counter) -> u64 {
        self.counts[count.index()].load(Relaxed)
    }

    /// The sum of the latencies of all broadcasts, in microseconds.
    pub fn latency_micros(&self) -> u64 {
        self.latency_micros.load(Relaxed)
    }

    /// Deliveries that nobody got, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.get(Counter::DroppedGone)
            + EndReason::ALL.into_iter().map(|end| self.get(Counter::Dropped(end))).sum::<u64>()
    }

    /// Counts one at once: for what is rare, and for what somebody may be waiting to see.
    pub(crate) fn count(&self, count: Counter) {
        self.counts[count.index()].fetch_add(1, Relaxed);
    }

    /// Adds what a worker counted and leaves it an empty paper.
    pub(crate) fn absorb(&self, tally: &mut LocalCounts) {
        for (sum, counted) in self.counts.iter().zip(&mut tally.counts) {
            if *counted != 0 {
                sum.fetch_add(std::mem::take(counted), Relaxed);
            }
        }
        if tally.latency_micros != 0 {
            self.latency_micros.fetch_add(std::mem::take(&mut tally.latency_micros), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_place_of_its_own() {
        let mut all: Vec<usize> = (0..=LATENCY.len()).map(|bound| Counter::Took(bound).index()).collect();
        all.extend(EndReason::ALL.iter().flat_map(|&end| [Counter::Ended(end).index(), Counter::Dropped(end).index()]));
        all.extend(ErrorCode::ALL.iter().map(|&code| Counter::Error(code).index()));
        all.extend(0..PLAIN);
        all.sort_unstable();
        assert_eq!(all, (0..COUNTS).collect::<Vec<_>>());
    }

    #[test]
    fn a_gauge_goes_up_and_down_over_several_papers() {
        let (metrics, mut one, mut two) = (Metrics::default(), LocalCounts::default(), LocalCounts::default());
        one.add(Counter::Users, 3);
        two.sub(Counter::Users, 2);
        metrics.absorb(&mut two);
        metrics.absorb(&mut one);
        metrics.absorb(&mut one);
        assert_eq!(metrics.get(Counter::Users), 1);
    }

    #[test]
    fn a_latency_is_counted_under_the_first_bound_that_holds_it() {
        assert_eq!(Counter::took(Duration::from_micros(50)), Counter::Took(0));
        assert_eq!(Counter::took(Duration::from_micros(51)), Counter::Took(1));
        assert_eq!(Counter::took(Duration::from_secs(2)), Counter::Took(LATENCY.len()));
    }
}
