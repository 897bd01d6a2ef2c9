//! What a client says, and what is done about it.

use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::frames::{Frames, Next};
use super::peer::Peer;
use super::room::Room;

/// What becomes of a connection after a message.
#[derive(PartialEq, Eq)]
enum Then {
    Goes,
    Leaves,
    Breaks,
}

struct Session<'r> {
    room: &'r Arc<Room>,
    peer: &'r Arc<Peer>,
    name: Option<Vec<u8>>,
    asked: Vec<u8>,
}

/// Serves one connection to its end.
pub(super) fn talk(room: &Arc<Room>, peer: &Arc<Peer>) {
    let mut session = Session { room, peer, name: None, asked: Vec::new() };
    let mut frames = Frames::new(room, peer);
    if room.is("greeting-banner") {
        peer.push(b"WELCOME TO THE CHAT");
    }
    if room.is("none-user-listed") {
        let nobody =
            super::room::User { name: b"None".to_vec(), peer: Arc::clone(peer), since: std::time::Instant::now() };
        room.users().push(nobody);
    }
    if room.is("broadcast-to-unregistered") || room.is("list-to-unregistered") {
        room.strangers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(peer));
    }
    let mut gone = false;
    let how = loop {
        match frames.next(room, peer) {
            Next::End(reset) => {
                peer.dead.store(true, Ordering::SeqCst);
                break if gone {
                    "disconnect"
                } else if reset {
                    "reset"
                } else {
                    "end"
                };
            }
            Next::Oversize => room.error(peer, "413", "too large"),
            Next::Frame(frame) => match session.frame(frame) {
                Then::Goes => {}
                Then::Leaves
                    if room.is("disconnect-does-not-close")
                        || room.is("frames-after-disconnect-handled")
                        || room.is("late-close-removes-successor") =>
                {
                    gone = true;
                    room.leave(peer, &session.asked, "disconnect");
                    if !room.is("disconnect-does-not-close") {
                        peer.finish();
                    }
                }
                Then::Leaves => break "disconnect",
                Then::Breaks => break "end",
            },
        }
    };
    session.end(how);
}

