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
            unlocked: AtomicBool::new(fault == "m16" || fault == "m25" || fault == "x46"),
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
        if self.is("x46") {
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
        let taken = users.iter().any(|user| user.name == name) || self.is("x16") && self.was_here(name);
        if taken && !self.is("m23") && !self.is("m25") {
            return false;
        }
        if self.is("m25") {
            drop(users);
            if taken {
                return false;
            }
            std::thread::sleep(Duration::from_millis(3));
            users = self.users();
        }
        if self.is("m23") {
            users.retain(|user| user.name != name);
        }
        users.push(user.clone());
        if self.is("x18") {
            users.push(user);
        }
        self.welcome(name, peer);
        if self.is("y14") {
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
        if self.is("x50") {
            peer.push(b"CONNECT_ACK|OK ");
        } else if self.is("y01") {
            peer.push(b"CONNECT_ACK|ok");
        } else if !self.is("m22") {
            peer.push(b"CONNECT_ACK|OK");
        }
    }

    /// The list for all, or for one alone.
    pub(super) fn lists(&self, joiner: Option<(&Arc<Peer>, &[u8])>) {
        let (guard, users) = self.everybody();
        let list = self.list(&users);
        let old = if self.is("y24") {
            Vec::new()
        } else {
            std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), list.clone())
        };
        if self.is("x06") {
            return;
        }
        if self.is("m35") && joiner.is_some() {
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
            if self.is("m32") && joiner.is_some() && !is_joiner {
                continue;
            }
            if let (true, true, Some((_, name))) = (self.is("x07"), is_joiner, joiner) {
                let others: Vec<User> = users.iter().filter(|user| user.name != name).cloned().collect();
                user.peer.push(&self.list(&others));
                continue;
            }
            user.peer.push(&list);
            if self.is("x20") && !old.is_empty() && joiner.is_some() && !is_joiner {
                user.peer.push(&old);
                user.peer.push(&list);
            }
        }
        if self.is("p06") {
            self.strangers.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|peer| peer.push(&list));
        }
        drop(guard);
    }

    fn list(&self, users: &[User]) -> Vec<u8> {
        let separator: &[u8] = if self.is("m34") { b", " } else { b"," };
        let names: Vec<Vec<u8>> = users.iter().map(|user| self.listed(&user.name)).collect();
        // An empty name is left where one was.
        let emptied = self.is("w10") && !self.ghosts.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let end: &[u8] = if self.is("y04") || emptied { b"," } else { b"" };
        [b"USER_LIST|", names.join(separator).as_slice(), end].concat()
    }

    fn listed(&self, name: &[u8]) -> Vec<u8> {
        match self.fault.as_str() {
            "m31" => name.trim_ascii().to_vec(),
            "m21" => name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec(),
            "x41" => name.iter().copied().filter(|byte| !byte.is_ascii_control() && *byte != b'%').collect(),
            "x13" => name.iter().copied().filter(u8::is_ascii).collect(),
            _ => name.to_vec(),
        }
    }

    /// Removes whoever has this connection (or, wrongly, this name).
    pub(super) fn leave(&self, peer: &Arc<Peer>, name: &[u8], how: &str) {
        let mut users = self.users();
        let before = users.len();
        match self.fault.as_str() {
            "m24" | "w11" => users.retain(|user| user.name != name),
            // The last name alone.
            "m26" | "x40" => {
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
        let told = !(self.is("m33") && how != "disconnect" || self.is("x47") && how == "disconnect");
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
        if self.is("y24")
            && std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), frame.to_vec())
                == frame
        {
            return false;
        }
        if self.is("z03") {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let last = kept.entry(Vec::new()).or_default();
            last.push(frame.to_vec());
            last.drain(..last.len().saturating_sub(10));
        }
        let (guard, users) = self.everybody();
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        if self.is("x29") && users.len() == 1 {
            return true;
        }
        let count = users.len();
        for (index, user) in users.iter().enumerate() {
            let own = Arc::ptr_eq(&user.peer, sender);
            let skipped = self.is("m43") && index + 1 == count && count > 2
                || self.is("m45") && own
                || self.is("p03") && index >= 40
                || self.is("x30") && number % 20 == 19
                || self.is("x37") && user.since.elapsed() < Duration::from_millis(300);
            if user.peer.dead.load(Ordering::SeqCst) && (self.is("m44") || self.is("x40")) {
                return true;
            }
            if !skipped {
                user.peer.push(frame);
            }
            if self.is("x43") && index == 0 || self.is("y03") && own {
                user.peer.push(frame);
            }
        }
        if self.is("x28") || self.is("w03") {
            self.strangers.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|peer| peer.push(frame));
        }
        drop(guard);
        false
    }

    /// An error to one, or, wrongly, to all.
    pub(super) fn error(&self, peer: &Arc<Peer>, code: &str, text: &str) {
        let frame = match self.fault.as_str() {
            "x02" => format!("ERROR|{code}|{}", "long ".repeat(400)).into_bytes(),
            "x03" => [b"ERROR|", code.as_bytes(), b"|caf\xe9"].concat(),
            "x04" => format!("ERROR|{code}").into_bytes(),
            "w09" => format!("ERROR|{text}|{code}").into_bytes(),
            _ => format!("ERROR|{code}|{text}").into_bytes(),
        };
        let other = || self.users().iter().map(|user| &user.peer).find(|other| !Arc::ptr_eq(other, peer)).cloned();
        if self.is("m40") {
            self.broadcast(peer, &frame);
        } else if let (true, Some(other)) = (self.is("q09"), other()) {
            other.push(&frame);
        } else {
            if self.is("q06") {
                peer.push(&frame);
            }
            peer.push(&frame);
        }
    }
}
