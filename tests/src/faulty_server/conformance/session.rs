//! Handles the frames of one client.

use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::frames::{Frames, Next};
use super::peer::Peer;
use super::room::Room;

/// The next step of a connection after a frame.
#[derive(PartialEq, Eq)]
enum NextStep {
    Continue,
    LogOut,
    Abort,
}

struct Session<'r> {
    room: &'r Arc<Room>,
    peer: &'r Arc<Peer>,
    name: Option<Vec<u8>>,
    asked: Vec<u8>,
}

/// Serves one connection to its end.
pub(super) fn serve_connection(room: &Arc<Room>, peer: &Arc<Peer>) {
    let mut session = Session { room, peer, name: None, asked: Vec::new() };
    let mut frames = Frames::new(room, peer);
    if room.has_fault("greeting-banner") {
        peer.push(b"WELCOME TO THE CHAT");
    }
    if room.has_fault("prompt-for-name") {
        peer.push_bytes(b"Enter your name: ");
    }
    if room.has_fault("closes-after-accept") {
        return peer.finish();
    }
    if room.has_fault("none-user-listed") {
        let nobody =
            super::room::User { name: b"None".to_vec(), peer: Arc::clone(peer), since: std::time::Instant::now() };
        room.users().push(nobody);
    }
    if room.has_fault("broadcast-to-unregistered") || room.has_fault("list-to-unregistered") {
        room.unregistered.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(peer));
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
                NextStep::Continue => {}
                NextStep::LogOut
                    if room.has_fault("disconnect-does-not-close")
                        || room.has_fault("frames-after-disconnect-handled")
                        || room.has_fault("late-close-removes-successor") =>
                {
                    gone = true;
                    room.leave(peer, &session.asked, "disconnect");
                    if !room.has_fault("disconnect-does-not-close") {
                        peer.finish();
                    }
                }
                NextStep::LogOut => break "disconnect",
                NextStep::Abort => break "end",
            },
        }
    };
    session.end(how);
}

