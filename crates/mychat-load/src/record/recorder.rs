//! Latencies and counts of one worker over one interval: plain memory of its own, no lock and no allocation a sample.
//!
//! Everything is kept by *cell*: stage × group × kind of action. Any figure that a report or an expectation asks for is
//! a sum over cells, so that nothing is recorded twice and no percentile is ever made of percentiles.

use hdrhistogram::Histogram;

use crate::plan::Nanos;

/// The longest latency that is told apart, in microseconds; longer ones count as this and as overflow.
pub const LONGEST_US: u64 = 60_000_000;

/// A latency distribution in microseconds, to three digits.
#[derive(Debug, Clone)]
pub struct Latency {
    /// The distribution.
    pub histogram: Histogram<u64>,
    /// How many were longer than [`LONGEST_US`].
    pub overflow: u64,
}

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("these bounds are legal");
        Self { histogram, overflow: 0 }
    }
}

impl Latency {
    /// Records one sample. Anything below a microsecond counts as one.
    pub fn record(&mut self, nanos: Nanos) {
        self.record_all(nanos, 1);
    }

    fn record_all(&mut self, nanos: Nanos, count: u64) {
        let micros = nanos.div_ceil(1000).max(1);
        if micros > LONGEST_US {
            self.overflow += count;
        }
        self.histogram.saturating_record_n(micros, count);
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("all have the same bounds");
        self.overflow += other.overflow;
    }

    /// Takes samples away that were recorded here.
    pub fn take_away(&mut self, part: &Self) {
        self.histogram.subtract(&part.histogram).expect("a part is never more than the whole");
        self.overflow -= part.overflow;
    }

    /// How many samples there are.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Clock {
    /// Intended connection to `CONNECT_ACK|OK`.
    Connect,
    /// Intended request to its direct answer.
    Ack,
    /// Intended send to arrival, at each recipient.
    Delivery,
    /// Hand-over to arrival.
    Service,
    /// Intended send to hand-over.
    Lateness,
    /// Intended send of a broadcast to its arrival at the first of its recipients.
    DeliveryFirst,
    /// The same to the last of them.
    DeliveryLast,
    /// From the first to the last.
    DeliverySpread,
    /// Welcome of a user to the last of the others having a list with it.
    Roster,
}

/// Clocks in the order of a cell's latencies.
pub const CLOCKS: [Clock; 9] = [
    Clock::Connect,
    Clock::Ack,
    Clock::Delivery,
    Clock::Service,
    Clock::Lateness,
    Clock::DeliveryFirst,
    Clock::DeliveryLast,
    Clock::DeliverySpread,
    Clock::Roster,
];

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the metrics of scenarios/README.md, under their names")]
pub enum Count {
    Scheduled,
    Sent,
    Delivered,
    Duplicated,
    Reordered,
    Misrouted,
    Corrupted,
    WrongReplies,
    Errors,
    Disconnects,
    /// Users that were there and missing in somebody's last list.
    Unlisted,
    Connected,
    Refused,
    /// A user that came back was refused because its name was not free yet.
    RefusedReturns,
    /// Scheduled, and not handed over because the server did not read what was sent before.
    Blocked,
    /// A message of another run or program on the same server.
    Strangers,
    /// A private message to somebody around its coming or going, answered by 404.
    Unreachable,
}

const COUNTS: usize = Count::Unreachable as usize + 1;

/// One cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    latencies: [Option<Box<Latency>>; CLOCKS.len()],
    counts: [u64; COUNTS],
}

impl Cell {
    /// A latency, if there is a sample of it.
    pub fn latency(&self, clock: Clock) -> Option<&Latency> {
        self.latencies[clock as usize].as_deref().filter(|latency| latency.count() > 0)
    }

