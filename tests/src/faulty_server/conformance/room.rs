//! The users and what is delivered to them, under one lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::peer::Peer;

/// A user.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: Vec<u8>,
    pub(super) peer: Arc<Peer>,
    pub(super) since: Instant,
}

/// All that connections share.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) fault: String,
    users: Mutex<Vec<User>>,
    /// Connections before their login, for faults that send to them.
    pub(super) unregistered: Mutex<Vec<Arc<Peer>>>,
    /// Messages for those who are not here, where the fault keeps them.
    pub(super) stored: Mutex<HashMap<Vec<u8>, Vec<Vec<u8>>>>,
    /// Names of users that have left.
    pub(super) departed: Mutex<Vec<Vec<u8>>>,
    last: Mutex<Vec<u8>>,
    /// Incomplete frames of all connections, for faults that share one buffer.
    pub(super) buffer: Mutex<Vec<u8>>,
    unlocked: AtomicBool,
    /// True if no broadcast is delivered any more, by a fault.
    pub(super) is_mute: AtomicBool,
    sent: std::sync::atomic::AtomicUsize,
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
            is_mute: AtomicBool::new(false),
            sent: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    pub(super) fn has_fault(&self, fault: &str) -> bool {
        self.fault == fault
    }

    pub(super) fn users(&self) -> MutexGuard<'_, Vec<User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
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
        let user = User { name: name.to_vec(), peer: Arc::clone(peer), since: Instant::now() };
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

    /// The list for all, or for one alone.
    pub(super) fn lists(&self, joiner: Option<(&Arc<Peer>, &[u8])>) {
        let (guard, users) = self.copy_users();
        let list = self.list(&users);
        let old = if self.has_fault("repeated-broadcast-dropped") {
            Vec::new()
        } else {
            std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), list.clone())
        };
        if self.has_fault("no-lists") {
            return;
        }
        if self.has_fault("list-late-and-stale") && joiner.is_some() {
            let late = users.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(40));
                for user in late {
                    user.peer.push(&list);
                }
            });
            if let Some((peer, _)) = joiner {
                peer.push(&self.list(&users));
            }
            return;
        }
        for user in &users {
            let is_joiner = joiner.is_some_and(|(peer, _)| Arc::ptr_eq(peer, &user.peer));
            if self.has_fault("list-only-to-joiner") && joiner.is_some() && !is_joiner {
                continue;
            }
            if let (true, true, Some((_, name))) = (self.has_fault("list-without-self"), is_joiner, joiner) {
                let others: Vec<User> = users.iter().filter(|user| user.name != name).cloned().collect();
                user.peer.push(&self.list(&others));
                continue;
            }
            user.peer.push(&list);
            if self.has_fault("stale-list-repeated") && !old.is_empty() && joiner.is_some() && !is_joiner {
                user.peer.push(&old);
                user.peer.push(&list);
            }
        }
        if self.has_fault("list-to-unregistered") {
            self.unregistered.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|peer| peer.push(&list));
        }
        drop(guard);
    }

    fn list(&self, users: &[User]) -> Vec<u8> {
        let separator: &[u8] = if self.has_fault("list-with-spaces") { b", " } else { b"," };
        let names: Vec<Vec<u8>> = users.iter().map(|user| self.listed(&user.name)).collect();
        // An empty name is left where one was.
        let emptied = self.has_fault("list-keeps-empty-name")
            && !self.departed.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let end: &[u8] = if self.has_fault("list-trailing-comma") || emptied { b"," } else { b"" };
        [b"USER_LIST|", names.join(separator).as_slice(), end].concat()
    }

    fn listed(&self, name: &[u8]) -> Vec<u8> {
        match self.fault.as_str() {
            "spaces-in-name-accepted" => name.trim_ascii().to_vec(),
            "nul-ends-string" => name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec(),
            "control-in-name-accepted" => {
                name.iter().copied().filter(|byte| !byte.is_ascii_control() && *byte != b'%').collect()
            }
            "non-ascii-name-stripped" => name.iter().copied().filter(u8::is_ascii).collect(),
            _ => name.to_vec(),
        }
    }

    /// Removes the user of this connection (or, as a fault, of this name).
    pub(super) fn leave(&self, peer: &Arc<Peer>, name: &[u8], how: &str) {
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
        drop(users);
        let told = !(self.has_fault("list-only-after-disconnect") && how != "disconnect"
            || self.has_fault("no-list-after-disconnect") && how == "disconnect");
        if changed && told {
            self.lists(None);
        }
    }

    /// Disconnects the user with this name.
    pub(super) fn evict(&self, name: &[u8]) {
        let found = self.users().iter().find(|user| user.name == name).map(|user| Arc::clone(&user.peer));
        if let Some(peer) = found {
            self.leave(&peer, name, "disconnect");
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
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        if self.has_fault("lone-broadcast-disconnects") && users.len() == 1 {
            return true;
        }
        let count = users.len();
        for (index, user) in users.iter().enumerate() {
            let own = Arc::ptr_eq(&user.peer, sender);
            let skipped = self.has_fault("broadcast-skips-last") && index + 1 == count && count > 2
                || self.has_fault("broadcast-without-echo") && own
                || self.has_fault("first-forty-only") && index >= 40
                || self.has_fault("every-twentieth-lost") && number % 20 == 19
                || self.has_fault("new-user-skipped") && user.since.elapsed() < Duration::from_millis(300);
            if user.peer.dead.load(Ordering::SeqCst)
                && (self.has_fault("dead-peer-ends-broadcast") || self.has_fault("ghost-user-ends-broadcast"))
            {
                return true;
            }
            if !skipped {
                user.peer.push(frame);
            }
            if self.has_fault("first-user-twice") && index == 0 || self.has_fault("echo-twice") && own {
                user.peer.push(frame);
            }
        }
        if self.has_fault("broadcast-to-unregistered") || self.has_fault("refused-user-hears") {
            self.unregistered.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|peer| peer.push(frame));
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
        let other = || self.users().iter().map(|user| &user.peer).find(|other| !Arc::ptr_eq(other, peer)).cloned();
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
