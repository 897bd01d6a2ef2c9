//! The state that all workers share: names, the recipients of a message, and the order of broadcasts.
//!
//! A login is decided here, under one lock: if several sessions ask for one name, on any workers, exactly one gets it
//! (rule U2).

mod address;
mod batch;
mod directory;
mod exchange;

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mychat_proto::{Framing, RosterWriter};

pub use address::{SessionAddress, SessionKey};
pub use batch::FrameKind;
pub(crate) use batch::{Batch, BatchSink, RoomEvent};
pub use directory::{ClaimError, Directory, NameRegistration};
pub(crate) use exchange::{Exchange, Publish};

/// A router that all workers hold.
pub(crate) type SharedRouter = Arc<Router>;

/// The names in use and the exchange between the workers.
#[derive(Debug)]
pub(crate) struct Router {
    directory: Mutex<Directory>,
    /// Incremented with each change of the set of users.
    version: AtomicU64,
    next_generation: AtomicU32,
    /// The sum over all names of their bytes and one separator each.
    roster_bytes: AtomicUsize,
    exchange: Exchange,
}

impl Router {
    /// Creates a router without users for `workers` workers. If `single_worker` is true, worker 0 starts as the only one
    /// with sessions.
    pub(crate) fn new(workers: usize, single_worker: bool, max_users: usize) -> Self {
        Self {
            directory: Mutex::new(Directory::new(max_users)),
            version: AtomicU64::new(0),
            next_generation: AtomicU32::new(0),
            roster_bytes: AtomicUsize::new(0),
            exchange: Exchange::new(workers, single_worker),
        }
    }

    /// Registers `name` for the session at `holder`, if the name is free and the server is not full.
    pub(crate) fn claim(&self, name: &str, holder: SessionAddress) -> Result<NameRegistration, ClaimError> {
        let registration = self.directory().claim(name, holder)?;
        self.roster_bytes.fetch_add(name.len() + 1, Ordering::Relaxed);
        // A worker that reads this version (`Acquire` in `version`) and then locks the directory finds the name there.
        self.version.fetch_add(1, Ordering::AcqRel);
        Ok(registration)
    }

    /// Frees the name of `registration` if `holder` still has it (rule U6).
    pub(crate) fn release(&self, registration: &NameRegistration, holder: SessionAddress) {
        if self.directory().release(registration, holder) {
            self.roster_bytes.fetch_sub(registration.name.len() + 1, Ordering::Relaxed);
            self.version.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Records that the session of `registration` moved from one address to another.
    pub(crate) fn relocate(&self, registration: &NameRegistration, from: SessionAddress, to: SessionAddress) {
        self.directory().relocate(registration, from, to);
    }

    /// Returns a number that no other open connection has, on any worker. It only has to be unique, so `Relaxed`
    /// suffices.
    pub(crate) fn next_generation(&self) -> u32 {
        self.next_generation.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes the limit of users. Users above it keep their names.
    pub(crate) fn set_max_users(&self, max_users: usize) {
        self.directory().set_max_users(max_users);
    }

    /// Returns the address of the session that has `name`.
    pub(crate) fn locate(&self, name: &str) -> Option<SessionAddress> {
        self.directory().locate(name)
    }

    /// Returns the version of the set of users; each login and each departure gives a new one.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns about how many bytes a roster has. It is an estimate for budgets, so `Relaxed` suffices.
    pub(crate) fn roster_bytes(&self) -> usize {
        self.roster_bytes.load(Ordering::Relaxed)
    }

    /// Appends the roster to `out`, as one frame or several (rule L4), and returns its version.
    pub(crate) fn write_roster(&self, out: &mut Vec<u8>) -> u64 {
        let directory = self.directory();
        // Read under the lock. A change right after it has a newer version, so at worst a roster is sent twice.
        let version = self.version();
        let mut writer = RosterWriter::new(out, |out, start| Framing::Lf.end(out, start));
        directory.names().for_each(|name| writer.push(name));
        writer.finish();
        version
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&self) {
        self.directory().shrink();
    }

    /// Returns the exchange that puts the workers' batches into one order.
    pub(crate) const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        // No method of the directory panics halfway through a change, so a poisoned lock guards sound data.
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
