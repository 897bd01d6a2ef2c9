//! Connections that this machine cannot make: their users stay out, and the server is not blamed.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::connection::ConnRole;
use crate::engine::user::UserState;
use crate::engine::wire::{ConnId, Wire};

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Called when a connection could not be made because of a limit of this machine, such as its ports.
    pub fn open_limited(&mut self, conn: ConnId, limit: &'static str) {
        let Some(role) = self.remove_connection(conn) else { return };
        self.recording.local_failures.add(limit);
        let ConnRole::User(index) = role else { return };
        let user = &mut self.users[index];
        user.login.conn = None;
        user.login.due_at = None;
        user.login.state = UserState::Evicted;
        if user.sessions == 0 {
            self.recording.shared.live.logins_done.fetch_add(1, Ordering::Relaxed);
        }
    }
}
