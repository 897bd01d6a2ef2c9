//! Handles the frames of one client.

mod commands;
mod extension;

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::frames::{Departure, Frames, Next};
use super::peer::Peer;
use super::room::Room;
use extension::ExtensionState;

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
    /// Messages that were handled in threads of their own.
    in_threads: usize,
    extension: ExtensionState,
    /// True if its frames have no line ends.
    is_raw: bool,
}

/// Serves one connection to its end.
pub(super) fn serve_connection(room: &Arc<Room>, peer: &Arc<Peer>) {
    let mut session = Session::new(room, peer);
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
        let nobody = super::room::User { name: b"None".to_vec(), peer: Arc::clone(peer) };
        room.users().push(nobody);
    }
    if room.has_fault("broadcast-to-unregistered") || room.has_fault("list-to-unregistered") {
        room.unregistered().push(Arc::clone(peer));
    }
    let mut gone = false;
    let how = loop {
        match frames.next(room, peer) {
            Next::End(end) => break if gone { Departure::Disconnect } else { end },
            Next::Oversize => room.error(peer, "413", "too large"),
            Next::Frame(frame) => match session.frame_of_read(frame, &frames) {
                NextStep::Continue => {}
                NextStep::LogOut
                    if room.has_fault("disconnect-does-not-close")
                        || room.has_fault("frames-after-disconnect-handled")
                        || room.has_fault("late-close-removes-successor") =>
                {
                    gone = true;
                    room.leave(peer, &session.asked, Departure::Disconnect);
                    if !room.has_fault("disconnect-does-not-close") {
                        peer.finish();
                    }
                }
                NextStep::LogOut => break Departure::Disconnect,
                NextStep::Abort => break Departure::Close,
            },
        }
    };
    session.end(how);
}

impl<'r> Session<'r> {
    fn new(room: &'r Arc<Room>, peer: &'r Arc<Peer>) -> Self {
        let extension = ExtensionState::default();
        Self { room, peer, name: None, asked: Vec::new(), in_threads: 0, extension, is_raw: false }
    }
}

impl Session<'_> {
    fn has_fault(&self, fault: &str) -> bool {
        self.room.has_fault(fault)
    }

    /// Handles a frame, and what faults hold back until the last frame of a read.
    fn frame_of_read(&mut self, frame: Vec<u8>, frames: &Frames) -> NextStep {
        (self.extension.has_more, self.is_raw) = (frames.has_more(), frames.is_raw);
        let step = self.frame(frame);
        if !self.extension.has_more {
            self.flush_held();
        }
        step
    }

    fn end(&mut self, how: Departure) {
        if self.has_fault("eof-keeps-user") && how != Departure::Disconnect
            || self.has_fault("reset-keeps-user") && how == Departure::Reset
        {
            return;
        }
        // The user stays: for ever, or until the next login.
        if self.has_fault("reset-after-flood") && how == Departure::Flood
            || self.has_fault("dead-peer-ends-broadcast") && how != Departure::Disconnect
        {
            return self.peer.finish();
        }
        if self.has_fault("list-to-leaver") && how == Departure::Disconnect {
            let users = self.room.users();
            let others: Vec<Vec<u8>> =
                users.iter().filter(|user| !Arc::ptr_eq(&user.peer, self.peer)).map(|user| user.name.clone()).collect();
            self.peer.push(&[b"USER_LIST|".to_vec(), others.join(&b","[..])].concat());
        }
        if self.has_fault("disconnect-acknowledged") && how == Departure::Disconnect {
            self.peer.push(b"DISCONNECT_ACK|OK");
        }
        if !self.has_fault("room-end-keeps-member") {
            self.exit_rooms();
        }
        self.room.leave(self.peer, &self.asked, how);
        self.peer.finish();
        if how == Departure::Close || how == Departure::Flood {
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
        if std::str::from_utf8(&frame).is_err() && !self.replaces_invalid() {
            return self.invalid_text();
        }
        let frame = self.altered(frame);
        if self.has_fault("quit-leaves") && frame.ends_with(b"|quit")
            || self.has_fault("disconnect-in-content-leaves") && frame.windows(10).any(|part| part == b"DISCONNECT")
        {
            return NextStep::LogOut;
        }
        if frame.trim_ascii().is_empty() {
            return if self.has_fault("empty-frame-disconnects") { NextStep::Abort } else { NextStep::Continue };
        }
        if self.has_fault("thread-per-message") && (frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|"))
        {
            return self.command_in_new_thread(&frame);
        }
        self.command(&frame)
    }

    fn replaces_invalid(&self) -> bool {
        self.has_fault("invalid-utf8-replaced") || self.has_fault("decodes-each-read")
    }

    fn invalid_text(&self) -> NextStep {
        match self.room.fault.as_str() {
            "invalid-utf8-crashes" => std::process::exit(3),
            "invalid-utf8-ends-broadcasts" => self.room.is_mute.store(true, Ordering::SeqCst),
            _ => {}
        }
        self.error("400", "not UTF-8")
    }

    /// Returns what the server makes of a frame before it looks at it.
    fn altered(&self, mut frame: Vec<u8>) -> Vec<u8> {
        let text = || String::from_utf8_lossy(&frame);
        match self.room.fault.as_str() {
            "invalid-utf8-replaced" | "decodes-each-read" => text().into_owned().into_bytes(),
            "content-trimmed" => frame.trim_ascii().to_vec(),
            "nul-ends-string" => frame.split(|byte| *byte == 0).next().unwrap_or_default().to_vec(),
            "unicode-normalised" => text().replace("e\u{301}", "\u{e9}").into_bytes(),
            "non-ascii-replaced" => text().replace(|c: char| !c.is_ascii(), "?").into_bytes(),
            "escapes-interpreted" => text().replace("\\n", "\n").into_bytes(),
            "double-pipe-collapsed" => {
                frame.dedup_by(|one, other| *one == b'|' && *other == b'|');
                frame
            }
            _ => frame,
        }
    }

    /// Handles each message in a thread of its own. Each third one is late, so that the next ones overtake it.
    fn command_in_new_thread(&mut self, frame: &[u8]) -> NextStep {
        let is_late = self.in_threads % 3 == 1;
        self.in_threads += 1;
        let (room, peer, name, frame) =
            (Arc::clone(self.room), Arc::clone(self.peer), self.name.clone(), frame.to_vec());
        std::thread::spawn(move || {
            if is_late {
                std::thread::sleep(Duration::from_millis(40));
            }
            let mut session = Session { name, ..Session::new(&room, &peer) };
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
            _ if self.room.has_chat_rooms() => self.extension(command, rest),
            _ => self.error("400", "malformed"),
        }
    }
}
