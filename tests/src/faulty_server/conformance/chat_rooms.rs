//! Chat rooms, with their faults. All of it happens under the lock of the users, so that frames of rooms and broadcasts have
//! one order.

mod delivery;
mod membership;
mod moderation;
mod request;

use std::sync::Arc;

use super::peer::Peer;
use super::room::User;
pub(super) use request::RoomRequest;

/// The code and the text of an error.
pub(super) type RefusalText = (&'static str, &'static str);
/// The result of a request: its echo was sent, or this error answers it.
pub(super) type RoomAnswer = Result<(), RefusalText>;

const NO_ROOM: RefusalText = ("404", "no such room, or you are not in it");
const NO_MEMBER: RefusalText = ("404", "no such member");
const NOT_ALLOWED: RefusalText = ("403", "only operators may do that");
const NO_ADMISSION: RefusalText = ("403", "you may not join");
const ILLEGAL_NAME: RefusalText = ("422", "not a legal name");
const TOO_LONG: RefusalText = ("413", "too large");

/// The rooms that a user may be in.
pub(super) const MOST_ROOMS: usize = 50;
const MOST_TOPIC_BYTES: usize = 390;

/// A user who has the extension in force.
#[derive(Debug, Clone)]
pub(super) struct RoomPeer {
    pub(super) name: String,
    pub(super) peer: Arc<Peer>,
}

#[derive(Debug)]
struct RoomMember {
    user: RoomPeer,
    is_operator: bool,
}

/// A room. Its members are in the order of their joins.
#[derive(Debug, Default)]
struct ChatRoom {
    name: String,
    number: usize,
    members: Vec<RoomMember>,
    topic: Option<(String, String)>,
    banned: Vec<String>,
    invited: Vec<RoomPeer>,
    is_private: bool,
    is_quiet: bool,
    counts: RoomCounts,
    /// Former members whom a fault lets hear or speak once more.
    ghosts: Vec<RoomPeer>,
    /// Former operators who were kicked.
    deposed: Vec<RoomPeer>,
    /// A frame that a fault holds back from one member until the next one.
    held: Option<(Arc<Peer>, String)>,
}

/// The events in a room so far, for faults that count.
#[derive(Debug, Default)]
struct RoomCounts {
    says: usize,
    leaves: usize,
    kicks: usize,
}

/// All rooms, and the users who have the extension in force.
#[derive(Debug)]
pub(super) struct ChatRooms {
    fault: String,
    rooms: Vec<ChatRoom>,
    users: Vec<RoomPeer>,
    created: usize,
    /// All users of the server, for faults that confuse them with the members.
    everybody: Vec<User>,
}

impl RoomPeer {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.peer, &other.peer)
    }

    fn push(&self, frame: &str) {
        self.peer.push(frame.as_bytes());
    }
}

impl ChatRooms {
    pub(super) fn new(fault: &str) -> Self {
        Self { fault: fault.to_owned(), rooms: Vec::new(), users: Vec::new(), created: 0, everybody: Vec::new() }
    }

    /// Executes a request; `everybody` are the users of the server.
    pub(super) fn execute(&mut self, user: &RoomPeer, request: &RoomRequest, everybody: &[User]) -> RoomAnswer {
        self.everybody = everybody.to_vec();
        match request {
            RoomRequest::Join { room } => self.join(user, room),
            RoomRequest::Leave { room } => self.leave(user, room),
            RoomRequest::Say { room, content } => self.say(user, room, content),
            RoomRequest::Rooms => {
                self.list_rooms(user);
                Ok(())
            }
            RoomRequest::Members { room } => self.list_members(user, room),
            RoomRequest::Topic { room, text } => self.set_topic(user, room, text),
            RoomRequest::Mode { room, mode } => self.set_mode(user, room, mode),
            RoomRequest::Moderate { verb, room, target } => self.moderate(user, verb, room, target),
        }
    }

    pub(super) fn enter(&mut self, user: &RoomPeer) {
        if !self.users.iter().any(|other| other.is(user)) {
            self.users.push(user.clone());
        }
    }

    fn has_fault(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn find(&self, room: &str) -> Option<usize> {
        let folds = self.has_fault("room-names-folded");
        self.rooms.iter().position(|other| other.name == room || folds && other.name.eq_ignore_ascii_case(room))
    }

    /// Returns the room that the user is in.
    fn own(&self, user: &RoomPeer, room: &str) -> Result<usize, RefusalText> {
        let Some(at) = self.find(room) else { return Err(NO_ROOM) };
        if self.rooms[at].members.iter().any(|member| member.user.is(user)) {
            return Ok(at);
        }
        Err(if self.has_fault("room-private-tells") && self.rooms[at].is_private { NOT_ALLOWED } else { NO_ROOM })
    }

    /// Returns the room that the user is an operator of.
    fn operated(&self, user: &RoomPeer, room: &str, verb: &str) -> Result<usize, RefusalText> {
        let found = self.find(room);
        if self.has_fault("room-right-before-membership") && found.is_some_and(|at| !self.rooms[at].is_operator(user)) {
            return Err(NOT_ALLOWED);
        }
        if let Some(at) = found.filter(|_| self.has_fault("room-kick-by-kicked") && verb == "KICK")
            && self.rooms[at].deposed.iter().any(|other| other.is(user))
        {
            return Ok(at);
        }
        let at = self.own(user, room)?;
        let may = self.rooms[at].is_operator(user) || self.has_fault("room-anyone-operates");
        if may { Ok(at) } else { Err(NOT_ALLOWED) }
    }
}

impl ChatRoom {
    fn is_operator(&self, user: &RoomPeer) -> bool {
        self.members.iter().any(|member| member.user.is(user) && member.is_operator)
    }

    fn operators(&self) -> Vec<String> {
        self.members.iter().filter(|member| member.is_operator).map(|member| member.user.name.clone()).collect()
    }

    fn names(&self) -> Vec<String> {
        self.members.iter().map(|member| member.user.name.clone()).collect()
    }
}

fn is_legal(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.trim() == name
        && !name.contains([',', '|'])
        && !name.contains(char::is_control)
}
