//! Latencies and counts of one worker over one interval. Each worker owns its recorder: no lock, no allocation per sample.
//!
//! Values are kept by *cell*: stage × group × action. Each figure of a report or an expectation is a sum over cells, so
//! nothing is recorded twice and no percentile is computed from percentiles.

use hdrhistogram::Histogram;

use crate::plan::{GroupId, Nanos, StageId};
use mychat_scenario::model::Metric;

/// The longest latency that is recorded as it is, in microseconds. Longer ones count as this value and as overflow.
pub const LONGEST_US: u64 = 60_000_000;

/// A latency distribution in microseconds, to three significant digits.
#[derive(Debug, Clone)]
pub struct Latency {
    /// The distribution.
    pub histogram: Histogram<u64>,
    /// Samples longer than [`LONGEST_US`].
    pub overflow: u64,
}

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("these bounds are legal");
        Self { histogram, overflow: 0 }
    }
}

impl Latency {
    /// Records one sample in nanoseconds, rounded up to a microsecond.
    pub fn record(&mut self, nanos: Nanos) {
        self.record_all(nanos, 1);
    }

    /// Records `count` equal samples in nanoseconds, rounded up to a microsecond.
    pub fn record_all(&mut self, nanos: Nanos, count: u64) {
        let micros = nanos.div_ceil(1000).max(1);
        if micros > LONGEST_US {
            self.overflow += count;
        }
        self.histogram.saturating_record_n(micros, count);
    }

    /// Adds the samples of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("all have the same bounds");
        self.overflow += other.overflow;
    }

    /// Removes the samples of `part`, which must have been recorded here.
    pub fn subtract(&mut self, part: &Self) {
        self.histogram.subtract(&part.histogram).expect("a part is never more than the whole");
        self.overflow -= part.overflow;
    }

    /// Returns the number of samples.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }
}

/// The latencies that are recorded. Discriminants are positions in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LatencyMetric {
    /// From the scheduled time of connecting to `CONNECT_ACK|OK`.
    Connect,
    /// From the scheduled time of a request to its direct reply.
    Ack,
    /// From the scheduled time of sending to arrival, at each recipient.
    Delivery,
    /// From the actual write to the socket to arrival.
    Service,
    /// From the scheduled time of sending to the actual write.
    Lateness,
    /// From the scheduled time of a broadcast to its arrival at the first recipient.
    DeliveryFirst,
    /// From the scheduled time of a broadcast to its arrival at the last recipient.
    DeliveryLast,
    /// From the first to the last arrival of a broadcast.
    DeliverySpread,
    /// From the welcome of a user to the arrival of a roster with it at the last of the others.
    Roster,
}

impl LatencyMetric {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::Ack,
        Self::Delivery,
        Self::Service,
        Self::Lateness,
        Self::DeliveryFirst,
        Self::DeliveryLast,
        Self::DeliverySpread,
        Self::Roster,
    ];

    /// Returns the latency behind a metric of a scenario; `None` for counts, rates and resources.
    pub const fn of(metric: Metric) -> Option<Self> {
        match metric {
            Metric::Connect => Some(Self::Connect),
            Metric::Ack => Some(Self::Ack),
            Metric::Delivery => Some(Self::Delivery),
            Metric::Service => Some(Self::Service),
            Metric::Lateness => Some(Self::Lateness),
            Metric::Roster => Some(Self::Roster),
            Metric::DeliveryFirst => Some(Self::DeliveryFirst),
            Metric::DeliveryLast => Some(Self::DeliveryLast),
            Metric::DeliverySpread => Some(Self::DeliverySpread),
            _ => None,
        }
    }
}

/// The events that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the metrics of scenarios/README.md, under their names")]
pub enum Count {
    Scheduled,
    Sent,
    Delivered,
    Duplicated,
    Reordered,
    Disordered,
    Misrouted,
    Corrupted,
    WrongReplies,
    Errors,
    Disconnects,
    /// Users that were online and missing in another user's final roster.
    MissingInRoster,
    Connected,
    Refused,
    /// A returning user was refused because its old session still held the name.
    RefusedReturns,
    /// Scheduled and not sent, because the server did not read what was sent before.
    Blocked,
    /// Messages of another run or program on the same server.
    Strangers,
    /// Private messages answered by 404 while their recipient was logging in or out.
    Unreachable,
}

const COUNTS: usize = Count::Unreachable as usize + 1;

/// The latencies and counts of one place.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    latencies: [Option<Box<Latency>>; LatencyMetric::ALL.len()],
    counts: [u64; COUNTS],
}

impl Cell {
    /// Returns a latency if it has samples.
    pub fn latency(&self, metric: LatencyMetric) -> Option<&Latency> {
        self.latencies[metric as usize].as_deref().filter(|latency| latency.count() > 0)
    }

