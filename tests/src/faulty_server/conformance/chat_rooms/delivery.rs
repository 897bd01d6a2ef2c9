//! Messages, topics, modes and lists, with their faults.

use super::{ChatRooms, MOST_TOPIC_BYTES, NO_ROOM, RoomAnswer, RoomPeer, TOO_LONG};

const FRAME_BYTES: usize = 1024;

impl ChatRooms {
    pub(super) fn say(&mut self, user: &RoomPeer, room: &str, content: &str) -> RoomAnswer {
        let content = match content.split_once('|') {
            Some((first, _)) if self.has_fault("room-content-cut") => first,
            _ => content,
        };
        let frame = format!("SAY|{room}|{}|{content}", user.name);
        let at = match self.own(user, room) {
            Ok(at) => at,
            Err(refusal) => {
                let at = self.find(room).ok_or(NO_ROOM)?;
                if self.has_fault("room-outsider-heard") || self.is_late_speaker(at, user) {
                    self.tell(at, &frame);
                }
                return Err(refusal);
            }
        };
        if self.rooms[at].is_quiet && !self.rooms[at].is_operator(user) && !self.has_fault("room-quiet-without-effect")
        {
            return Err(("403", "the room is quiet"));
        }
        if frame.len() > FRAME_BYTES && !self.has_fault("room-say-limit-ignored") {
            return Err(TOO_LONG);
        }
        self.deliver(at, user, &frame);
        Ok(())
    }

    /// Sends a message to the members.
    fn deliver(&mut self, at: usize, sender: &RoomPeer, frame: &str) {
        self.rooms[at].counts.says += 1;
        let is_tenth = self.rooms[at].counts.says.is_multiple_of(10);
        let held = self.rooms[at].held.take();
        let last = self.rooms[at].members.len() - 1;
        for (index, member) in self.rooms[at].members.iter().enumerate() {
            if self.has_fault("room-say-without-echo") && member.user.is(sender)
                || self.has_fault("room-tenth-say-late") && is_tenth && index == last
            {
                continue;
            }
            member.user.push(frame);
        }
        if self.has_fault("room-tenth-say-late") && is_tenth {
            self.rooms[at].held = Some((self.rooms[at].members[last].user.peer.clone(), frame.to_owned()));
        }
        if let Some((peer, late)) = held {
            peer.push(late.as_bytes());
        }
        if self.has_fault("room-tenth-leaver-hears") {
            self.rooms[at].ghosts.drain(..).for_each(|ghost| ghost.push(frame));
        }
        if self.has_fault("room-frames-to-all") {
            let members = &self.rooms[at].members;
            let others = self
                .everybody
                .iter()
                .filter(|user| !members.iter().any(|member| std::sync::Arc::ptr_eq(&member.user.peer, &user.peer)));
            others.for_each(|user| user.peer.push(frame.as_bytes()));
        }
    }

    /// Returns true, once, for a member who was kicked and whom a fault lets speak once more.
    fn is_late_speaker(&mut self, at: usize, user: &RoomPeer) -> bool {
        let is_heard = self.has_fault("room-fifth-kicked-heard");
        let ghosts = &mut self.rooms[at].ghosts;
        let count = ghosts.len();
        ghosts.retain(|ghost| !ghost.is(user));
        is_heard && ghosts.len() < count
    }

    pub(super) fn set_topic(&mut self, user: &RoomPeer, room: &str, text: &str) -> RoomAnswer {
        let at = self.operated(user, room, "TOPIC")?;
        if text.len() > MOST_TOPIC_BYTES && !self.has_fault("room-topic-unlimited") {
            return Err(TOO_LONG);
        }
        if text.is_empty() && self.has_fault("room-empty-topic-refused") {
            return Err(("400", "no text"));
        }
        self.rooms[at].topic = (!text.is_empty()).then(|| (user.name.clone(), text.to_owned()));
        self.tell(at, &format!("TOPIC|{room}|{}|{text}", user.name));
        Ok(())
    }

    pub(super) fn set_mode(&mut self, user: &RoomPeer, room: &str, mode: &str) -> RoomAnswer {
        let at = self.operated(user, room, "MODE")?;
        let is_for_good = self.has_fault("room-private-for-good");
        let state = &mut self.rooms[at];
        match mode {
            "private" => state.is_private = true,
            "public" => state.is_private &= is_for_good,
            _ => state.is_quiet = mode == "quiet",
        }
        self.tell(at, &format!("MODE|{room}|{}|{mode}", user.name));
        Ok(())
    }

    pub(super) fn list_rooms(&self, user: &RoomPeer) {
        let shown = self.rooms.iter().filter(|room| {
            !room.is_private
                || self.has_fault("room-private-listed")
                || room.members.iter().any(|member| member.user.is(user))
        });
        let names: Vec<String> = shown.map(|room| room.name.clone()).collect();
        self.send_pages(user, "ROOMS", &names);
    }

    pub(super) fn list_members(&self, user: &RoomPeer, room: &str) -> RoomAnswer {
        let own = self.own(user, room);
        let at = if self.has_fault("room-members-for-all") { self.find(room).ok_or(NO_ROOM)? } else { own? };
        self.send_members(at, user);
        Ok(())
    }

    pub(super) fn send_members(&self, at: usize, user: &RoomPeer) {
        let room = &self.rooms[at];
        self.send_pages(user, &format!("MEMBERS|{}", room.name), &room.names());
        if !self.has_fault("room-join-without-operators") {
            self.send_pages(user, &format!("OPERATORS|{}", room.name), &room.operators());
        }
    }

    /// Sends a list in as many frames as it takes; all but the last one end in a comma.
    fn send_pages(&self, user: &RoomPeer, head: &str, names: &[String]) {
        let mut page = format!("{head}|");
        for (index, name) in names.iter().enumerate() {
            let is_first = page.ends_with('|');
            if !is_first && page.len() + name.len() + 2 > FRAME_BYTES && !self.has_fault("room-list-overlong") {
                user.push(&format!("{page},"));
                page = format!("{head}|");
            } else if index > 0 && !is_first {
                page.push(',');
            }
            page.push_str(name);
        }
        user.push(&page);
    }

    /// Sends a frame to all members.
    pub(super) fn tell(&self, at: usize, frame: &str) {
        self.rooms[at].members.iter().for_each(|member| member.user.push(frame));
    }
}
