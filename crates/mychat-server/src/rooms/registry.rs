//! All rooms, and the users who have the extension in force.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use mychat_proto::{EncodeError, ExtensionCommand, ExtensionReply, Framing};
use slab::Slab;

use super::RoomSink;
use super::options::RoomOptions;
use super::room::RoomState;
use crate::error_reply::ErrorReply;
use crate::router::SessionAddress;

/// The result of a request: its echo was sent, or this error answers it.
pub(super) type Answer<'a> = Result<(), ErrorReply<'a>>;

/// A user who has the extension in force.
#[derive(Debug, Clone)]
pub(super) struct RoomUser {
    pub(super) name: Box<str>,
    pub(super) address: SessionAddress,
    /// Indices of the rooms that the user is in; few, so they are searched one by one.
    pub(super) rooms: Vec<u32>,
}

/// Messages for the members of one room that were not passed on yet. Several messages in a row cost each member one append.
#[derive(Debug, Clone, Default)]
pub(super) struct MessageRun {
    pub(super) room: u32,
    pub(super) frames: Vec<u8>,
    pub(super) messages: u32,
}

/// The state of all rooms at one place of the common order; see the [module](super).
#[derive(Debug, Clone)]
pub(crate) struct RoomRegistry {
    pub(super) options: Arc<RoomOptions>,
    pub(super) users: Slab<RoomUser>,
    /// The index of a user by the generation of the session.
    by_generation: HashMap<u32, u32>,
    by_name: HashTable<u32>,
    pub(super) rooms: Slab<RoomState>,
    room_names: HashTable<u32>,
    hasher: RandomState,
    pub(super) memberships: usize,
    pub(super) run: MessageRun,
    /// A buffer for frames; empty between requests.
    pub(super) buffer: Vec<u8>,
}

impl RoomRegistry {
    /// Creates a registry without users, with the rooms that the options name.
    pub(crate) fn new(options: &Arc<RoomOptions>) -> Self {
        let mut registry = Self {
            options: Arc::clone(options),
            users: Slab::new(),
            by_generation: HashMap::new(),
            by_name: HashTable::new(),
            rooms: Slab::new(),
            room_names: HashTable::new(),
            hasher: RandomState::new(),
            memberships: 0,
            run: MessageRun::default(),
            buffer: Vec::new(),
        };
        for name in &options.names {
            registry.create_room(name, true);
        }
        registry
    }

    /// Returns the number of rooms.
    pub(crate) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Returns the number of memberships over all rooms.
    pub(crate) const fn memberships(&self) -> usize {
        self.memberships
    }

    /// Adds the user of a session that has just negotiated the extension.
    pub(crate) fn enter(&mut self, from: SessionAddress, name: &str) {
        let user = self.users.insert(RoomUser { name: name.into(), address: from, rooms: Vec::new() }) as u32;
        self.by_generation.insert(from.key.generation, user);
        let (hasher, users) = (&self.hasher, &self.users);
        self.by_name.insert_unique(hasher.hash_one(name), user, |&user| hasher.hash_one(&*users[user as usize].name));
    }

    /// Removes the user of a session from all rooms, because the session has ended or gave up the extension (rule Q5).
    pub(crate) fn exit(&mut self, from: SessionAddress, sink: &mut impl RoomSink) {
        self.flush_run(sink);
        let Some(user) = self.by_generation.remove(&from.key.generation) else { return };
        self.leave_all(user, sink);
        let hash = self.hasher.hash_one(&*self.users[user as usize].name);
        if let Ok(found) = self.by_name.find_entry(hash, |&candidate| candidate == user) {
            found.remove();
        }
        self.users.remove(user as usize);
    }

    /// Executes a command of a session. A session that is no user here has ended, or belongs to a worker that is stopping.
    pub(crate) fn execute(&mut self, from: SessionAddress, command: ExtensionCommand<'_>, sink: &mut impl RoomSink) {
        let Some(&user) = self.by_generation.get(&from.key.generation) else { return };
        if !self.continues_run(command) {
            self.flush_run(sink);
        }
        let answer = match command {
            ExtensionCommand::Say { room, content } => self.say(user, room, content, sink),
            ExtensionCommand::Join { room } => self.join(user, room, sink),
            ExtensionCommand::Leave { room } => self.leave(user, room, sink),
            ExtensionCommand::Rooms => {
                self.list_rooms(user, sink);
                Ok(())
            }
            ExtensionCommand::Members { room } => self.list_members(user, room, sink),
            ExtensionCommand::Topic { room, text } => self.set_topic(user, room, text, sink),
            ExtensionCommand::Moderate { action, room, user: target } => {
                self.moderate(user, action, room, target, sink)
            }
            ExtensionCommand::Mode { room, mode } => self.set_mode(user, room, mode, sink),
            // The worker answers it; the registry hears of it through `enter` and `exit`.
            ExtensionCommand::Capabilities { .. } => Ok(()),
        };
        if let Err(error) = answer {
            self.flush_run(sink);
            sink.refuse(from, error);
        }
    }

