//! The extension `rooms` in one session: its negotiation, and its requests, with their faults.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{NextStep, Session};
use crate::faulty_server::conformance::chat_rooms::{MOST_ROOMS, RefusalText, RoomAnswer, RoomPeer, RoomRequest};

/// The time between two `ROOMS` of one session.
const LIST_INTERVAL: Duration = Duration::from_secs(1);

/// The state of the extension in one session.
#[derive(Debug, Default)]
pub(super) struct ExtensionState {
    /// The user, while the extension is in force.
    user: Option<RoomPeer>,
    has_asked: bool,
    last_list: Option<Instant>,
    /// True if further frames were read with this one.
    pub(super) has_more: bool,
    held_errors: Vec<RefusalText>,
    held_requests: Vec<RoomRequest>,
}

impl Session<'_> {
    /// Handles a frame that is none of MyChat/1.
    pub(super) fn extension(&mut self, verb: &[u8], rest: Option<&[u8]>) -> NextStep {
        let rest = rest.map(|rest| String::from_utf8_lossy(rest).into_owned());
        let verb = String::from_utf8_lossy(verb).into_owned();
        if verb == "CAPABILITIES" {
            return self.capabilities(rest.as_deref());
        }
        let request = RoomRequest::parse(&verb, rest.as_deref(), &self.room.fault);
        if self.has_fault("ext-without-negotiation") {
            self.enter();
        }
        let Some(user) = self.extension.user.clone() else {
            let is_ignored = request.is_none() && RoomRequest::is_verb(&verb);
            if is_ignored && self.has_fault("ext-malformed-first") {
                return self.error("422", "malformed");
            }
            return self.error("400", "unknown command");
        };
        match request {
            None => self.answer(Err(("400", "malformed"))),
            Some(request @ RoomRequest::Say { .. }) if self.has_fault("room-say-held") && self.extension.has_more => {
                self.extension.held_requests.push(request);
                NextStep::Continue
            }
            Some(request) => self.request(&user, &request),
        }
    }

    fn request(&mut self, user: &RoomPeer, request: &RoomRequest) -> NextStep {
        if *request == RoomRequest::Rooms {
            let is_early = self.extension.last_list.is_some_and(|last| last.elapsed() < LIST_INTERVAL);
            if is_early && !self.has_fault("room-lists-unlimited") {
                return self.answer(Err(("429", "too many lists")));
            }
            self.extension.last_list = Some(Instant::now());
        }
        let answer = {
            let users = self.room.users();
            let mut rooms = self.room.chat_rooms.lock().unwrap_or_else(PoisonError::into_inner);
            rooms.execute(user, request, &users)
        };
        self.answer(answer)
    }

    fn answer(&mut self, answer: RoomAnswer) -> NextStep {
        match answer {
            Ok(()) => NextStep::Continue,
            Err(refusal) if self.has_fault("room-errors-late") && self.extension.has_more => {
                self.extension.held_errors.push(refusal);
                NextStep::Continue
            }
            Err((code, text)) => self.error(code, text),
        }
    }

    /// Does what faults hold back until everything that was read is handled.
    pub(super) fn flush_held(&mut self) {
        for request in std::mem::take(&mut self.extension.held_requests) {
            if let Some(user) = self.extension.user.clone() {
                self.request(&user, &request);
            }
        }
        for (code, text) in std::mem::take(&mut self.extension.held_errors) {
            self.error(code, text);
        }
    }

    fn capabilities(&mut self, list: Option<&str>) -> NextStep {
        if self.name.is_none() && !self.has_fault("ext-before-login") {
            return self.error("401", "CONNECT first");
        }
        let list = match list {
            None if !self.has_fault("ext-list-not-needed") => return self.error("400", "malformed"),
            list => list.unwrap_or_default(),
        };
        if self.has_fault("ext-asked-once") && std::mem::replace(&mut self.extension.has_asked, true) {
            return self.error("400", "asked already");
        }
        let wants = list.split(',').any(|name| name == "rooms") || self.has_fault("ext-always-on") && !list.is_empty();
        if wants && (!self.is_raw || self.has_fault("ext-for-raw")) {
            self.peer.push(self.capability_answer(list).as_bytes());
            // Whatever was read with it is handled as before.
            if !(self.has_fault("ext-late") && self.extension.has_more) {
                self.enter();
            }
            return NextStep::Continue;
        }
        if !self.has_fault("ext-never-off") {
            self.exit_rooms();
        }
        let unknown = if self.has_fault("ext-unknown-answered") { list } else { "" };
        self.peer.push(format!("CAPABILITIES|{unknown}").as_bytes());
        NextStep::Continue
    }

    fn capability_answer(&self, list: &str) -> String {
        match self.room.fault.as_str() {
            "ext-without-limit" => "CAPABILITIES|rooms".to_owned(),
            "ext-unknown-answered" => format!("CAPABILITIES|{}", list.replace("rooms", &format!("rooms={MOST_ROOMS}"))),
            _ => format!("CAPABILITIES|rooms={MOST_ROOMS}"),
        }
    }

    fn enter(&mut self) {
        let Some(name) = &self.name else { return };
        let user = RoomPeer { name: String::from_utf8_lossy(name).into_owned(), peer: Arc::clone(self.peer) };
        let _users = self.room.users();
        self.room.chat_rooms.lock().unwrap_or_else(PoisonError::into_inner).enter(&user);
        self.extension.user = Some(user);
        if self.has_fault("ext-ends-broadcasts") {
            self.peer.hears_no_broadcasts.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }

    /// Leaves all rooms and ends the extension.
    pub(super) fn exit_rooms(&mut self) {
        if let Some(user) = self.extension.user.take() {
            let _users = self.room.users();
            self.room.chat_rooms.lock().unwrap_or_else(PoisonError::into_inner).exit(&user);
        }
    }
}
