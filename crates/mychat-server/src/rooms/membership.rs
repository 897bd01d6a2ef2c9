//! Joining and leaving.

use mychat_proto::{ExtensionReply, UserList, name};

use super::RoomSink;
use super::registry::{Answer, RoomRegistry};
use super::room::RoomState;
use crate::error_reply::ErrorReply;

impl RoomRegistry {
    /// Makes the user a member, and sends it the state of the room (rule Q3).
    pub(super) fn join<'a>(&mut self, user: u32, name: &'a str, sink: &mut impl RoomSink) -> Answer<'a> {
        name::check(name).map_err(|error| ErrorReply::IllegalRoomName { command: "JOIN", error })?;
        let found = self.find_room(name);
        if found.is_some_and(|room| self.user(user).rooms.contains(&room)) {
            return Err(ErrorReply::AlreadyMember);
        }
        // Before anything that depends on the room, so that it tells nothing about the room.
        if self.user(user).rooms.len() >= self.options.max_per_user {
            return Err(ErrorReply::TooManyRooms);
        }
        let room = match found {
            Some(room) => {
                self.check_admission(user, room)?;
                room
            }
            None if self.rooms.len() >= self.options.max_rooms => return Err(ErrorReply::NoMoreRooms),
            None => self.create_room(name, false),
        };
        let generation = self.user(user).address.key.generation;
        self.room_mut(room).take_invitation(generation);
        self.room_mut(room).add(user);
        self.users[user as usize].rooms.push(room);
        self.memberships += 1;
        let joiner = self.user(user).name.clone();
        self.announce(room, ExtensionReply::Join { room: name, user: &joiner }, sink);
        self.send_state(user, room, sink);
        Ok(())
    }

    fn check_admission<'a>(&self, user: u32, room: u32) -> Result<(), ErrorReply<'a>> {
        let (user, room) = (self.user(user), self.room(room));
        let is_kept_out = room.is_private && !room.is_invited(user.address.key.generation);
        if is_kept_out || room.is_banned(&user.name) {
            return Err(ErrorReply::NoAdmission);
        }
        let limit = self.options.max_members.map_or(usize::MAX, std::num::NonZeroUsize::get);
        if room.members.len() >= limit { Err(ErrorReply::RoomFull) } else { Ok(()) }
    }

    pub(super) fn leave<'a>(&mut self, user: u32, name: &'a str, sink: &mut impl RoomSink) -> Answer<'a> {
        let room = self.own_room(user, name)?;
        let leaver = self.user(user).name.clone();
        self.announce(room, ExtensionReply::Leave { room: name, user: &leaver }, sink);
        self.remove_member(user, room, sink);
        Ok(())
    }

    /// Removes a user from all its rooms and tells the other members (rule Q5).
    pub(super) fn leave_all(&mut self, user: u32, sink: &mut impl RoomSink) {
        let leaver = self.user(user).name.clone();
        for room in std::mem::take(&mut self.users[user as usize].rooms) {
            self.room_mut(room).remove(user);
            self.memberships -= 1;
            let name = self.room(room).name.clone();
            self.announce(room, ExtensionReply::Leave { room: &name, user: &leaver }, sink);
            self.settle_room(room, sink);
        }
    }

    /// Removes a member who has been told of it.
    pub(super) fn remove_member(&mut self, user: u32, room: u32, sink: &mut impl RoomSink) {
        self.room_mut(room).remove(user);
        self.users[user as usize].rooms.retain(|&own| own != room);
        self.memberships -= 1;
        self.settle_room(room, sink);
    }

    /// Removes a room without members, and gives a room without operators a new one (rule Q6).
    pub(super) fn settle_room(&mut self, room: u32, sink: &mut impl RoomSink) {
        if self.room(room).members.is_empty() {
            if self.room(room).is_permanent {
                let name = std::mem::take(&mut self.room_mut(room).name);
                *self.room_mut(room) = RoomState::new(&name, true);
            } else {
                self.remove_room(room);
            }
        } else if let Some(operator) = self.room_mut(room).promote_if_leaderless() {
            let (name, operator) = (self.room(room).name.clone(), self.user(operator).name.clone());
            self.announce(room, ExtensionReply::Operators { room: &name, users: UserList::new(&operator) }, sink);
        }
    }
}