impl Session<'_> {
    fn has_fault(&self, fault: &str) -> bool {
        self.room.has_fault(fault)
    }

    fn end(&self, how: &str) {
        if self.has_fault("eof-keeps-user") && how != "disconnect"
            || self.has_fault("reset-keeps-user") && (how == "reset" || self.peer.broken.load(Ordering::SeqCst))
        {
            return;
        }
        if self.has_fault("reset-after-flood") && self.peer.broken.load(Ordering::SeqCst) {
            return self.peer.finish();
        }
        if self.has_fault("dead-peer-ends-broadcast") && how != "disconnect" {
            // Long enough for a broadcast to come first, on a busy machine too.
            std::thread::sleep(Duration::from_secs(1));
        }
        if self.has_fault("list-to-leaver") && how == "disconnect" {
            let users = self.room.users();
            let others: Vec<Vec<u8>> =
                users.iter().filter(|user| !Arc::ptr_eq(&user.peer, self.peer)).map(|user| user.name.clone()).collect();
            self.peer.push(&[b"USER_LIST|".to_vec(), others.join(&b","[..])].concat());
        }
        if self.has_fault("disconnect-acknowledged") && how == "disconnect" {
            self.peer.push(b"DISCONNECT_ACK|OK");
        }
        self.room.leave(self.peer, &self.asked, how);
        self.peer.finish();
        if how == "end" {
            let _ = self.peer.stream.shutdown(Shutdown::Read);
        }
    }

    fn error(&self, code: &str, text: &str) -> NextStep {
        self.room.error(self.peer, code, text);
        if self.has_fault("error-then-hangs") {
            std::thread::sleep(Duration::from_hours(1));
        }
        NextStep::Continue
    }

    fn frame(&mut self, frame: Vec<u8>) -> NextStep {
        let mut frame = frame;
        if std::str::from_utf8(&frame).is_err() {
            match self.room.fault.as_str() {
                "invalid-utf8-crashes" => std::process::exit(3),
                "invalid-utf8-ends-broadcasts" => {
                    self.room.is_mute.store(true, Ordering::SeqCst);
                    return self.error("400", "not UTF-8");
                }
                "invalid-utf8-replaced" | "decodes-each-read" => {
                    frame = String::from_utf8_lossy(&frame).into_owned().into_bytes();
                }
                _ => return self.error("400", "not UTF-8"),
            }
        }
        if self.has_fault("content-trimmed") {
            frame = frame.trim_ascii().to_vec();
        }
        if self.has_fault("nul-ends-string") {
            frame = frame.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        }
        if self.has_fault("unicode-normalised") {
            frame = String::from_utf8_lossy(&frame).replace("e\u{301}", "\u{e9}").into_bytes();
        }
        if self.has_fault("non-ascii-replaced") {
            frame = String::from_utf8_lossy(&frame)
                .chars()
                .map(|c| if c.is_ascii() { c } else { '?' })
                .collect::<String>()
                .into_bytes();
        }
        if self.has_fault("escapes-interpreted") {
            frame = String::from_utf8_lossy(&frame).replace("\\n", "\n").into_bytes();
        }
        if self.has_fault("quit-leaves")
            && frame.rsplit(|byte| *byte == b'|').next().is_some_and(|last| last == b"quit")
        {
            return NextStep::LogOut;
        }
        if self.has_fault("double-pipe-collapsed") {
            frame.dedup_by(|one, other| *one == b'|' && *other == b'|');
        }
        if self.has_fault("disconnect-in-content-leaves") && frame.windows(10).any(|part| part == b"DISCONNECT") {
            return NextStep::LogOut;
        }
        if frame.trim_ascii().is_empty() {
            return if self.has_fault("empty-frame-disconnects") { NextStep::Abort } else { NextStep::Continue };
        }
        if self.has_fault("thread-per-message") && frame.starts_with(b"MESSAGE|")
            || self.has_fault("thread-per-message") && frame.starts_with(b"BROADCAST|")
        {
            return self.command_in_new_thread(&frame);
        }
        self.command(&frame)
    }

    /// Handles each message in a thread of its own.
    fn command_in_new_thread(&self, frame: &[u8]) -> NextStep {
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
        NextStep::Continue
    }

    fn command(&mut self, frame: &[u8]) -> NextStep {
        let (command, rest) = match frame.iter().position(|byte| *byte == b'|') {
            Some(at) => (&frame[..at], Some(&frame[at + 1..])),
            None => (frame, None),
        };
        let known = [&b"CONNECT"[..], b"DISCONNECT", b"MESSAGE", b"BROADCAST"];
        let command = match known.into_iter().find(|known| command.starts_with(known)) {
            Some(known) if self.has_fault("command-prefix-matches") => known,
            _ => command,
        };
        match (command, rest) {
            (b"CONNECT", Some(name)) => self.connect(name),
            (b"CONNECT", None) if self.has_fault("empty-name-accepted") => self.connect(b""),
            (b"DISCONNECT", Some(other)) if self.has_fault("disconnect-evicts-others") && !other.is_empty() => {
                self.room.evict(other);
                NextStep::Continue
            }
            (b"DISCONNECT", None | Some(b"")) if !(self.has_fault("trailing-pipe-rejected") && rest.is_some()) => {
                if self.has_fault("disconnect-before-login-ignored") && self.name.is_none() {
                    NextStep::Continue
                } else {
                    NextStep::LogOut
                }
            }
            (b"MESSAGE" | b"BROADCAST", Some(text)) if self.has_fault("brace-disconnects") && text.contains(&b'{') => {
                NextStep::Abort
            }
            (b"MESSAGE" | b"BROADCAST", Some(_)) if self.name.is_none() && !self.has_fault("login-not-required") => {
                self.error("401", "CONNECT first")
            }
            (b"MESSAGE", Some(rest)) => self.message(rest),
            (b"BROADCAST", Some(content)) if !content.is_empty() => self.broadcast(content),
            _ if self.has_fault("malformed-disconnects") => NextStep::Abort,
            _ if self.has_fault("http-crashes") && frame.starts_with(b"GET") => std::process::exit(3),
            _ if self.has_fault("server-command-forwarded") => {
                self.room.broadcast(self.peer, frame);
                NextStep::Continue
            }
            _ => self.error("400", "malformed"),
        }
    }

    fn connect(&mut self, name: &[u8]) -> NextStep {
        if self.name.is_some()
            && !self.has_fault("second-login-renames")
            && !self.has_fault("ghost-user-ends-broadcast")
        {
            if self.has_fault("second-login-disconnects") {
                return NextStep::Abort;
            }
            self.peer.push(b"CONNECT_ACK|FAIL");
            if self.has_fault("taken-name-logs-out") && self.room.users().iter().any(|user| user.name == name) {
                self.room.leave(self.peer, &self.asked, "disconnect");
                self.name = None;
            }
            return self.error("409", "connected already");
        }
        let any = |set: &[u8]| name.iter().any(|byte| set.contains(byte));
        let odd = name != name.trim_ascii() || any(b"%") || name.iter().any(u8::is_ascii_control) || name.len() > 64;
        let legal = (!name.is_empty() || self.has_fault("empty-name-accepted"))
            && (!any(b",") || self.has_fault("comma-in-name-accepted"))
            && (!any(b"|") || self.has_fault("pipe-in-name-accepted"))
            && (!odd
                || self.has_fault("spaces-in-name-accepted")
                || self.has_fault("control-in-name-accepted")
                || self.has_fault("nul-ends-string")
                || self.has_fault("forward-limit-ignored"));
        self.asked = name.to_vec();
        if self.has_fault("list-before-ack") {
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
        let name = if self.has_fault("pipe-in-name-accepted") {
            name.split(|byte| *byte == b'|').next().unwrap_or_default()
        } else {
            name
        };
        if !legal || !self.room.join(name, self.peer) {
            self.peer.push(b"CONNECT_ACK|FAIL");
            if self.has_fault("refused-user-can-speak") {
                self.name = Some(name.to_vec());
            }
            if self.has_fault("refused-user-hears") {
                self.room.unregistered.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(self.peer));
            }
            if self.has_fault("list-after-refusal") {
                self.peer.push(b"USER_LIST|someone");
            }
            if self.has_fault("refused-user-listed") {
                self.room.users().push(super::room::User {
                    name: name.to_vec(),
                    peer: Arc::clone(self.peer),
                    since: std::time::Instant::now(),
                });
            }
            return self.error("409", "not available");
        }
        self.name.get_or_insert(name.to_vec());
        self.room
            .unregistered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|peer| !Arc::ptr_eq(peer, self.peer));
        if let Some(stored) = self.room.stored.lock().unwrap_or_else(PoisonError::into_inner).remove(name) {
            for frame in stored {
                self.peer.push(&frame);
            }
        }
        self.room.lists(Some((self.peer, name)));
        if self.has_fault("history-on-login") {
            self.room.history().iter().for_each(|frame| self.peer.push(frame));
        }
        NextStep::Continue
    }

    fn broadcast(&self, content: &[u8]) -> NextStep {
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

    fn message(&self, rest: &[u8]) -> NextStep {
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
