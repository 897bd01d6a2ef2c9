//! The commands of operators about users.

use mychat_proto::{ExtensionReply, Moderation, name};

use super::RoomSink;
use super::registry::{Answer, RoomRegistry, write_frame};
use crate::error_reply::ErrorReply;

/// One action, with everything that its frame names.
#[derive(Clone, Copy)]
struct Deed<'a> {
    action: Moderation,
    room: u32,
    room_name: &'a str,
    by: u32,
    target: &'a str,
}

impl RoomRegistry {
    /// Executes one of `INVITE`, `KICK`, `BAN`, `UNBAN`, `GRANT` and `REVOKE`.
    pub(super) fn moderate<'a>(
        &mut self,
        by: u32,
        action: Moderation,
        room_name: &'a str,
        target: &'a str,
        sink: &mut impl RoomSink,
    ) -> Answer<'a> {
        let room = self.operated_room(by, room_name, action.verb())?;
        let deed = Deed { action, room, room_name, by, target };
        match action {
            Moderation::Invite => self.invite(deed, sink),
            Moderation::Ban => self.ban(deed, sink),
            Moderation::Unban => self.unban(deed, sink),
            Moderation::Kick => {
                let member = self.member(deed)?;
                self.tell(deed, action, |_, _| true, sink);
                self.remove_member(member, room, sink);
                Ok(())
            }
            Moderation::Grant => {
                let member = self.member(deed)?;
                self.room_mut(room).grant(member);
                self.tell(deed, action, |_, _| true, sink);
                Ok(())
            }
            Moderation::Revoke => {
                let member = self.member(deed)?;
                self.room_mut(room).revoke(member);
                self.tell(deed, action, |_, _| true, sink);
                self.settle_room(room, sink);
                Ok(())
            }
        }
    }

    fn invite<'a>(&mut self, deed: Deed<'a>, sink: &mut impl RoomSink) -> Answer<'a> {
        let Some(guest) = self.find_user(deed.target) else {
            return Err(ErrorReply::NoSuchGuest { command: deed.action.verb() });
        };
        if !self.user(guest).rooms.contains(&deed.room) {
            let (generation, limit) = (self.user(guest).address.key.generation, self.options.max_bans);
            let mut room = std::mem::take(self.room_mut(deed.room));
            let has_space = room.invite(generation, limit, |generation| self.has_user_with(generation));
            *self.room_mut(deed.room) = room;
            if !has_space {
                return Err(ErrorReply::TooManyGuests { command: deed.action.verb() });
            }
        }
        let mut frame = self.frame(deed, deed.action);
        sink.deliver(self.user(deed.by).address, &frame, 0);
        if guest != deed.by {
            sink.deliver(self.user(guest).address, &frame, 0);
        }
        frame.clear();
        self.buffer = frame;
        Ok(())
    }

    fn ban<'a>(&mut self, deed: Deed<'a>, sink: &mut impl RoomSink) -> Answer<'a> {
        let command = deed.action.verb();
        name::check(deed.target).map_err(|error| ErrorReply::IllegalRoomName { command, error })?;
        if *self.user(deed.by).name == *deed.target {
            return Err(ErrorReply::OwnBan);
        }
        let limit = self.options.max_bans;
        if !self.room_mut(deed.room).ban(deed.target, limit) {
            return Err(ErrorReply::TooManyGuests { command });
        }
        let target = self.find_user(deed.target);
        if let Some(target) = target {
            let generation = self.user(target).address.key.generation;
            self.room_mut(deed.room).take_invitation(generation);
        }
        let member = target.filter(|&target| self.user(target).rooms.contains(&deed.room));
        let is_told_of_ban = |user, is_operator| is_operator && Some(user) != member;
        self.tell(deed, Moderation::Ban, is_told_of_ban, sink);
        if let Some(member) = member {
            self.tell(deed, Moderation::Kick, |user, is_operator| !is_told_of_ban(user, is_operator), sink);
            self.remove_member(member, deed.room, sink);
        }
        Ok(())
    }

    fn unban<'a>(&mut self, deed: Deed<'a>, sink: &mut impl RoomSink) -> Answer<'a> {
        if !self.room_mut(deed.room).unban(deed.target) {
            return Err(ErrorReply::NotBanned);
        }
        self.tell(deed, deed.action, |_, is_operator| is_operator, sink);
        Ok(())
    }

    /// Returns the member whom the action concerns.
    fn member<'a>(&self, deed: Deed<'a>) -> Result<u32, ErrorReply<'a>> {
        let member = self.find_user(deed.target).filter(|&user| self.user(user).rooms.contains(&deed.room));
        member.ok_or(ErrorReply::NoSuchMember { command: deed.action.verb() })
    }

    /// Sends the frame of `action` to the members for whom `is_told` returns true, given the member and if it is an operator.
    fn tell(
        &mut self,
        deed: Deed<'_>,
        action: Moderation,
        is_told: impl Fn(u32, bool) -> bool,
        sink: &mut impl RoomSink,
    ) {
        let mut frame = self.frame(deed, action);
        let room = self.room(deed.room);
        for &member in room.members.iter().filter(|&&member| is_told(member, room.is_operator(member))) {
            sink.deliver(self.user(member).address, &frame, 0);
        }
        frame.clear();
        self.buffer = frame;
    }

    /// Returns the buffer with one frame.
    fn frame(&mut self, deed: Deed<'_>, action: Moderation) -> Vec<u8> {
        let mut frame = std::mem::take(&mut self.buffer);
        let by = &self.user(deed.by).name;
        // Both names are legal and short: they belong to users, or were checked.
        let _ =
            write_frame(ExtensionReply::Moderated { action, room: deed.room_name, by, user: deed.target }, &mut frame);
        frame
    }
}
