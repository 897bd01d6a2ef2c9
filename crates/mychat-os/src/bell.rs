//! Wakes a thread that waits for its sockets.

use std::io;
use std::sync::Arc;
use std::task::Wake;

use mio::{Registry, Token, Waker};

/// Makes whoever waits at a registry take a turn, from any thread.
#[derive(Debug)]
pub struct Bell(Waker);

impl Bell {
    /// One that is heard there as an event of this token. A registry has one bell.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Waker::new(registry, token).map(Self)
    }

    /// Rings it.
    pub fn ring(&self) {
        // The kernel refuses only what is impossible here: a counter of 2^64 that nobody has read.
        let _ = self.0.wake();
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