    /// Passes on the messages that were collected for one room.
    pub(crate) fn flush_run(&mut self, sink: &mut impl RoomSink) {
        if self.run.messages == 0 {
            return;
        }
        let mut run = std::mem::take(&mut self.run);
        self.send_to_members(run.room, &run.frames, run.messages, sink);
        run.frames.clear();
        run.messages = 0;
        self.run = run;
    }

    /// Changes the address of a session that moves to another worker.
    pub(crate) fn relocate(&mut self, generation: u32, to: SessionAddress) {
        if let Some(&user) = self.by_generation.get(&generation) {
            self.users[user as usize].address = to;
        }
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        let (hasher, users, rooms) = (&self.hasher, &self.users, &self.rooms);
        self.by_generation.shrink_to_fit();
        self.by_name.shrink_to_fit(|&user| hasher.hash_one(&*users[user as usize].name));
        self.room_names.shrink_to_fit(|&room| hasher.hash_one(&*rooms[room as usize].name));
        self.users.shrink_to_fit();
        self.rooms.shrink_to_fit();
        self.run.frames = Vec::new();
        self.buffer = Vec::new();
    }

    pub(super) fn user(&self, user: u32) -> &RoomUser {
        &self.users[user as usize]
    }

    pub(super) fn room(&self, room: u32) -> &RoomState {
        &self.rooms[room as usize]
    }

    pub(super) fn room_mut(&mut self, room: u32) -> &mut RoomState {
        &mut self.rooms[room as usize]
    }

    pub(super) fn find_user(&self, name: &str) -> Option<u32> {
        let users = &self.users;
        self.by_name.find(self.hasher.hash_one(name), |&user| *users[user as usize].name == *name).copied()
    }

    pub(super) fn has_user_with(&self, generation: u32) -> bool {
        self.by_generation.contains_key(&generation)
    }

    pub(super) fn find_room(&self, name: &str) -> Option<u32> {
        let rooms = &self.rooms;
        self.room_names.find(self.hasher.hash_one(name), |&room| *rooms[room as usize].name == *name).copied()
    }

    pub(super) fn create_room(&mut self, name: &str, is_permanent: bool) -> u32 {
        let room = self.rooms.insert(RoomState::new(name, is_permanent)) as u32;
        let (hasher, rooms) = (&self.hasher, &self.rooms);
        self.room_names
            .insert_unique(hasher.hash_one(name), room, |&room| hasher.hash_one(&*rooms[room as usize].name));
        room
    }

    pub(super) fn remove_room(&mut self, room: u32) {
        let hash = self.hasher.hash_one(&*self.room(room).name);
        if let Ok(found) = self.room_names.find_entry(hash, |&candidate| candidate == room) {
            found.remove();
        }
        self.rooms.remove(room as usize);
    }

    /// Returns the room with this name if the user is in it. An outsider gets the same error for any room (rule Q7).
    pub(super) fn own_room<'a>(&self, user: u32, name: &str) -> Result<u32, ErrorReply<'a>> {
        let room = self.find_room(name).filter(|room| self.user(user).rooms.contains(room));
        room.ok_or(ErrorReply::NoSuchRoom)
    }

    /// Returns the room with this name if the user is an operator of it.
    pub(super) fn operated_room<'a>(
        &self,
        user: u32,
        name: &str,
        command: &'static str,
    ) -> Result<u32, ErrorReply<'a>> {
        let room = self.own_room(user, name)?;
        if self.room(room).is_operator(user) { Ok(room) } else { Err(ErrorReply::NotOperator { command }) }
    }

    pub(super) fn send_to_members(&self, room: u32, frames: &[u8], messages: u32, sink: &mut impl RoomSink) {
        for &member in &self.room(room).members {
            sink.deliver(self.user(member).address, frames, messages);
        }
    }

    /// Sends one frame to all members of a room.
    pub(super) fn announce(&mut self, room: u32, reply: ExtensionReply<'_>, sink: &mut impl RoomSink) {
        let mut frame = std::mem::take(&mut self.buffer);
        // Names are legal, and topics fit: the frame can be encoded.
        if write_frame(reply, &mut frame).is_ok() {
            self.send_to_members(room, &frame, 0, sink);
        }
        frame.clear();
        self.buffer = frame;
    }
}

/// Appends `reply` as a frame that ends in LF.
pub(super) fn write_frame(reply: ExtensionReply<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    reply.write(out)?;
    Framing::Lf.end(out, start);
    Ok(())
}
