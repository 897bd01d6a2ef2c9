//! Wakes a thread that waits for its sockets.

use std::io;
use std::sync::Arc;
use std::task::Wake;

use mio::{Registry, Token, Waker};

/// Makes the thread that waits in a poll return from it. Any thread may call it.
///
/// The wake-up goes through the kernel (an eventfd or its equivalent), which orders it: what the calling thread wrote
/// before [`wake`](Self::wake) is visible to the woken thread after its poll returns. A wake-up before the thread waits
/// is kept and makes its next poll return at once, so none is lost.
#[derive(Debug)]
pub struct ThreadWaker(Waker);

impl ThreadWaker {
    /// Registers a waker whose wake-ups arrive as events of `token`. A registry can have one waker.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Waker::new(registry, token).map(Self)
    }

    /// Wakes the thread.
    pub fn wake(&self) {
        // The kernel refuses only if its 64-bit counter would overflow, which takes 2^64 unread wake-ups.
        let _ = self.0.wake();
    }
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        Self::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Self::wake(self);
    }
}
