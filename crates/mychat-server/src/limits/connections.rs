//! The number of open connections, in total and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections above the capacity that are accepted only to be told that the server is full. Further ones are closed
/// without a reply.
const REFUSAL_SLOTS: usize = 32;

/// Descriptors that are not for connections: listeners, the runtime's own, standard streams, and some to spare.
const RESERVED_DESCRIPTORS: usize = 128;

/// Returns how many connections the process may have, and raises its soft limit of descriptors to the hard limit.
pub(crate) fn raise_connection_capacity() -> usize {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(descriptors).unwrap_or(usize::MAX).saturating_sub(RESERVED_DESCRIPTORS).max(16)
}

/// Counts open connections and decides about new ones.
///
/// Worker 0 admits connections; every worker drops permits; the thread that runs the server changes the limit per
/// address. The two atomics are a counter and a setting that guard no other memory, so `Relaxed` suffices. A decision may
/// use a limit that is being changed at the same time.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    open: AtomicUsize,
    capacity: usize,
    /// The limit per address, 0 for none.
    max_per_address: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// The decision about a new connection.
#[derive(Debug)]
pub(crate) enum AdmissionDecision {
    /// The connection may stay.
    Admit(ConnectionPermit),
    /// The server is full; the connection gets an error reply.
    ServerFull(ConnectionPermit),
    /// The address has as many connections as it may; the connection gets an error reply.
    AddressFull(ConnectionPermit),
    /// Even the slots for error replies are used up; the connection is closed without one.
    Drop,
}

impl ConnectionLimiter {
    /// Creates a limiter for `capacity` connections.
    pub(crate) fn new(capacity: usize, max_per_address: Option<NonZeroUsize>) -> Arc<Self> {
        let limiter = Self {
            open: AtomicUsize::new(0),
            capacity,
            max_per_address: AtomicUsize::new(0),
            by_address: Mutex::default(),
        };
        limiter.set_max_per_address(max_per_address);
        Arc::new(limiter)
    }

    /// Changes the limit per address. Without a limit connections are not counted by address; those that are open when
    /// the first limit is set are counted later, by [`ConnectionPermit::count`].
    pub(crate) fn set_max_per_address(&self, limit: Option<NonZeroUsize>) {
        self.max_per_address.store(limit.map_or(0, NonZeroUsize::get), Relaxed);
    }

    /// Counts a new connection from `address` and decides about it.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> AdmissionDecision {
        let open_before = self.open.fetch_add(1, Relaxed);
        let mut permit = ConnectionPermit { limiter: Arc::clone(self), address: None };
        if open_before >= self.capacity + REFUSAL_SLOTS {
            return AdmissionDecision::Drop;
        }
        if open_before >= self.capacity {
            return AdmissionDecision::ServerFull(permit);
        }
        let limit = self.max_per_address.load(Relaxed);
        if limit > 0 {
            permit.count(address);
            if self.by_address().get(&address.to_canonical()).is_some_and(|&count| count > limit) {
                permit.uncount();
                return AdmissionDecision::AddressFull(permit);
            }
        }
        AdmissionDecision::Admit(permit)
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // No change of the map panics halfway, so a poisoned lock guards sound data.
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one open connection, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    /// The address under which the connection is counted. Boxed, because most servers have no limit per address and an
    /// idle session should cost little memory.
    address: Option<Box<IpAddr>>,
}

impl ConnectionPermit {
    /// Counts the connection by its address, unless that has been done.
    pub(crate) fn count(&mut self, address: IpAddr) {
        if self.address.is_none() {
            // ::ffff:10.0.0.1 and 10.0.0.1 are one peer.
            let address = address.to_canonical();
            *self.limiter.by_address().entry(address).or_insert(0) += 1;
            self.address = Some(Box::new(address));
        }
    }

    fn uncount(&mut self) {
        let Some(address) = self.address.take() else { return };
        let mut counts = self.limiter.by_address();
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
        self.limiter.open.fetch_sub(1, Relaxed);
        self.uncount();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_a_permit_frees_its_place() {
        let limiter = ConnectionLimiter::new(10, NonZeroUsize::new(1));
        let v4: IpAddr = "10.0.0.1".parse().unwrap();
        let AdmissionDecision::Admit(permit) = limiter.admit(v4) else { panic!("the first is admitted") };
        let mapped = "::ffff:10.0.0.1".parse().unwrap();
        assert!(matches!(limiter.admit(mapped), AdmissionDecision::AddressFull(_)));
        assert!(matches!(limiter.admit("10.0.0.2".parse().unwrap()), AdmissionDecision::Admit(_)));
        drop(permit);
        assert!(matches!(limiter.admit(v4), AdmissionDecision::Admit(_)));
        assert_eq!(limiter.open.load(Relaxed), 0, "every permit above was dropped");
    }

    #[test]
    fn a_connection_from_before_the_limit_per_address_is_counted_afterwards() {
        let limiter = ConnectionLimiter::new(10, None);
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let AdmissionDecision::Admit(mut early) = limiter.admit(address) else { panic!("no limit yet") };
        limiter.set_max_per_address(NonZeroUsize::new(1));
        (0..2).for_each(|_| early.count(address));
        assert!(matches!(limiter.admit(address), AdmissionDecision::AddressFull(_)));
        drop(early);
        assert!(matches!(limiter.admit(address), AdmissionDecision::Admit(_)));
        assert!(limiter.by_address().is_empty(), "every permit above was dropped");
    }

    #[test]
    fn above_the_capacity_some_connections_are_refused_and_the_rest_dropped() {
        let limiter = ConnectionLimiter::new(1, None);
        let address = "::1".parse().unwrap();
        let decisions: Vec<AdmissionDecision> = (0..=REFUSAL_SLOTS).map(|_| limiter.admit(address)).collect();
        assert!(matches!(decisions[0], AdmissionDecision::Admit(_)));
        assert!(decisions[1..].iter().all(|decision| matches!(decision, AdmissionDecision::ServerFull(_))));
        assert!(matches!(limiter.admit(address), AdmissionDecision::Drop));
    }
}
