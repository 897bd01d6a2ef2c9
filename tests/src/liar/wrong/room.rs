//! Who is here, and what everybody gets: under one lock.

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
    /// Connections that are nobody's yet, where the fault wants to know them.
    pub(super) strangers: Mutex<Vec<Arc<Peer>>>,
    /// Messages for those who are not here, where the fault keeps them.
    pub(super) kept: Mutex<HashMap<Vec<u8>, Vec<Vec<u8>>>>,
    /// Users that have left and are still found, where the fault forgets to remove them.
    pub(super) ghosts: Mutex<Vec<Vec<u8>>>,
    last: Mutex<Vec<u8>>,
    /// What has no end yet, of all connections, where the fault keeps it together.
    pub(super) buffer: Mutex<Vec<u8>>,
    unlocked: AtomicBool,
    sent: std::sync::atomic::AtomicUsize,
}

impl Room {
    pub(super) fn new(fault: &str) -> Self {
        Self {
            fault: fault.to_owned(),
            users: Mutex::default(),
            strangers: Mutex::default(),
            kept: Mutex::default(),
            ghosts: Mutex::default(),
            last: Mutex::default(),
            buffer: Mutex::default(),
            unlocked: AtomicBool::new(
                fault == "unlocked-writes" || fault == "name-check-race" || fault == "lost-update-race",
            ),
            sent: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    pub(super) fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    pub(super) fn users(&self) -> MutexGuard<'_, Vec<User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy to go through without the lock, or under it all the same: with the guard kept.
    fn everybody(&self) -> (Option<MutexGuard<'_, Vec<User>>>, Vec<User>) {
        let guard = self.users();
        let copy = guard.clone();
        let keep = !self.unlocked.load(Ordering::Relaxed);
        (keep.then_some(guard), copy)
    }

    /// Enters a name, unless it is taken; says whether it was free.
    pub(super) fn join(&self, name: &[u8], peer: &Arc<Peer>) -> bool {
        let user = User { name: name.to_vec(), peer: Arc::clone(peer), since: Instant::now() };
        if self.is("lost-update-race") {
            let mut copy = self.users().clone();
            let taken = copy.iter().any(|user| user.name == name);
            std::thread::sleep(Duration::from_millis(3));
            if !taken {
                copy.push(user);
                *self.users() = copy;
                self.welcome(name, peer);
            }
            return !taken;
        }
        let mut users = self.users();
        let taken = users.iter().any(|user| user.name == name) || self.is("name-never-freed") && self.was_here(name);
        if taken && !self.is("duplicate-name-overwrites") && !self.is("name-check-race") {
            return false;
        }
        if self.is("name-check-race") {
            drop(users);
            if taken {
                return false;
            }
            std::thread::sleep(Duration::from_millis(3));
            users = self.users();
        }
        if self.is("duplicate-name-overwrites") {
            users.retain(|user| user.name != name);
        }
        users.push(user.clone());
        if self.is("listed-twice") {
            users.push(user);
        }
        self.welcome(name, peer);
        if self.is("ack-to-all") {
            users.iter().filter(|user| user.name != name).for_each(|user| user.peer.push(b"CONNECT_ACK|OK"));
        }
        drop(users);
        true
    }

    /// All broadcasts so far, where the fault keeps them.
    pub(super) fn history(&self) -> Vec<Vec<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&b""[..]).cloned().unwrap_or_default()
    }

