//! The workers at work: everybody joins, the load, the drain, and what is asked of them meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::{AFTERMATH, Conduct, Crew, Fault, LOOK, MEETING, NO_PROGRESS, OVERTIME, Phase, Slice, TICK, Watch};
use crate::engine::affinity;
use crate::engine::clock::{Clock as _, RealClock};
use crate::engine::shared::Shared;
use crate::engine::thread::{self, Hand, Order, Post, Report};
use crate::engine::worker::{Outstanding, Patience};
use crate::plan::{Nanos, nanos};
use crate::reconcile::Accounting;
use crate::record::packed::PackedLatency;
use crate::record::recorder::{Count, LatencyMetric, Recorder, Shape};

impl<'s> Crew<'s> {
    pub(super) fn start(shared: &'s Arc<Shared>, conduct: Conduct) -> Result<Self, Fault> {
        let clock = RealClock::start();
        let (report, reports) = unbounded_channel();
        let part = shared.plan.shard;
        let own_core = affinity::is_set_apart(conduct.threads);
        let (mut hands, mut threads) = (Vec::new(), Vec::new());
        for index in 0..conduct.threads {
            let (hand, orders, poll) = Hand::new().map_err(Fault::Thread)?;
            let number = part.index + part.of * index;
            shared.mail[number as usize].hang(hand.bell());
            let post = Post {
                index: number,
                count: part.of * conduct.threads,
                address: conduct.address,
                sources: Arc::clone(&conduct.sources),
                clock,
                orders,
                reports: report.clone(),
                poll,
                own_core,
            };
            let shared = Arc::clone(shared);
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || thread::run(shared, post))
                .map_err(Fault::Thread)?;
            hands.push(hand);
            threads.push(thread);
        }
        let groups = shared.plan.scenario.groups.len() as u16;
        let shape = Shape { stages: shared.plan.stages.len() as u16, groups };
        Ok(Self {
            shared,
            next_interval: nanos(conduct.interval),
            conduct,
            clock,
            hands,
            reports,
            threads,
            total: Recorder::new(shape),
            timeline: Vec::new(),
            next_look: 0,
            awaited: 0,
            interval: Recorder::new(shape),
            outstanding: Vec::new(),
            aborted: None,
        })
    }

    /// Everybody joins, and the load from its first stage to its last.
    pub(super) async fn course(&mut self, watch: &mut dyn Watch) -> Result<(), Fault> {
        let live = &self.shared.live;
        let users = u64::from(self.shared.plan.own_users());
        self.tell(|| Order::Join(0));
        while live.settled.load(Ordering::Relaxed) < users {
            self.wait(watch, Phase::Joining).await?;
        }
        if live.connected.load(Ordering::Relaxed) == 0 {
            // Nobody is there to do anything.
            return Ok(());
        }
        self.meet(watch).await?;
        while self.awaited > 0 {
            self.wait(watch, Phase::Joining).await?;
        }
        let start = self.clock.now() + nanos(TICK);
        // An interval ends where the load begins: what came before belongs to joining alone.
        self.end_interval(start);
        // Where several workers send, none may hear of a message before it knows when the load began.
        self.shared.load_start.get_or_init(|| start);
        self.shared.promise(start);
        self.tell(|| Order::Load(start));
        let end = start + self.shared.plan.end();
        loop {
            let now = self.clock.now();
            let done = live.acting.load(Ordering::Relaxed) == 0 || now > end + OVERTIME;
            if now >= end && done || self.aborted.is_some() {
                return Ok(());
            }
            self.wait(watch, Phase::Load(now.saturating_sub(start))).await?;
        }
    }

    /// Waits until the server's list shows the users of all other machines: they begin together without a common clock,
    /// and whoever is in a list before the load is owed all of it.
    async fn meet(&mut self, watch: &mut dyn Watch) -> Result<(), Fault> {
        let others = self.shared.plan.users.len() as u64 - u64::from(self.shared.plan.own_users());
        let until = self.clock.now() + MEETING;
        loop {
            let seen = self.shared.live.others.load(Ordering::Relaxed);
            if seen >= others {
                return Ok(());
            }
            if self.clock.now() > until {
                return Err(Fault::Alone { seen, others });
            }
            self.wait(watch, Phase::Joining).await?;
        }
    }

    pub(super) fn load_start(&self) -> Option<Nanos> {
        self.shared.load_start.get().copied()
    }

    /// Waits until everything owed has come, or nothing has come for a while.
    pub(super) async fn drain(&mut self, watch: &mut dyn Watch) -> Result<(), Fault> {
        // Once every worker has answered this, none of them is in the middle of sending any more.
        self.outstanding(None, watch).await?;
        let books = Arc::new(Accounting::new(&self.shared.plan, &self.shared.sent));
        let mut patience = Patience::new(nanos(self.shared.timeout).max(NO_PROGRESS), self.clock.now());
        loop {
            let asked = self.clock.now();
            let (outstanding, now) = (self.outstanding(Some(&books), watch).await?, self.clock.now());
            if outstanding.owed == 0 {
                break;
            }
            if patience.is_over(outstanding, now) {
                return Ok(());
            }
            // Asking takes a worker's time: nine tenths of it are left for reading.
            while self.clock.now() < now + 9 * (now - asked) {
                self.wait(watch, Phase::Draining).await?;
            }
        }
        let until = self.clock.now() + AFTERMATH;
        while self.load_start().is_some() && self.clock.now() < until {
            self.wait(watch, Phase::Draining).await?;
        }
        Ok(())
    }

    /// Asks every worker what is outstanding.
    async fn outstanding(
        &mut self,
        books: Option<&Arc<Accounting>>,
        watch: &mut dyn Watch,
    ) -> Result<Outstanding, Fault> {
        self.outstanding.clear();
        self.tell(|| Order::Outstanding(books.map(Arc::clone)));
        while self.outstanding.len() < self.hands.len() {
            self.wait(watch, Phase::Draining).await?;
        }
        Ok(self.outstanding.iter().copied().sum())
    }

    pub(super) fn tell(&self, order: impl Fn() -> Order) {
        for hand in &self.hands {
            hand.give(order());
        }
    }

    /// Lets a little time pass, takes reports, keeps the timeline and the live view up to date.
    async fn wait(&mut self, watch: &mut dyn Watch, phase: Phase) -> Result<(), Fault> {
        let pause = pause(self.clock.now(), self.next_interval, self.awaited > 0);
        let until = tokio::time::Instant::now() + pause;
        loop {
            let report = tokio::select! {
                () = tokio::time::sleep_until(until) => break,
                report = self.reports.recv() => report.ok_or(Fault::Died)?,
            };
            match report {
                Report::Interval(recorded) => {
                    self.interval.merge(&recorded);
                    self.awaited -= 1;
                    if self.awaited == 0 {
                        self.aborted = self.aborted.or(watch.interval(self.shared, &self.interval));
                        self.close_interval(self.next_interval);
                        if let Some(slice) = self.timeline.last() {
                            watch.slice(self.shared, slice);
                        }
                        self.next_interval += nanos(self.conduct.interval);
                    }
                }
                Report::Outstanding(count) => {
                    self.outstanding.push(count);
                    break;
                }
                Report::Failed(error) => return Err(Fault::Thread(error)),
                Report::Seen(_) => return Err(Fault::Died),
            }
        }
        let now = self.clock.now();
        if self.awaited == 0 && now >= self.next_interval {
            self.end_interval_in_time(now);
        }
        if now >= self.next_look {
            self.next_look = now + LOOK;
            watch.look(phase, self.shared, self.timeline.last());
        }
        Ok(())
    }

    /// Ends an interval whose time has come. The one that ends with the load takes in what is still under way, as long as
    /// that is less than half an interval: nobody wants a line about some milliseconds.
    fn end_interval_in_time(&mut self, now: Nanos) {
        let (at, length) = (self.next_interval, nanos(self.conduct.interval));
        let end = self.load_start().map(|start| start + self.shared.plan.end());
        let is_last = end.is_some_and(|end| at + nanos(TICK) >= end && at < end + length);
        if !is_last {
            self.end_interval(at);
        } else if now >= at + length / 2 {
            self.end_interval(now);
        }
    }

    /// Asks every worker for what it recorded up to now: the interval is said to end at `at`, and the next one follows.
    fn end_interval(&mut self, at: Nanos) {
        self.next_interval = at;
        self.awaited = self.hands.len();
        let shape = self.total.shape();
        self.tell(|| Order::Interval(Box::new(Recorder::new(shape))));
    }

    /// Adds what an interval recorded to the total and to the timeline.
    pub(super) fn close_interval(&mut self, at: Nanos) {
        let middle = at.saturating_sub(nanos(self.conduct.interval) / 2);
        let stage =
            self.load_start().filter(|start| middle >= *start).map(|start| self.shared.plan.stage_at(middle - start));
        self.timeline.push(Slice {
            at,
            stage,
            connected: self.shared.live.connected.load(Ordering::Relaxed),
            sent: self.interval.total(Count::Sent, |_| true),
            delivered: self.interval.total(Count::Delivered, |_| true),
            errors: self.interval.total(Count::Errors, |_| true),
            delivery: PackedLatency::new(&self.interval.latency(LatencyMetric::Delivery, |_| true)),
            lateness: PackedLatency::new(&self.interval.latency(LatencyMetric::Lateness, |_| true)),
        });
        self.total.merge(&self.interval);
        // Not emptied: it would keep the histograms of all stages that are over.
        self.interval = Recorder::new(self.total.shape());
    }
}

/// How long the conductor waits before it looks again: an interval ends when it is said to, or what follows a change of the
/// load would be counted before it.
fn pause(now: Nanos, next_interval: Nanos, is_ending: bool) -> Duration {
    let left = Duration::from_nanos(next_interval.saturating_sub(now));
    if is_ending || left.is_zero() { TICK } else { left.min(TICK) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_not_slept_over() {
        let ms = |ms: u64| Duration::from_millis(ms);
        assert_eq!(pause(nanos(ms(900)), nanos(ms(1000)), false), TICK);
        assert_eq!(pause(nanos(ms(993)), nanos(ms(1000)), false), ms(7), "not 13 ms into the next");
        assert_eq!(pause(nanos(ms(993)), nanos(ms(1000)), true), TICK, "the one before is still being told");
        assert_eq!(pause(nanos(ms(1001)), nanos(ms(1000)), false), TICK);
    }
}