    /// A count.
    pub fn count(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    /// Records a delivery: the one that happens millions of times a second.
    pub fn delivery(&mut self, response: Nanos, service: Option<Nanos>) {
        self.counts[Count::Delivered as usize] += 1;
        self.latencies[Clock::Delivery as usize].get_or_insert_default().record(response);
        if let Some(service) = service {
            self.latencies[Clock::Service as usize].get_or_insert_default().record(service);
        }
    }

    /// Adds another cell.
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

/// Where something belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Index of the stage, or [`Shape::join`].
    pub stage: u16,
    /// Index of the group.
    pub group: u16,
    /// Index into [`mychat_scenario::model::Action::NAMES`], [`Shape::NO_ACTION`], or what [`Place::closed`] makes of one.
    pub action: u16,
}

impl Place {
    /// The place of the same message where its sender waits for one to arrive before it sends the next. Kept apart:
    /// such a sender goes easy on a slow server, and its latencies flatter it.
    #[must_use]
    pub const fn closed(self) -> Self {
        Self { action: self.action + Shape::NO_ACTION + 1, ..self }
    }

    /// Whether it is of a closed loop.
    pub const fn is_closed(self) -> bool {
        self.action > Shape::NO_ACTION
    }

    /// Index of the action, whatever loop it is in.
    pub const fn kind(self) -> usize {
        (self.action % (Shape::NO_ACTION + 1)) as usize
    }
}

/// How many cells there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Stages of the load; one more cell is for joining.
    pub stages: u16,
    /// Groups.
    pub groups: u16,
}

impl Shape {
    /// The action of what belongs to none: connecting, leaving.
    pub const NO_ACTION: u16 = mychat_scenario::model::Action::NAMES.len() as u16;

    /// The stage of what happens before the load.
    pub const fn join(self) -> u16 {
        self.stages
    }

    const ACTIONS: usize = 2 * (Self::NO_ACTION as usize + 1);

    fn cells(self) -> usize {
        (usize::from(self.stages) + 1) * usize::from(self.groups) * Self::ACTIONS
    }

    fn index(self, place: Place) -> usize {
        (usize::from(place.stage) * usize::from(self.groups) + usize::from(place.group)) * Self::ACTIONS
            + usize::from(place.action)
    }

    fn place(self, index: usize) -> Place {
        let (rest, action) = (index / Self::ACTIONS, index % Self::ACTIONS);
        let groups = usize::from(self.groups);
        Place { stage: (rest / groups) as u16, group: (rest % groups) as u16, action: action as u16 }
    }
}

/// All cells of one worker, or of all together.
#[derive(Debug, Clone)]
pub struct Recorder {
    shape: Shape,
    cells: Vec<Option<Box<Cell>>>,
}

impl Recorder {
    /// An empty one.
    pub fn new(shape: Shape) -> Self {
        Self { shape, cells: vec![None; shape.cells()] }
    }

    /// The cell of this place.
    pub fn cell(&mut self, place: Place) -> &mut Cell {
        let index = self.shape.index(place);
        self.cells[index].get_or_insert_default()
    }

    /// Records a latency.
    pub fn time(&mut self, place: Place, clock: Clock, nanos: Nanos) {
        self.cell(place).latencies[clock as usize].get_or_insert_default().record(nanos);
    }

    /// Records so many samples alike.
    pub fn time_all(&mut self, place: Place, clock: Clock, nanos: Nanos, count: u64) {
        self.cell(place).latencies[clock as usize].get_or_insert_default().record_all(nanos, count);
    }

    /// Counts something.
    pub fn count(&mut self, place: Place, count: Count) {
        self.add(place, count, 1);
    }

    /// Counts something that happened `times` times.
    pub fn add(&mut self, place: Place, count: Count, times: u64) {
        self.cell(place).counts[count as usize] += times;
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
    }

    /// How the cells are laid out.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All cells that something was recorded in.
    pub fn cells(&self) -> impl Iterator<Item = (Place, &Cell)> {
        self.cells.iter().enumerate().filter_map(|(index, cell)| Some((self.shape.place(index), cell.as_deref()?)))
    }

    /// A count over all cells that `wanted` takes.
    pub fn total(&self, count: Count, wanted: impl Fn(Place) -> bool) -> u64 {
        self.cells().filter(|(place, _)| wanted(*place)).map(|(_, cell)| cell.count(count)).sum()
    }

    /// A latency over all cells that `wanted` takes.
    pub fn latency(&self, clock: Clock, wanted: impl Fn(Place) -> bool) -> Latency {
        let mut sum = Latency::default();
        for (_, cell) in self.cells().filter(|(place, _)| wanted(*place)) {
            if let Some(latency) = cell.latency(clock) {
                sum.merge(latency);
            }
        }
        sum
    }
}