    /// Returns a count.
    pub fn count(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    /// Records one delivery. This is the hot path: millions of calls per second.
    pub fn delivery(&mut self, response: Nanos, service: Option<Nanos>) {
        self.counts[Count::Delivered as usize] += 1;
        self.latencies[LatencyMetric::Delivery as usize].get_or_insert_default().record(response);
        if let Some(service) = service {
            self.latencies[LatencyMetric::Service as usize].get_or_insert_default().record(service);
        }
    }

    /// Adds the values of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.latencies.iter_mut().zip(&other.latencies) {
            if let Some(theirs) = theirs.as_deref().filter(|latency| latency.count() > 0) {
                mine.get_or_insert_default().merge(theirs);
            }
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }
}

/// The stage, group and action that a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The stage, or [`Shape::join`] before the load.
    pub stage: StageId,
    /// The group.
    pub group: GroupId,
    /// Index into [`mychat_scenario::model::Action::NAMES`], or [`Shape::NO_ACTION`]; [`Place::closed`] shifts either.
    pub action: u16,
}

impl Place {
    /// Returns the same place for a closed-loop sender. Closed loops are kept apart: they send less to a slow server, so
    /// their latencies look too good.
    #[must_use]
    pub const fn closed(self) -> Self {
        Self { action: self.action + Shape::NO_ACTION + 1, ..self }
    }

    /// Returns true for a place of a closed-loop sender.
    pub const fn is_closed(self) -> bool {
        self.action > Shape::NO_ACTION
    }

    /// Returns the index of the action, for open and closed loops alike.
    pub const fn kind(self) -> usize {
        (self.action % (Shape::NO_ACTION + 1)) as usize
    }
}

/// The dimensions of a recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of stages of the load. The cells of one more stage hold what happens before the load.
    pub stages: u16,
    /// Number of groups.
    pub groups: u16,
}

impl Shape {
    /// The action index of events without an action: connecting, leaving.
    pub const NO_ACTION: u16 = mychat_scenario::model::Action::NAMES.len() as u16;

    /// Returns the stage of events before the load.
    pub const fn join(self) -> StageId {
        StageId(self.stages)
    }

    const ACTIONS: usize = 2 * (Self::NO_ACTION as usize + 1);

    fn cells(self) -> usize {
        (usize::from(self.stages) + 1) * usize::from(self.groups) * Self::ACTIONS
    }

    fn index(self, place: Place) -> usize {
        (place.stage.index() * usize::from(self.groups) + place.group.index()) * Self::ACTIONS
            + usize::from(place.action)
    }

    fn place(self, index: usize) -> Place {
        let (rest, action) = (index / Self::ACTIONS, index % Self::ACTIONS);
        let groups = usize::from(self.groups);
        Place { stage: StageId((rest / groups) as u16), group: GroupId((rest % groups) as u16), action: action as u16 }
    }
}

/// The cells of one worker, or of all workers together.
#[derive(Debug, Clone)]
pub struct Recorder {
    shape: Shape,
    cells: Vec<Option<Box<Cell>>>,
}

impl Recorder {
    /// Returns a recorder without values.
    pub fn new(shape: Shape) -> Self {
        Self { shape, cells: vec![None; shape.cells()] }
    }

    /// Returns the cell of `place`.
    pub fn cell(&mut self, place: Place) -> &mut Cell {
        let index = self.shape.index(place);
        self.cells[index].get_or_insert_default()
    }

    /// Records one latency.
    pub fn time(&mut self, place: Place, metric: LatencyMetric, nanos: Nanos) {
        self.cell(place).latencies[metric as usize].get_or_insert_default().record(nanos);
    }

    /// Records the same latency `count` times.
    pub fn time_all(&mut self, place: Place, metric: LatencyMetric, nanos: Nanos, count: u64) {
        self.cell(place).latencies[metric as usize].get_or_insert_default().record_all(nanos, count);
    }

    /// Adds one to a count.
    pub fn count(&mut self, place: Place, count: Count) {
        self.add(place, count, 1);
    }

    /// Adds `times` to a count.
    pub fn add(&mut self, place: Place, count: Count, times: u64) {
        self.cell(place).counts[count as usize] += times;
    }

    /// Adds the values of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
    }

    /// Returns the dimensions.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the cells with at least one value.
    pub fn cells(&self) -> impl Iterator<Item = (Place, &Cell)> {
        self.cells.iter().enumerate().filter_map(|(index, cell)| Some((self.shape.place(index), cell.as_deref()?)))
    }

    /// Returns a count summed over the places that `filter` accepts.
    pub fn total(&self, count: Count, filter: impl Fn(Place) -> bool) -> u64 {
        self.cells().filter(|(place, _)| filter(*place)).map(|(_, cell)| cell.count(count)).sum()
    }

    /// Returns a latency merged over the places that `filter` accepts.
    pub fn latency(&self, metric: LatencyMetric, filter: impl Fn(Place) -> bool) -> Latency {
        let mut sum = Latency::default();
        for (_, cell) in self.cells().filter(|(place, _)| filter(*place)) {
            if let Some(latency) = cell.latency(metric) {
                sum.merge(latency);
            }
        }
        sum
    }
}
