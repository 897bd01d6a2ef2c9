//! The lists of users, with their faults.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Peer, Room, User};

impl Room {
    /// The list for all, or for one alone.
    pub(in crate::faulty_server::conformance) fn lists(&self, joiner: Option<(&Arc<Peer>, &[u8])>) {
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
            self.unregistered().iter().for_each(|peer| peer.push(&list));
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
}
