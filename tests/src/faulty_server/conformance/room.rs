//! The users and what is delivered to them, under one lock.

mod lists;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::chat_rooms::ChatRooms;
use super::frames::Departure;
use super::peer::Peer;

/// A user.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: Vec<u8>,
    pub(super) peer: Arc<Peer>,
}

/// All that connections share.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) fault: String,
    users: Mutex<Vec<User>>,
    /// Connections before their login, for faults that concern them.
    unregistered: Mutex<Vec<Arc<Peer>>>,
    /// Messages for those who are not here, where the fault keeps them.
    pub(super) stored: Mutex<HashMap<Vec<u8>, Vec<Vec<u8>>>>,
    /// Names of users that have left.
    pub(super) departed: Mutex<Vec<Vec<u8>>>,
    last: Mutex<Vec<u8>>,
    /// Incomplete frames of all connections, for faults that share one buffer.
    pub(super) buffer: Mutex<Vec<u8>>,
    unlocked: AtomicBool,
    /// The rooms of the extension. Whoever locks them holds the lock of the users.
    pub(super) chat_rooms: Mutex<ChatRooms>,
    /// True if no broadcast is delivered any more, by a fault.
    pub(super) is_mute: AtomicBool,
}

impl Room {
    pub(super) fn new(fault: &str) -> Self {
        Self {
            fault: fault.to_owned(),
            users: Mutex::default(),
            unregistered: Mutex::default(),
            stored: Mutex::default(),
            departed: Mutex::default(),
            last: Mutex::default(),
            buffer: Mutex::default(),
            unlocked: AtomicBool::new(
                fault == "unlocked-writes" || fault == "name-check-race" || fault == "lost-update-race",
            ),
            chat_rooms: Mutex::new(ChatRooms::new(fault)),
            is_mute: AtomicBool::new(false),
        }
    }

    pub(super) fn has_fault(&self, fault: &str) -> bool {
        self.fault == fault
    }

    /// Returns true if the server has the extension `rooms`: the correct one, and those with a fault in it.
    pub(super) fn has_chat_rooms(&self) -> bool {
        self.fault == "rooms" || self.fault.starts_with("room-") || self.fault.starts_with("ext-")
    }