impl Session<'_> {
    fn is(&self, fault: &str) -> bool {
        self.room.is(fault)
    }

    fn end(&self, how: &str) {
        if self.is("eof-keeps-user") && how != "disconnect"
            || self.is("reset-keeps-user") && (how == "reset" || self.peer.broken.load(Ordering::SeqCst))
        {
            return;
        }
        if self.is("reset-after-flood") && self.peer.broken.load(Ordering::SeqCst) {
            return self.peer.finish();
        }
        if self.is("dead-peer-ends-broadcast") && how != "disconnect" {
            // Long enough for a broadcast to come first, on a busy machine too.
            std::thread::sleep(Duration::from_secs(1));
        }
        if self.is("list-to-leaver") && how == "disconnect" {
            let users = self.room.users();
            let others: Vec<Vec<u8>> =
                users.iter().filter(|user| !Arc::ptr_eq(&user.peer, self.peer)).map(|user| user.name.clone()).collect();
            self.peer.push(&[b"USER_LIST|".to_vec(), others.join(&b","[..])].concat());
        }
        if self.is("disconnect-acknowledged") && how == "disconnect" {
            self.peer.push(b"DISCONNECT_ACK|OK");
        }
        self.room.leave(self.peer, &self.asked, how);
        self.peer.finish();
        if how == "end" {
            let _ = self.peer.stream.shutdown(Shutdown::Read);
        }
    }

    fn error(&self, code: &str, text: &str) -> Then {
        self.room.error(self.peer, code, text);
        if self.is("error-then-hangs") {
            std::thread::sleep(Duration::from_hours(1));
        }
        Then::Goes
    }

    fn frame(&mut self, frame: Vec<u8>) -> Then {
        let mut frame = frame;
        if std::str::from_utf8(&frame).is_err() {
            match self.room.fault.as_str() {
                "invalid-utf8-crashes" => std::process::exit(3),
                "invalid-utf8-replaced" | "decodes-each-read" => {
                    frame = String::from_utf8_lossy(&frame).into_owned().into_bytes()
                }
                _ => return self.error("400", "not UTF-8"),
            }
        }
        if self.is("content-trimmed") {
            frame = frame.trim_ascii().to_vec();
        }
        if self.is("nul-ends-string") {
            frame = frame.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        }
        if self.is("unicode-normalised") {
            frame = String::from_utf8_lossy(&frame).replace("e\u{301}", "\u{e9}").into_bytes();
        }
        if self.is("non-ascii-replaced") {
            frame = String::from_utf8_lossy(&frame)
                .chars()
                .map(|c| if c.is_ascii() { c } else { '?' })
                .collect::<String>()
                .into_bytes();
        }
        if self.is("escapes-interpreted") {
            frame = String::from_utf8_lossy(&frame).replace("\\n", "\n").into_bytes();
        }
        if self.is("quit-leaves") && frame.rsplit(|byte| *byte == b'|').next().is_some_and(|last| last == b"quit") {
            return Then::Leaves;
        }
        if self.is("double-pipe-collapsed") {
            frame.dedup_by(|one, other| *one == b'|' && *other == b'|');
        }
        if self.is("disconnect-in-content-leaves") && frame.windows(10).any(|part| part == b"DISCONNECT") {
            return Then::Leaves;
        }
        if frame.trim_ascii().is_empty() {
            return if self.is("empty-frame-disconnects") { Then::Breaks } else { Then::Goes };
        }
        if self.is("thread-per-message") && frame.starts_with(b"MESSAGE|")
            || self.is("thread-per-message") && frame.starts_with(b"BROADCAST|")
        {
            return self.elsewhere(&frame);
        }
        self.command(&frame)
    }

    /// A thread a message.
    fn elsewhere(&self, frame: &[u8]) -> Then {
        let (room, peer, name, frame) =
            (Arc::clone(self.room), Arc::clone(self.peer), self.name.clone(), frame.to_vec());
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(u64::from(frame.last().copied().unwrap_or(0) % 7) * 100));
            if frame[frame.len() / 2] % 2 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            let mut session = Session { room: &room, peer: &peer, name, asked: Vec::new() };
            session.command(&frame);
        });
        Then::Goes
    }

    fn command(&mut self, frame: &[u8]) -> Then {
        let (command, rest) = match frame.iter().position(|byte| *byte == b'|') {
            Some(at) => (&frame[..at], Some(&frame[at + 1..])),
            None => (frame, None),
        };
        let known = [&b"CONNECT"[..], b"DISCONNECT", b"MESSAGE", b"BROADCAST"];
        let command = match known.into_iter().find(|known| command.starts_with(known)) {
            Some(known) if self.is("command-prefix-matches") => known,
            _ => command,
        };
        match (command, rest) {
            (b"CONNECT", Some(name)) => self.connect(name),
            (b"CONNECT", None) if self.is("empty-name-accepted") => self.connect(b""),
            (b"DISCONNECT", Some(other)) if self.is("disconnect-evicts-others") && !other.is_empty() => {
                self.room.evict(other);
                Then::Goes
            }
            (b"DISCONNECT", None | Some(b"")) if !(self.is("trailing-pipe-rejected") && rest.is_some()) => {
                if self.is("disconnect-before-login-ignored") && self.name.is_none() {
                    Then::Goes
                } else {
                    Then::Leaves
                }
            }
            (b"MESSAGE" | b"BROADCAST", Some(text)) if self.is("brace-disconnects") && text.contains(&b'{') => {
                Then::Breaks
            }
            (b"MESSAGE" | b"BROADCAST", Some(_)) if self.name.is_none() && !self.is("login-not-required") => {
                self.error("401", "CONNECT first")
            }
            (b"MESSAGE", Some(rest)) => self.message(rest),
            (b"BROADCAST", Some(content)) if !content.is_empty() => self.broadcast(content),
            _ if self.is("malformed-disconnects") => Then::Breaks,
            _ if self.is("http-crashes") && frame.starts_with(b"GET") => std::process::exit(3),
            _ if self.is("server-command-forwarded") => {
                self.room.broadcast(self.peer, frame);
                Then::Goes
            }
            _ => self.error("400", "malformed"),
        }
    }

    fn connect(&mut self, name: &[u8]) -> Then {
        if self.name.is_some() && !self.is("second-login-renames") && !self.is("ghost-user-ends-broadcast") {
            if self.is("second-login-disconnects") {
                return Then::Breaks;
            }
            self.peer.push(b"CONNECT_ACK|FAIL");
            if self.is("taken-name-logs-out") && self.room.users().iter().any(|user| user.name == name) {
                self.room.leave(self.peer, &self.asked, "disconnect");
                self.name = None;
            }
            return self.error("409", "connected already");
        }
        let any = |set: &[u8]| name.iter().any(|byte| set.contains(byte));
        let odd = name != name.trim_ascii() || any(b"%") || name.iter().any(u8::is_ascii_control) || name.len() > 64;
        let legal = (!name.is_empty() || self.is("empty-name-accepted"))
            && (!any(b",") || self.is("comma-in-name-accepted"))
            && (!any(b"|") || self.is("pipe-in-name-accepted"))
            && (!odd
                || self.is("spaces-in-name-accepted")
                || self.is("control-in-name-accepted")
                || self.is("nul-ends-string")
                || self.is("forward-limit-ignored"));
        self.asked = name.to_vec();
        if self.is("list-before-ack") {
            self.peer.push(&[b"USER_LIST|", name].concat());
            self.peer.push(b"CONNECT_ACK|OK");
        }
        let name = match self.room.fault.as_str() {
            "name-cut-to-eight" => &name[..name.len().min(8)],
            "name-cut-to-31" => &name[..name.len().min(31)],
            "name-lowercased" => &name.to_ascii_lowercase(),
            "name-cut-at-space" => name.split(|byte| *byte == b' ').next().unwrap_or_default(),
            _ => name,
        };
        let name = if self.is("pipe-in-name-accepted") {
            name.split(|byte| *byte == b'|').next().unwrap_or_default()
        } else {
            name
        };
        if !legal || !self.room.join(name, self.peer) {
            self.peer.push(b"CONNECT_ACK|FAIL");
            if self.is("refused-user-can-speak") {
                self.name = Some(name.to_vec());
            }
            if self.is("refused-user-hears") {
                self.room.strangers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(self.peer));
            }
            if self.is("list-after-refusal") {
                self.peer.push(b"USER_LIST|someone");
            }
            if self.is("refused-user-listed") {
                self.room.users().push(super::room::User {
                    name: name.to_vec(),
                    peer: Arc::clone(self.peer),
                    since: std::time::Instant::now(),
                });
            }
            return self.error("409", "not available");
        }
        self.name.get_or_insert(name.to_vec());
        self.room.strangers.lock().unwrap_or_else(PoisonError::into_inner).retain(|peer| !Arc::ptr_eq(peer, self.peer));
        if let Some(kept) = self.room.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(name) {
            for frame in kept {
                self.peer.push(&frame);
            }
        }
        self.room.lists(Some((self.peer, name)));
        if self.is("history-on-login") {
            self.room.history().iter().for_each(|frame| self.peer.push(frame));
        }
        Then::Goes
    }

    fn broadcast(&self, content: &[u8]) -> Then {
        let sender = self.name.clone().unwrap_or_else(|| b"None".to_vec());
        let content = if self.is("content-cut-at-pipe") {
            content.split(|byte| *byte == b'|').next().unwrap_or_default()
        } else {
            content
        };
        if self.is("pipe-content-dropped") && content.contains(&b'|') {
            return Then::Goes;
        }
        let content = if self.is("content-cut-to-200") { &content[..content.len().min(200)] } else { content };
        let frame = if self.is("broadcast-as-message") {
            [b"MESSAGE|", sender.as_slice(), b"|", content].concat()
        } else if self.is("broadcast-without-sender") {
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
        if self.room.broadcast(self.peer, &frame) { Then::Breaks } else { Then::Goes }
    }

    fn message(&self, rest: &[u8]) -> Then {
        let (to, content) = match rest.iter().position(|byte| *byte == b'|') {
            Some(at) if at > 0 && at + 1 < rest.len() => (&rest[..at], &rest[at + 1..]),
            _ if self.is("malformed-disconnects") => return Then::Breaks,
            _ => return self.error("400", "malformed"),
        };
        let mut sender = self.name.clone().unwrap_or_else(|| b"None".to_vec());
        let mut content = content.to_vec();
        if let (true, Some(at)) = (self.is("sender-spoofable"), content.iter().position(|byte| *byte == b'|')) {
            sender = content[..at].to_vec();
            content.drain(..=at);
        }
        if self.is("content-cut-at-pipe") {
            content = content.split(|byte| *byte == b'|').next().unwrap_or_default().to_vec();
        }
        if self.is("pipe-content-dropped") && content.contains(&b'|') {
            return Then::Goes;
        }
        if self.is("zero-is-empty") && content == b"0" {
            return self.error("400", "no content");
        }
        let first = if self.is("recipient-as-sender") { to.to_vec() } else { sender };
        if self.is("html-escaped") {
            content = String::from_utf8_lossy(&content).replace('&', "&amp;").replace('<', "&lt;").into_bytes();
        }
        let mut frame = [b"MESSAGE|", first.as_slice(), b"|", &content].concat();
        if frame.len() > 1024
            && !["forward-limit-ignored", "no-frame-limit", "limit-counts-characters"]
                .contains(&self.room.fault.as_str())
        {
            return self.error("413", "too large when forwarded");
        }
        if self.is("content-sent-as-frame") && content.starts_with(b"USER_LIST|") {
            frame = content;
        }
        if self.is("private-to-all") {
            self.room.broadcast(self.peer, &frame);
            return Then::Goes;
        }
        if self.is("success-as-error-200") {
            self.peer.push(b"ERROR|200|sent");
        }
        self.to_one(to, &frame)
    }

    fn to_one(&self, to: &[u8], frame: &[u8]) -> Then {
        if self.is("keyword-names-unreachable")
            && [&b"CONNECT"[..], b"USER_LIST", b"OK", b"404", b"__proto__", b"constructor"].contains(&to)
        {
            return Then::Goes;
        }
        let users = self.room.users();
        let is_meant = |name: &[u8]| if self.is("name-prefix-matches") { name.starts_with(to) } else { name == to };
        let found = users.iter().find(|user| is_meant(&user.name)).map(|user| Arc::clone(&user.peer));
        if let Some(peer) = found {
            if self.is("private-to-self-dropped") && Arc::ptr_eq(&peer, self.peer) {
                return Then::Goes;
            }
            if self.is("dead-recipient-disconnects-sender") && peer.dead.load(Ordering::SeqCst) {
                return Then::Breaks;
            }
            if self.is("unlocked-writes") {
                drop(users);
            }
            peer.push(frame);
            return Then::Goes;
        }
        drop(users);
        let ghost = self.room.ghosts.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|name| name == to);
        if ghost && self.is("messages-kept-for-next-user") {
            let mut kept = self.room.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry(to.to_vec()).or_default().push(frame.to_vec());
        }
        match self.room.fault.as_str() {
            "unknown-recipient-ignored" => Then::Goes,
            "departed-recipient-ignored" if ghost => Then::Goes,
            "dead-recipient-disconnects-sender" if ghost => Then::Breaks,
            "unknown-recipient-disconnects" => Then::Breaks,
            _ => self.error("404", "no such user"),
        }
    }
}
