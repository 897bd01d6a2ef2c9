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
    if room.is("x01") {
        peer.push(b"WELCOME TO THE CHAT");
    }
    if room.is("p05") {
        let nobody =
            super::room::User { name: b"None".to_vec(), peer: Arc::clone(peer), since: std::time::Instant::now() };
        room.users().push(nobody);
    }
    if room.is("x28") || room.is("p06") {
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
                Then::Leaves if room.is("m46") || room.is("m47") || room.is("w11") => {
                    gone = true;
                    room.leave(peer, &session.asked, "disconnect");
                    if !room.is("m46") {
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
        if self.is("x15") && how != "disconnect"
            || self.is("m28") && (how == "reset" || self.peer.broken.load(Ordering::SeqCst))
        {
            return;
        }
        if self.is("q11") && self.peer.broken.load(Ordering::SeqCst) {
            return self.peer.finish();
        }
        if self.is("m44") && how != "disconnect" {
            // Long enough for a broadcast to come first, on a busy machine too.
            std::thread::sleep(Duration::from_secs(1));
        }
        if self.is("x17") && how == "disconnect" {
            let users = self.room.users();
            let others: Vec<Vec<u8>> =
                users.iter().filter(|user| !Arc::ptr_eq(&user.peer, self.peer)).map(|user| user.name.clone()).collect();
            self.peer.push(&[b"USER_LIST|".to_vec(), others.join(&b","[..])].concat());
        }
        if self.is("y11") && how == "disconnect" {
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
        if self.is("y10") {
            std::thread::sleep(Duration::from_hours(1));
        }
        Then::Goes
    }

    fn frame(&mut self, frame: Vec<u8>) -> Then {
        let mut frame = frame;
        if std::str::from_utf8(&frame).is_err() {
            match self.room.fault.as_str() {
                "m20" => std::process::exit(3),
                "m18" | "m17" => frame = String::from_utf8_lossy(&frame).into_owned().into_bytes(),
                _ => return self.error("400", "not UTF-8"),
            }
        }
        if self.is("m42") {
            frame = frame.trim_ascii().to_vec();
        }
        if self.is("m21") {
            frame = frame.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        }
        if self.is("x11") {
            frame = String::from_utf8_lossy(&frame).replace("e\u{301}", "\u{e9}").into_bytes();
        }
        if self.is("x10") {
            frame = String::from_utf8_lossy(&frame)
                .chars()
                .map(|c| if c.is_ascii() { c } else { '?' })
                .collect::<String>()
                .into_bytes();
        }
        if self.is("x24") {
            frame = String::from_utf8_lossy(&frame).replace("\\n", "\n").into_bytes();
        }
        if self.is("q01") && frame.rsplit(|byte| *byte == b'|').next().is_some_and(|last| last == b"quit") {
            return Then::Leaves;
        }
        if self.is("q02") {
            frame.dedup_by(|one, other| *one == b'|' && *other == b'|');
        }
        if self.is("w01") && frame.windows(10).any(|part| part == b"DISCONNECT") {
            return Then::Leaves;
        }
        if frame.trim_ascii().is_empty() {
            return if self.is("m07") { Then::Breaks } else { Then::Goes };
        }
        if self.is("m49") && frame.starts_with(b"MESSAGE|") || self.is("m49") && frame.starts_with(b"BROADCAST|") {
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
            Some(known) if self.is("w05") => known,
            _ => command,
        };
        match (command, rest) {
            (b"CONNECT", Some(name)) => self.connect(name),
            (b"CONNECT", None) if self.is("m29") => self.connect(b""),
            (b"DISCONNECT", Some(other)) if self.is("p02") && !other.is_empty() => {
                self.room.evict(other);
                Then::Goes
            }
            (b"DISCONNECT", None | Some(b"")) if !(self.is("x32") && rest.is_some()) => {
                if self.is("x45") && self.name.is_none() { Then::Goes } else { Then::Leaves }
            }
            (b"MESSAGE" | b"BROADCAST", Some(text)) if self.is("w07") && text.contains(&b'{') => Then::Breaks,
            (b"MESSAGE" | b"BROADCAST", Some(_)) if self.name.is_none() && !self.is("m27") => {
                self.error("401", "CONNECT first")
            }
            (b"MESSAGE", Some(rest)) => self.message(rest),
            (b"BROADCAST", Some(content)) if !content.is_empty() => self.broadcast(content),
            _ if self.is("x25") => Then::Breaks,
            _ if self.is("x33") && frame.starts_with(b"GET") => std::process::exit(3),
            _ if self.is("x31") => {
                self.room.broadcast(self.peer, frame);
                Then::Goes
            }
            _ => self.error("400", "malformed"),
        }
    }

    fn connect(&mut self, name: &[u8]) -> Then {
        if self.name.is_some() && !self.is("m26") && !self.is("x40") {
            if self.is("x14") {
                return Then::Breaks;
            }
            self.peer.push(b"CONNECT_ACK|FAIL");
            if self.is("q03") && self.room.users().iter().any(|user| user.name == name) {
                self.room.leave(self.peer, &self.asked, "disconnect");
                self.name = None;
            }
            return self.error("409", "connected already");
        }
        let any = |set: &[u8]| name.iter().any(|byte| set.contains(byte));
        let odd = name != name.trim_ascii() || any(b"%") || name.iter().any(u8::is_ascii_control) || name.len() > 64;
        let legal = (!name.is_empty() || self.is("m29"))
            && (!any(b",") || self.is("m30"))
            && (!any(b"|") || self.is("x42"))
            && (!odd || self.is("m31") || self.is("x41") || self.is("m21") || self.is("m15"));
        self.asked = name.to_vec();
        if self.is("m22") {
            self.peer.push(&[b"USER_LIST|", name].concat());
            self.peer.push(b"CONNECT_ACK|OK");
        }
        let name = match self.room.fault.as_str() {
            "y06" => &name[..name.len().min(8)],
            "w06" => &name[..name.len().min(31)],
            "q04" => &name.to_ascii_lowercase(),
            "q05" => name.split(|byte| *byte == b' ').next().unwrap_or_default(),
            _ => name,
        };
        let name = if self.is("x42") { name.split(|byte| *byte == b'|').next().unwrap_or_default() } else { name };
        if !legal || !self.room.join(name, self.peer) {
            self.peer.push(b"CONNECT_ACK|FAIL");
            if self.is("w02") {
                self.name = Some(name.to_vec());
            }
            if self.is("w03") {
                self.room.strangers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(self.peer));
            }
            if self.is("x08") {
                self.peer.push(b"USER_LIST|someone");
            }
            if self.is("x19") {
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
        if self.is("z03") {
            self.room.history().iter().for_each(|frame| self.peer.push(frame));
        }
        Then::Goes
    }

    fn broadcast(&self, content: &[u8]) -> Then {
        let sender = self.name.clone().unwrap_or_else(|| b"None".to_vec());
        let content =
            if self.is("m41") { content.split(|byte| *byte == b'|').next().unwrap_or_default() } else { content };
        if self.is("p04") && content.contains(&b'|') {
            return Then::Goes;
        }
        let content = if self.is("w12") { &content[..content.len().min(200)] } else { content };
        let frame = if self.is("y12") {
            [b"MESSAGE|", sender.as_slice(), b"|", content].concat()
        } else if self.is("x26") {
            [b"BROADCAST|", content].concat()
        } else {
            [b"BROADCAST|", sender.as_slice(), b"|", content].concat()
        };
        if frame.len() > 1024 && !["m15", "m09", "m19"].contains(&self.room.fault.as_str()) {
            return self.error("413", "too large when forwarded");
        }
        if self.room.broadcast(self.peer, &frame) { Then::Breaks } else { Then::Goes }
    }

    fn message(&self, rest: &[u8]) -> Then {
        let (to, content) = match rest.iter().position(|byte| *byte == b'|') {
            Some(at) if at > 0 && at + 1 < rest.len() => (&rest[..at], &rest[at + 1..]),
            _ if self.is("x25") => return Then::Breaks,
            _ => return self.error("400", "malformed"),
        };
        let mut sender = self.name.clone().unwrap_or_else(|| b"None".to_vec());
        let mut content = content.to_vec();
        if let (true, Some(at)) = (self.is("m38"), content.iter().position(|byte| *byte == b'|')) {
            sender = content[..at].to_vec();
            content.drain(..=at);
        }
        if self.is("m41") {
            content = content.split(|byte| *byte == b'|').next().unwrap_or_default().to_vec();
        }
        if self.is("p04") && content.contains(&b'|') {
            return Then::Goes;
        }
        if self.is("p01") && content == b"0" {
            return self.error("400", "no content");
        }
        let first = if self.is("m37") { to.to_vec() } else { sender };
        if self.is("z01") {
            content = String::from_utf8_lossy(&content).replace('&', "&amp;").replace('<', "&lt;").into_bytes();
        }
        let mut frame = [b"MESSAGE|", first.as_slice(), b"|", &content].concat();
        if frame.len() > 1024 && !["m15", "m09", "m19"].contains(&self.room.fault.as_str()) {
            return self.error("413", "too large when forwarded");
        }
        if self.is("x23") && content.starts_with(b"USER_LIST|") {
            frame = content;
        }
        if self.is("m36") {
            self.room.broadcast(self.peer, &frame);
            return Then::Goes;
        }
        if self.is("x36") {
            self.peer.push(b"ERROR|200|sent");
        }
        self.to_one(to, &frame)
    }

    fn to_one(&self, to: &[u8], frame: &[u8]) -> Then {
        if self.is("x51") && [&b"CONNECT"[..], b"USER_LIST", b"OK", b"404", b"__proto__", b"constructor"].contains(&to)
        {
            return Then::Goes;
        }
        let users = self.room.users();
        let is_meant = |name: &[u8]| if self.is("z02") { name.starts_with(to) } else { name == to };
        let found = users.iter().find(|user| is_meant(&user.name)).map(|user| Arc::clone(&user.peer));
        if let Some(peer) = found {
            if self.is("x21") && Arc::ptr_eq(&peer, self.peer) {
                return Then::Goes;
            }
            if self.is("x49") && peer.dead.load(Ordering::SeqCst) {
                return Then::Breaks;
            }
            if self.is("m16") {
                drop(users);
            }
            peer.push(frame);
            return Then::Goes;
        }
        drop(users);
        let ghost = self.room.ghosts.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|name| name == to);
        if ghost && self.is("x22") {
            let mut kept = self.room.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry(to.to_vec()).or_default().push(frame.to_vec());
        }
        match self.room.fault.as_str() {
            "m39" => Then::Goes,
            "x48" if ghost => Then::Goes,
            "x49" if ghost => Then::Breaks,
            "y05" => Then::Breaks,
            _ => self.error("404", "no such user"),
        }
    }
}