    pub(super) fn users(&self) -> MutexGuard<'_, Vec<User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unregistered(&self) -> MutexGuard<'_, Vec<Arc<Peer>>> {
        self.unregistered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy of the users, with the lock unless the fault is a race.
    fn copy_users(&self) -> (Option<MutexGuard<'_, Vec<User>>>, Vec<User>) {
        let guard = self.users();
        let copy = guard.clone();
        let keep = !self.unlocked.load(Ordering::Relaxed);
        (keep.then_some(guard), copy)
    }

    /// Registers a name unless it is taken. Returns true if it was free.
    pub(super) fn join(&self, name: &[u8], peer: &Arc<Peer>) -> bool {
        let user = User { name: name.to_vec(), peer: Arc::clone(peer) };
        if self.has_fault("lost-update-race") {
            let mut copy = self.users().clone();
            let taken = copy.iter().any(|user| user.name == name);
            std::thread::sleep(Duration::from_millis(3));
            if !taken {
                copy.push(user);
                *self.users() = copy;
                self.acknowledge(name, peer);
            }
            return !taken;
        }
        let mut users = self.users();
        if self.has_fault("dead-peer-ends-broadcast") {
            users.retain(|user| !user.peer.is_gone());
        }
        let taken =
            users.iter().any(|user| user.name == name) || self.has_fault("name-never-freed") && self.has_departed(name);
        if taken && !self.has_fault("duplicate-name-overwrites") && !self.has_fault("name-check-race") {
            return false;
        }
        if self.has_fault("name-check-race") {
            drop(users);
            if taken {
                return false;
            }
            std::thread::sleep(Duration::from_millis(3));
            users = self.users();
        }
        if self.has_fault("duplicate-name-overwrites") {
            users.retain(|user| user.name != name);
        }
        users.push(user.clone());
        if self.has_fault("listed-twice") {
            users.push(user);
        }
        self.acknowledge(name, peer);
        if self.has_fault("ack-to-all") {
            users.iter().filter(|user| user.name != name).for_each(|user| user.peer.push(b"CONNECT_ACK|OK"));
        }
        drop(users);
        true
    }

    /// Adds a connection without a user, and returns the number of those that have ended since the last login.
    pub(super) fn count_silent(&self, peer: &Arc<Peer>) -> usize {
        let mut unregistered = self.unregistered();
        let ended = unregistered.iter().filter(|peer| peer.is_gone()).count();
        unregistered.push(Arc::clone(peer));
        ended
    }

    /// All broadcasts so far, where the fault keeps them.
    pub(super) fn history(&self) -> Vec<Vec<u8>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).get(&b""[..]).cloned().unwrap_or_default()
    }

    fn has_departed(&self, name: &[u8]) -> bool {
        self.departed.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|ghost| ghost == name)
    }

    fn acknowledge(&self, name: &[u8], peer: &Arc<Peer>) {
        if self.has_fault("login-in-other-words") {
            peer.push(&[b"Welcome, ", name, b"!"].concat());
        } else if self.has_fault("ack-trailing-space") {
            peer.push(b"CONNECT_ACK|OK ");
        } else if self.has_fault("ack-lowercase") {
            peer.push(b"CONNECT_ACK|ok");
        } else if !self.has_fault("list-before-ack") {
            peer.push(b"CONNECT_ACK|OK");
        }
    }

    /// Removes the user of this connection (or, as a fault, of this name).
    pub(super) fn leave(&self, peer: &Arc<Peer>, name: &[u8], how: Departure) {
        let mut users = self.users();
        let before = users.len();
        match self.fault.as_str() {
            "refused-login-removes-user" | "late-close-removes-successor" => users.retain(|user| user.name != name),
            // The last name alone.
            "second-login-renames" | "ghost-user-ends-broadcast" => {
                if let Some(at) = users.iter().rposition(|user| Arc::ptr_eq(&user.peer, peer)) {
                    users.remove(at);
                }
            }
            _ => users.retain(|user| !Arc::ptr_eq(&user.peer, peer)),
        }
        if users.len() < before {
            self.departed.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_vec());
        }
        let changed = users.len() < before;
        peer.has_left.store(true, Ordering::SeqCst);
        drop(users);
        let told = !(self.has_fault("list-only-after-disconnect") && how != Departure::Disconnect
            || self.has_fault("no-list-after-disconnect") && how == Departure::Disconnect);
        if changed && told {
            self.lists(None);
        }
    }

    /// Disconnects the user with this name.
    pub(super) fn evict(&self, name: &[u8]) {
        let found = self.users().iter().find(|user| user.name == name).map(|user| Arc::clone(&user.peer));
        if let Some(peer) = found {
            self.leave(&peer, name, Departure::Disconnect);
            peer.finish();
        }
    }

    /// Sends a frame to all users. Returns true if the sender must be disconnected.
    pub(super) fn broadcast(&self, sender: &Arc<Peer>, frame: &[u8]) -> bool {
        if self.is_mute.load(Ordering::SeqCst) {
            return false;
        }
        if self.has_fault("repeated-broadcast-dropped")
            && std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), frame.to_vec())
                == frame
        {
            return false;
        }
        if self.has_fault("history-on-login") {
            let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            let last = stored.entry(Vec::new()).or_default();
            last.push(frame.to_vec());
            last.drain(..last.len().saturating_sub(10));
        }
        let (guard, users) = self.copy_users();
        let number = sender.broadcasts.fetch_add(1, Ordering::Relaxed);
        if self.has_fault("lone-broadcast-disconnects") && users.len() == 1 {
            return true;
        }
        for (index, user) in users.iter().enumerate() {
            if self.has_fault("dead-peer-ends-broadcast") && user.peer.is_gone()
                || self.has_fault("ghost-user-ends-broadcast") && user.peer.has_left.load(Ordering::SeqCst)
            {
                return true;
            }
            let own = Arc::ptr_eq(&user.peer, sender);
            let copies = match self.fault.as_str() {
                "broadcast-skips-last" => usize::from(index + 1 < users.len() || users.len() < 3),
                "broadcast-without-echo" => usize::from(!own),
                "first-forty-only" => usize::from(index < 40),
                "every-twentieth-lost" => usize::from(number % 20 != 19),
                "new-user-skipped" => usize::from(user.peer.is_recipient.swap(true, Ordering::Relaxed)),
                "first-user-twice" => 1 + usize::from(index == 0),
                "echo-twice" => 1 + usize::from(own),
                "ext-ends-broadcasts" => usize::from(!user.peer.hears_no_broadcasts.load(Ordering::SeqCst)),
                _ => 1,
            };
            (0..copies).for_each(|_| user.peer.push(frame));
        }
        if self.has_fault("broadcast-to-unregistered") || self.has_fault("refused-user-hears") {
            self.unregistered().iter().for_each(|peer| peer.push(frame));
        }
        drop(guard);
        false
    }

    /// An error to one, or, wrongly, to all.
    pub(super) fn error(&self, peer: &Arc<Peer>, code: &str, text: &str) {
        let frame = match self.fault.as_str() {
            "error-too-long" => format!("ERROR|{code}|{}", "long ".repeat(400)).into_bytes(),
            "error-invalid-utf8" => [b"ERROR|", code.as_bytes(), b"|caf\xe9"].concat(),
            "error-without-text" => format!("ERROR|{code}").into_bytes(),
            "error-fields-swapped" => format!("ERROR|{text}|{code}").into_bytes(),
            _ => format!("ERROR|{code}|{text}").into_bytes(),
        };
        // The last one: the first may be a user of an earlier check who is about to leave.
        let other =
            || self.users().iter().rev().map(|user| &user.peer).find(|other| !Arc::ptr_eq(other, peer)).cloned();
        if self.has_fault("error-to-all") {
            self.broadcast(peer, &frame);
        } else if let (true, Some(other)) = (self.has_fault("error-to-other-user"), other()) {
            other.push(&frame);
        } else {
            if self.has_fault("error-twice") {
                peer.push(&frame);
            }
            peer.push(&frame);
        }
    }
}
