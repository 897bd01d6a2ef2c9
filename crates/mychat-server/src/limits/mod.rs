//! Rates and caps: a byte budget that may run into debt, and the gate that counts connections.

pub mod memory;
pub mod rate;

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Credit is kept for this much of idle time, so that a quiet server can afford a short burst.
const CREDIT: Duration = Duration::from_millis(250);

/// Bytes per second, spent before they are earned: whoever is in credit may spend any amount, and the next one waits
/// until the debt is paid. So the first of something large is never late, and the average holds.
#[derive(Debug, Clone)]
pub struct ByteBudget {
    per_second: f64,
    balance: f64,
    as_of: Instant,
}

impl ByteBudget {
    /// A budget in full credit.
    pub fn new(per_second: NonZeroUsize, now: Instant) -> Self {
        let per_second = per_second.get() as f64;
        Self { per_second, balance: per_second * CREDIT.as_secs_f64(), as_of: now }
    }

    /// Changes what is earned from now on.
    pub const fn set_rate(&mut self, per_second: NonZeroUsize) {
        self.per_second = per_second.get() as f64;
    }

    /// When something may be spent: `now` or later.
    pub fn open_at(&mut self, now: Instant) -> Instant {
        let earned = now.saturating_duration_since(self.as_of).as_secs_f64() * self.per_second;
        self.balance = (self.balance + earned).min(self.per_second * CREDIT.as_secs_f64());
        self.as_of = now;
        if self.balance > 0.0 {
            return now;
        }
        // A byte more than the debt, so that rounding does not wake anybody a moment too early.
        now + Duration::from_secs_f64(((1.0 - self.balance) / self.per_second).min(3600.0))
    }

    /// Whether so much can be spent without running into debt.
    pub fn affords(&self, bytes: usize) -> bool {
        bytes as f64 <= self.balance
    }

    /// Takes `bytes` from the balance.
    pub fn spend(&mut self, bytes: usize) {
        self.balance -= bytes as f64;
    }
}

/// Counts the connections that are open, in all and by address.
#[derive(Debug)]
pub struct ConnectionLimiter {
    open: AtomicUsize,
    room: usize,
    /// 0 for any number.
    per_address: AtomicUsize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// Connections beyond the room that are let in just to be told so; further ones are closed without a word.
const PORCH: usize = 32;

/// What the gate says to a new connection.
#[derive(Debug)]
pub enum AdmissionDecision {
    /// Come in.
    Admit(ConnectionPermit),
    /// There is no room for it; there is time to say so.
    ServerFull(ConnectionPermit),
    /// Its address has as many connections as one may have.
    AddressFull(ConnectionPermit),
    /// There is not even room to say so.
    Drop,
}

impl ConnectionLimiter {
    /// A gate for `room` connections.
    pub fn new(room: usize, per_address: Option<NonZeroUsize>) -> Arc<Self> {
        let gate = Self { open: AtomicUsize::new(0), room, per_address: AtomicUsize::new(0), counts: Mutex::default() };
        gate.set_per_address(per_address);
        Arc::new(gate)
    }

    /// Changes the cap per address. While there is none nobody is counted: those that are in when the first one comes
    /// are counted later, by [`ConnectionPermit::count`].
    pub fn set_per_address(&self, cap: Option<NonZeroUsize>) {
        self.per_address.store(cap.map_or(0, NonZeroUsize::get), Relaxed);
    }

