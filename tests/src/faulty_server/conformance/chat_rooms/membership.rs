//! Joining and leaving, with their faults.

use super::{ChatRoom, ChatRooms, ILLEGAL_NAME, MOST_ROOMS, NO_ADMISSION, RoomAnswer, RoomMember, RoomPeer, is_legal};

/// The way in which a member leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It was asked for, by the member or by an operator.
    Requested,
    /// With the session.
    SessionEnd,
}

impl ChatRooms {
    pub(super) fn join(&mut self, user: &RoomPeer, room: &str) -> RoomAnswer {
        if !is_legal(room) && !self.has_fault("room-names-unchecked") {
            return Err(ILLEGAL_NAME);
        }
        if self.own(user, room).is_ok() && !self.has_fault("room-join-twice-adds") {
            return Err(("409", "you are in the room"));
        }
        let own = self.rooms.iter().filter(|room| room.members.iter().any(|member| member.user.is(user))).count();
        if own >= MOST_ROOMS && !self.has_fault("room-limit-unchecked") {
            return Err(("503", "too many rooms"));
        }
        let at = if let Some(at) = self.find(room) {
            self.admit(at, user)?;
            at
        } else {
            self.rooms.push(ChatRoom { name: room.to_owned(), number: self.created, ..ChatRoom::default() });
            self.created += 1;
            self.rooms.len() - 1
        };
        self.add(at, user);
        let joined = format!("JOIN|{room}|{}", user.name);
        if self.has_fault("room-members-before-join") {
            self.send_members(at, user);
        }
        if self.has_fault("room-join-untold") {
            user.push(&joined);
        } else {
            self.tell(at, &joined);
        }
        if let Some((by, text)) = self.rooms[at].topic.as_ref().filter(|_| !self.has_fault("room-topic-not-sent")) {
            user.push(&format!("TOPIC|{room}|{by}|{text}"));
        }
        if !self.has_fault("room-members-before-join") {
            self.send_members(at, user);
        }
        Ok(())
    }

    fn admit(&mut self, at: usize, user: &RoomPeer) -> RoomAnswer {
        let by_name = self.has_fault("room-invitation-by-name");
        let is_guest = |guest: &RoomPeer| guest.is(user) || by_name && guest.name == user.name;
        let room = &self.rooms[at];
        if room.banned.contains(&user.name) {
            return Err(if self.has_fault("room-ban-tells") { ("403", "you are banned") } else { NO_ADMISSION });
        }
        if room.is_private && !room.invited.iter().any(is_guest) {
            return Err(NO_ADMISSION);
        }
        if !self.has_fault("room-invitation-kept") {
            self.rooms[at].invited.retain(|guest| !is_guest(guest));
        }
        Ok(())
    }

    fn add(&mut self, at: usize, user: &RoomPeer) {
        let has_two = self.has_fault("room-fifth-has-two-operators");
        let still_hears = self.has_fault("room-tenth-leaver-hears");
        let room = &mut self.rooms[at];
        let is_second = has_two && room.number % 5 == 4 && room.members.len() == 1;
        room.ghosts.retain(|ghost| still_hears || !ghost.is(user));
        room.deposed.retain(|other| !other.is(user));
        room.members.push(RoomMember { user: user.clone(), is_operator: room.members.is_empty() || is_second });
    }

    pub(super) fn leave(&mut self, user: &RoomPeer, room: &str) -> RoomAnswer {
        let at = match self.own(user, room) {
            Err(_) if self.has_fault("room-leave-outside-ignored") => return Ok(()),
            own => own?,
        };
        self.tell(at, &format!("LEAVE|{room}|{}", user.name));
        if self.has_fault("room-leave-keeps-member") {
            return Ok(());
        }
        self.rooms[at].counts.leaves += 1;
        if self.has_fault("room-tenth-leaver-hears") && self.rooms[at].counts.leaves.is_multiple_of(10) {
            self.rooms[at].ghosts.push(user.clone());
        }
        self.remove(at, user, Leaving::Requested);
        Ok(())
    }

    /// Removes a user from all rooms, because its session has ended or gave up the extension.
    pub(in crate::faulty_server::conformance) fn exit(&mut self, user: &RoomPeer) {
        self.users.retain(|other| !other.is(user));
        // From the back: a room that vanishes moves the later ones.
        for at in (0..self.rooms.len()).rev() {
            let room = &mut self.rooms[at];
            if !room.members.iter().any(|member| member.user.is(user)) {
                continue;
            }
            room.members.iter().filter(|member| !member.user.is(user)).for_each(|member| {
                member.user.push(&format!("LEAVE|{}|{}", room.name, user.name));
            });
            self.remove(at, user, Leaving::SessionEnd);
        }
    }

    /// Removes a member who has been told of it, an empty room, and gives a room without operators a new one.
    pub(super) fn remove(&mut self, at: usize, user: &RoomPeer, leaving: Leaving) {
        self.rooms[at].members.retain(|member| !member.user.is(user));
        if self.rooms[at].members.is_empty() {
            if !self.has_fault("room-never-vanishes") {
                self.rooms.remove(at);
            }
            return;
        }
        let is_kept = self.has_fault("room-no-successor")
            || self.has_fault("room-no-successor-at-end") && leaving == Leaving::SessionEnd;
        if !is_kept {
            self.promote(at);
        }
    }

    /// Makes the longest-standing member an operator if there is none.
    pub(super) fn promote(&mut self, at: usize) {
        let room = &mut self.rooms[at];
        if room.members.iter().any(|member| member.is_operator) {
            return;
        }
        let Some(first) = room.members.first_mut() else { return };
        first.is_operator = true;
        let frame = format!("OPERATORS|{}|{}", room.name, first.user.name);
        self.tell(at, &frame);
    }
}
