//! Who is connected and on which worker; who receives what; one order of broadcasts for all workers.
//!
//! Workers share exactly this. A login is decided here, under one lock, so that of many that ask for a name one gets it
//! whatever worker it is on (rule U2).

mod batch;
mod directory;
mod exchange;

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mychat_proto::{Framing, RosterWriter};

pub use batch::{Batch, BatchSink, FrameKind};
pub use directory::{ClaimError, Directory, NameRegistration, SessionAddress};
pub use exchange::{Exchange, Publish};

/// What the workers share.
#[derive(Debug)]
pub struct Router {
    directory: Mutex<Directory>,
    version: AtomicU64,
    generation: AtomicU32,
    list_bytes: AtomicUsize,
    exchange: Exchange,
}

impl Router {
    /// A router with nobody in it, for so many workers, of which the first may begin alone.
    pub fn new(workers: usize, is_alone: bool, max_users: usize) -> Self {
        Self {
            directory: Mutex::new(Directory::new(max_users)),
            version: AtomicU64::new(0),
            generation: AtomicU32::new(0),
            list_bytes: AtomicUsize::new(0),
            exchange: Exchange::new(workers, is_alone),
        }
    }

    /// Gives `name` to `who`, if it is free and there is room.
    pub fn claim(&self, name: &str, who: SessionAddress) -> Result<NameRegistration, ClaimError> {
        let seat = self.directory().claim(name, who)?;
        self.list_bytes.fetch_add(name.len() + 1, Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::AcqRel);
        Ok(seat)
    }

    /// Frees the name of `seat`, if `who` still holds it (rule U6).
    pub fn release(&self, seat: &NameRegistration, who: SessionAddress) {
        if self.directory().release(seat, who) {
            self.list_bytes.fetch_sub(seat.name.len() + 1, Ordering::Relaxed);
            self.version.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The user of `seat` is elsewhere from now on.
    pub fn relocate(&self, seat: &NameRegistration, from: SessionAddress, to: SessionAddress) {
        self.directory().relocate(seat, from, to);
    }

    /// What tells the next connection from all others, whichever worker it is on.
    pub fn generation(&self) -> u32 {
        self.generation.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes how many users there may be.
    pub fn set_max_users(&self, max_users: usize) {
        self.directory().set_max_users(max_users);
    }

    /// Where the user of that name is.
    pub fn locate(&self, name: &str) -> Option<SessionAddress> {
        self.directory().locate(name)
    }

    /// Changes whenever the set of users does.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// About how many bytes a list has.
    pub fn list_bytes(&self) -> usize {
        self.list_bytes.load(Ordering::Relaxed)
    }

    /// Writes the list of users into `out`, over as many frames as it takes (rule L4), and says which version it is.
    pub fn write_list(&self, out: &mut Vec<u8>) -> u64 {
        let directory = self.directory();
        // Read under the lock: a change after this is a newer version, at worst one that is announced twice.
        let version = self.version();
        let mut writer = RosterWriter::new(out, |out, start| Framing::Lf.end(out, start));
        directory.names().for_each(|name| writer.push(name));
        writer.finish();
        version
    }

    /// Gives back the memory of a crowd that has left.
    pub fn tidy(&self) {
        self.directory().tidy();
    }

    /// Where the workers' turns are put into one order.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        // Nothing in the directory panics halfway, so a poisoned lock guards sound data.
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shared by all workers.
pub type SharedRouter = Arc<Router>;