    /// Judges one more connection from `address`.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> AdmissionDecision {
        let before = self.open.fetch_add(1, Relaxed);
        let mut permit = ConnectionPermit { gate: Arc::clone(self), address: None };
        if before >= self.room + PORCH {
            return AdmissionDecision::Drop;
        }
        if before >= self.room {
            return AdmissionDecision::ServerFull(permit);
        }
        let cap = self.per_address.load(Relaxed);
        if cap > 0 {
            permit.count(address);
            if self.counts().get(&address.to_canonical()).is_some_and(|&count| count > cap) {
                permit.uncount();
                return AdmissionDecision::AddressFull(permit);
            }
        }
        AdmissionDecision::Admit(permit)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one connection; dropping it gives it back.
#[derive(Debug)]
pub struct ConnectionPermit {
    gate: Arc<ConnectionLimiter>,
    /// Boxed: most servers have no cap per address, and an idle user shall cost little.
    address: Option<Box<IpAddr>>,
}

impl ConnectionPermit {
    /// Counts it for the cap per address, unless it is counted already.
    pub fn count(&mut self, address: IpAddr) {
        if self.address.is_none() {
            // ::ffff:10.0.0.1 and 10.0.0.1 are one peer.
            let address = address.to_canonical();
            *self.gate.counts().entry(address).or_insert(0) += 1;
            self.address = Some(Box::new(address));
        }
    }

    fn uncount(&mut self) {
        let Some(address) = self.address.take() else { return };
        let mut counts = self.gate.counts();
        if let Some(count) = counts.get_mut(&*address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&*address);
            }
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Relaxed);
        self.uncount();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(per_second: usize) -> (ByteBudget, Instant) {
        let now = Instant::now();
        (ByteBudget::new(NonZeroUsize::new(per_second).unwrap(), now), now)
    }

    #[test]
    fn a_budget_in_credit_pays_any_amount_and_then_waits_for_the_debt() {
        let (mut budget, now) = budget(1000);
        assert_eq!(budget.open_at(now), now);
        budget.spend(2250);
        let wait = budget.open_at(now) - now;
        assert!(wait >= Duration::from_secs(2) && wait < Duration::from_millis(2010), "{wait:?}");
        assert_eq!(budget.open_at(now + wait), now + wait);
    }

    #[test]
    fn credit_does_not_pile_up() {
        let (mut budget, now) = budget(1000);
        let later = now + Duration::from_hours(1);
        assert_eq!(budget.open_at(later), later);
        budget.spend(1250);
        assert!(budget.open_at(later) >= later + Duration::from_secs(1));
    }

    #[test]
    fn a_permit_gives_its_place_back() {
        let gate = ConnectionLimiter::new(10, NonZeroUsize::new(1));
        let v4: IpAddr = "10.0.0.1".parse().unwrap();
        let AdmissionDecision::Admit(permit) = gate.enter(v4) else { panic!("the first is let in") };
        assert!(matches!(gate.enter("::ffff:10.0.0.1".parse().unwrap()), AdmissionDecision::AddressFull(_)));
        assert!(matches!(gate.enter("10.0.0.2".parse().unwrap()), AdmissionDecision::Admit(_)));
        drop(permit);
        assert!(matches!(gate.enter(v4), AdmissionDecision::Admit(_)));
        assert_eq!(gate.open.load(Relaxed), 0, "every permit above was dropped");
    }

    #[test]
    fn who_came_before_there_was_a_cap_is_counted_when_it_comes() {
        let gate = ConnectionLimiter::new(10, None);
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let AdmissionDecision::Admit(mut early) = gate.enter(address) else { panic!("no cap yet") };
        gate.set_per_address(NonZeroUsize::new(1));
        (0..2).for_each(|_| early.count(address));
        assert!(matches!(gate.enter(address), AdmissionDecision::AddressFull(_)));
        drop(early);
        assert!(matches!(gate.enter(address), AdmissionDecision::Admit(_)));
        assert!(gate.counts().is_empty(), "every permit above was dropped");
    }

    #[test]
    fn beyond_the_room_there_is_a_porch_and_then_nothing() {
        let gate = ConnectionLimiter::new(1, None);
        let address = "::1".parse().unwrap();
        let permits: Vec<AdmissionDecision> = (0..=PORCH).map(|_| gate.enter(address)).collect();
        assert!(matches!(permits[0], AdmissionDecision::Admit(_)));
        assert!(permits[1..].iter().all(|entry| matches!(entry, AdmissionDecision::ServerFull(_))));
        assert!(matches!(gate.enter(address), AdmissionDecision::Drop));
    }
}
