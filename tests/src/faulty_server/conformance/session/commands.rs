//! The commands of one client, with their faults.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::{Departure, NextStep, Session};
use crate::faulty_server::conformance::room::User;

impl Session<'_> {
    pub(super) fn connect(&mut self, name: &[u8]) -> NextStep {
        if self.name.is_some()
            && !self.has_fault("second-login-renames")
            && !self.has_fault("ghost-user-ends-broadcast")
        {
            if self.has_fault("second-login-disconnects") {
                return NextStep::Abort;
            }
            self.peer.push(b"CONNECT_ACK|FAIL");
            if self.has_fault("taken-name-logs-out") && self.room.users().iter().any(|user| user.name == name) {
                self.room.leave(self.peer, &self.asked, Departure::Disconnect);
                self.name = None;
            }
            return self.error("409", "connected already");
        }
        self.asked = name.to_vec();
        if self.has_fault("list-before-ack") {
            self.peer.push(&[b"USER_LIST|", name].concat());
            self.peer.push(b"CONNECT_ACK|OK");
        }
        let is_legal = self.is_legal(name);
        let name = self.shortened(name);
        if is_legal && self.room.join(&name, self.peer) { self.welcome(&name) } else { self.refuse(&name) }
    }

    fn is_legal(&self, name: &[u8]) -> bool {
        let any = |set: &[u8]| name.iter().any(|byte| set.contains(byte));
        let odd = name != name.trim_ascii() || any(b"%") || name.iter().any(u8::is_ascii_control) || name.len() > 64;
        let accepts_odd =
            ["spaces-in-name-accepted", "control-in-name-accepted", "nul-ends-string", "forward-limit-ignored"];
        (!name.is_empty() || self.has_fault("empty-name-accepted"))
            && (!any(b",") || self.has_fault("comma-in-name-accepted"))
            && (!any(b"|") || self.has_fault("pipe-in-name-accepted"))
            && (!odd || accepts_odd.contains(&self.room.fault.as_str()))
    }

    /// Returns the part of a name that the server registers.
    fn shortened(&self, name: &[u8]) -> Vec<u8> {
        let before = |end: u8| name.split(|byte| *byte == end).next().unwrap_or_default();
        match self.room.fault.as_str() {
            "name-cut-to-eight" => &name[..name.len().min(8)],
            "name-cut-to-31" => &name[..name.len().min(31)],
            "name-lowercased" => return name.to_ascii_lowercase(),
            "name-cut-at-space" => before(b' '),
            "pipe-in-name-accepted" => before(b'|'),
            _ => name,
        }
        .to_vec()
    }

    fn refuse(&mut self, name: &[u8]) -> NextStep {
        self.peer.push(b"CONNECT_ACK|FAIL");
        match self.room.fault.as_str() {
            "refused-user-can-speak" => self.name = Some(name.to_vec()),
            "refused-user-hears" => self.room.unregistered().push(Arc::clone(self.peer)),
            "list-after-refusal" => self.peer.push(b"USER_LIST|someone"),
            "refused-user-listed" => self.room.users().push(User { name: name.to_vec(), peer: Arc::clone(self.peer) }),
            _ => {}
        }
        self.error("409", "not available")
    }

    fn welcome(&mut self, name: &[u8]) -> NextStep {
        self.name.get_or_insert(name.to_vec());
        self.room.unregistered().retain(|peer| !Arc::ptr_eq(peer, self.peer) && !peer.is_gone());
        let stored = self.room.stored.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        stored.iter().flatten().for_each(|frame| self.peer.push(frame));
        self.room.lists(Some((self.peer, name)));
        if self.has_fault("history-on-login") {
            self.room.history().iter().for_each(|frame| self.peer.push(frame));
        }
        NextStep::Continue
    }

    pub(super) fn broadcast(&self, content: &[u8]) -> NextStep {
        let sender = self.name.clone().unwrap_or_else(|| b"None".to_vec());
        let content = if self.has_fault("content-cut-at-pipe") {
            content.split(|byte| *byte == b'|').next().unwrap_or_default()
        } else {
            content
        };
        if self.has_fault("pipe-content-dropped") && content.contains(&b'|') {
            return NextStep::Continue;
        }
        let content = if self.has_fault("content-cut-to-200") { &content[..content.len().min(200)] } else { content };
        let frame = if self.has_fault("broadcast-as-message") {
            [b"MESSAGE|", sender.as_slice(), b"|", content].concat()
        } else if self.has_fault("broadcast-without-sender") {
            [b"BROADCAST|", content].concat()
        } else {
            [b"BROADCAST|", sender.as_slice(), b"|", content].concat()
        };
        if frame.len() > 1024
            && !["forward-limit-ignored", "no-frame-limit", "limit-counts-characters"]
                .contains(&self.room.fault.as_str())
        {
            return self.error("413", "too large when forwarded");
        }
        if self.room.broadcast(self.peer, &frame) { NextStep::Abort } else { NextStep::Continue }
    }

    pub(super) fn message(&self, rest: &[u8]) -> NextStep {
        let (to, content) = match rest.iter().position(|byte| *byte == b'|') {
            Some(at) if at > 0 && at + 1 < rest.len() => (&rest[..at], &rest[at + 1..]),
            _ if self.has_fault("malformed-disconnects") => return NextStep::Abort,
            _ => return self.error("400", "malformed"),
        };
        let mut sender = self.name.clone().unwrap_or_else(|| b"None".to_vec());
        let mut content = content.to_vec();
        if let (true, Some(at)) = (self.has_fault("sender-spoofable"), content.iter().position(|byte| *byte == b'|')) {
            sender = content[..at].to_vec();
            content.drain(..=at);
        }
        if self.has_fault("content-cut-at-pipe") {
            content = content.split(|byte| *byte == b'|').next().unwrap_or_default().to_vec();
        }
        if self.has_fault("pipe-content-dropped") && content.contains(&b'|') {
            return NextStep::Continue;
        }
        if self.has_fault("zero-is-empty") && content == b"0" {
            return self.error("400", "no content");
        }
        let first = if self.has_fault("recipient-as-sender") { to.to_vec() } else { sender };
        if self.has_fault("html-escaped") {
            content = String::from_utf8_lossy(&content).replace('&', "&amp;").replace('<', "&lt;").into_bytes();
        }
        let mut frame = [b"MESSAGE|", first.as_slice(), b"|", &content].concat();
        if frame.len() > 1024
            && !["forward-limit-ignored", "no-frame-limit", "limit-counts-characters"]
                .contains(&self.room.fault.as_str())
        {
            return self.error("413", "too large when forwarded");
        }
        if self.has_fault("content-sent-as-frame") && content.starts_with(b"USER_LIST|") {
            frame = content;
        }
        if self.has_fault("private-to-all") {
            self.room.broadcast(self.peer, &frame);
            return NextStep::Continue;
        }
        if self.has_fault("success-as-error-200") {
            self.peer.push(b"ERROR|200|sent");
        }
        self.to_one(to, &frame)
    }

    fn to_one(&self, to: &[u8], frame: &[u8]) -> NextStep {
        if self.has_fault("keyword-names-unreachable")
            && [&b"CONNECT"[..], b"USER_LIST", b"OK", b"404", b"__proto__", b"constructor"].contains(&to)
        {
            return NextStep::Continue;
        }
        let users = self.room.users();
        let matches =
            |name: &[u8]| if self.has_fault("name-prefix-matches") { name.starts_with(to) } else { name == to };
        let found = users.iter().find(|user| matches(&user.name)).map(|user| Arc::clone(&user.peer));
        if let Some(peer) = found {
            if self.has_fault("private-to-self-dropped") && Arc::ptr_eq(&peer, self.peer) {
                return NextStep::Continue;
            }
            if self.has_fault("dead-recipient-disconnects-sender") && peer.dead.load(Ordering::SeqCst) {
                return NextStep::Abort;
            }
            if self.has_fault("unlocked-writes") {
                drop(users);
            }
            peer.push(frame);
            return NextStep::Continue;
        }
        drop(users);
        let ghost = self.room.departed.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|name| name == to);
        if ghost && self.has_fault("messages-kept-for-next-user") {
            let mut stored = self.room.stored.lock().unwrap_or_else(PoisonError::into_inner);
            stored.entry(to.to_vec()).or_default().push(frame.to_vec());
        }
        match self.room.fault.as_str() {
            "unknown-recipient-ignored" => NextStep::Continue,
            "departed-recipient-ignored" if ghost => NextStep::Continue,
            "dead-recipient-disconnects-sender" if ghost => NextStep::Abort,
            "unknown-recipient-disconnects" => NextStep::Abort,
            _ => self.error("404", "no such user"),
        }
    }
}