    fn was_here(&self, name: &[u8]) -> bool {
        self.ghosts.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|ghost| ghost == name)
    }

    fn welcome(&self, _name: &[u8], peer: &Arc<Peer>) {
        if self.is("ack-trailing-space") {
            peer.push(b"CONNECT_ACK|OK ");
        } else if self.is("ack-lowercase") {
            peer.push(b"CONNECT_ACK|ok");
        } else if !self.is("list-before-ack") {
            peer.push(b"CONNECT_ACK|OK");
        }
    }

    /// The list for all, or for one alone.
    pub(super) fn lists(&self, joiner: Option<(&Arc<Peer>, &[u8])>) {
        let (guard, users) = self.everybody();
        let list = self.list(&users);
        let old = if self.is("repeated-broadcast-dropped") {
            Vec::new()
        } else {
            std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), list.clone())
        };
        if self.is("no-lists") {
            return;
        }
        if self.is("list-late-and-stale") && joiner.is_some() {
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
            if self.is("list-only-to-joiner") && joiner.is_some() && !is_joiner {
                continue;
            }
            if let (true, true, Some((_, name))) = (self.is("list-without-self"), is_joiner, joiner) {
                let others: Vec<User> = users.iter().filter(|user| user.name != name).cloned().collect();
                user.peer.push(&self.list(&others));
                continue;
            }
            user.peer.push(&list);
            if self.is("stale-list-repeated") && !old.is_empty() && joiner.is_some() && !is_joiner {
                user.peer.push(&old);
                user.peer.push(&list);
            }
        }
        if self.is("list-to-unregistered") {
            self.strangers.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|peer| peer.push(&list));
        }
        drop(guard);
    }

    fn list(&self, users: &[User]) -> Vec<u8> {
        let separator: &[u8] = if self.is("list-with-spaces") { b", " } else { b"," };
        let names: Vec<Vec<u8>> = users.iter().map(|user| self.listed(&user.name)).collect();
        // An empty name is left where one was.
        let emptied =
            self.is("list-keeps-empty-name") && !self.ghosts.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let end: &[u8] = if self.is("list-trailing-comma") || emptied { b"," } else { b"" };
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

    /// Removes whoever has this connection (or, wrongly, this name).
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
            self.ghosts.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_vec());
        }
        let changed = users.len() < before;
        drop(users);
        let told = !(self.is("list-only-after-disconnect") && how != "disconnect"
            || self.is("no-list-after-disconnect") && how == "disconnect");
        if changed && told {
            self.lists(None);
        }
    }

    /// Throws out whoever has a name.
    pub(super) fn evict(&self, name: &[u8]) {
        let found = self.users().iter().find(|user| user.name == name).map(|user| Arc::clone(&user.peer));
        if let Some(peer) = found {
            self.leave(&peer, name, "disconnect");
            peer.finish();
        }
    }

    /// To everybody. Says whether the sender is to be thrown out.
    pub(super) fn broadcast(&self, sender: &Arc<Peer>, frame: &[u8]) -> bool {
        if self.is("repeated-broadcast-dropped")
            && std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), frame.to_vec())
                == frame
        {
            return false;
        }
        if self.is("history-on-login") {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let last = kept.entry(Vec::new()).or_default();
            last.push(frame.to_vec());
            last.drain(..last.len().saturating_sub(10));
        }
        let (guard, users) = self.everybody();
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        if self.is("lone-broadcast-disconnects") && users.len() == 1 {
            return true;
        }
        let count = users.len();
        for (index, user) in users.iter().enumerate() {
            let own = Arc::ptr_eq(&user.peer, sender);
            let skipped = self.is("broadcast-skips-last") && index + 1 == count && count > 2
                || self.is("broadcast-without-echo") && own
                || self.is("first-forty-only") && index >= 40
                || self.is("every-twentieth-lost") && number % 20 == 19
                || self.is("new-user-skipped") && user.since.elapsed() < Duration::from_millis(300);
            if user.peer.dead.load(Ordering::SeqCst)
                && (self.is("dead-peer-ends-broadcast") || self.is("ghost-user-ends-broadcast"))
            {
                return true;
            }
            if !skipped {
                user.peer.push(frame);
            }
            if self.is("first-user-twice") && index == 0 || self.is("echo-twice") && own {
                user.peer.push(frame);
            }
        }
        if self.is("broadcast-to-unregistered") || self.is("refused-user-hears") {
            self.strangers.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|peer| peer.push(frame));
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
        if self.is("error-to-all") {
            self.broadcast(peer, &frame);
        } else if let (true, Some(other)) = (self.is("error-to-other-user"), other()) {
            other.push(&frame);
        } else {
            if self.is("error-twice") {
                peer.push(&frame);
            }
            peer.push(&frame);
        }
    }
}
