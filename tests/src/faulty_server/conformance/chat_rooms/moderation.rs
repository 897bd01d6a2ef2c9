//! The commands of operators against users, with their faults.

use super::membership::Leaving;
use super::{ChatRooms, ILLEGAL_NAME, NO_MEMBER, NOT_ALLOWED, RoomAnswer, RoomPeer, is_legal};

impl ChatRooms {
    pub(super) fn moderate(&mut self, user: &RoomPeer, verb: &str, room: &str, target: &str) -> RoomAnswer {
        let at = self.operated(user, room, verb)?;
        let frame = format!("{verb}|{room}|{}|{target}", user.name);
        match verb {
            "INVITE" => self.invite(at, user, target, &frame),
            "BAN" => self.ban(at, user, target, &frame),
            "UNBAN" => {
                let banned = &mut self.rooms[at].banned;
                let place = banned.iter().position(|name| name == target).ok_or(("404", "not banned"))?;
                banned.remove(place);
                self.tell_operators(at, &frame);
                Ok(())
            }
            "KICK" => self.kick(at, target, &frame),
            _ => self.change_right(at, target, verb == "GRANT", &frame),
        }
    }

    fn invite(&mut self, at: usize, user: &RoomPeer, target: &str, frame: &str) -> RoomAnswer {
        let known = self.users.iter().find(|other| other.name == target).cloned();
        let any = self.everybody.iter().find(|other| other.name == target.as_bytes());
        let any = any.filter(|_| self.has_fault("room-invites-anybody"));
        let any = any.map(|other| RoomPeer { name: target.to_owned(), peer: other.peer.clone() });
        let guest = known.or(any).ok_or(("404", "no such user"))?;
        if self.has_fault("room-invitation-to-all") {
            self.tell(at, frame);
        } else {
            user.push(frame);
        }
        guest.push(frame);
        self.rooms[at].invited.push(guest);
        Ok(())
    }

    fn kick(&mut self, at: usize, target: &str, frame: &str) -> RoomAnswer {
        let Some(member) = self.member(at, target) else {
            if self.has_fault("room-stranger-kicked") {
                self.tell(at, frame);
                return Ok(());
            }
            return Err(NO_MEMBER);
        };
        self.tell(at, frame);
        if self.has_fault("room-kick-keeps-member") {
            return Ok(());
        }
        let is_operator = self.rooms[at].is_operator(&member);
        let room = &mut self.rooms[at];
        room.counts.kicks += 1;
        if room.counts.kicks.is_multiple_of(5) {
            room.ghosts.push(member.clone());
        }
        if is_operator {
            room.deposed.push(member.clone());
        }
        self.remove(at, &member, Leaving::Requested);
        Ok(())
    }

    fn ban(&mut self, at: usize, user: &RoomPeer, target: &str, frame: &str) -> RoomAnswer {
        if !is_legal(target) {
            return Err(ILLEGAL_NAME);
        }
        if target == user.name && !self.has_fault("room-own-ban") {
            return Err(NOT_ALLOWED);
        }
        let is_connected = self.users.iter().any(|other| other.name == target);
        let is_stored = !self.has_fault("room-ban-without-effect")
            && (is_connected || !self.has_fault("room-ban-of-connected-only"));
        if is_stored {
            self.rooms[at].banned.push(target.to_owned());
        }
        if !self.has_fault("room-ban-keeps-invitation") {
            self.rooms[at].invited.retain(|guest| guest.name != target);
        }
        let member = self.member(at, target);
        let kick = frame.replacen("BAN", "KICK", 1);
        for other in &self.rooms[at].members {
            let is_target = member.as_ref().is_some_and(|member| member.is(&other.user));
            if other.is_operator && !is_target || self.has_fault("room-ban-to-all") {
                other.user.push(frame);
            } else if member.is_some() {
                other.user.push(&kick);
            }
        }
        if let Some(member) = member {
            self.remove(at, &member, Leaving::Requested);
        }
        Ok(())
    }

    fn change_right(&mut self, at: usize, target: &str, is_operator: bool, frame: &str) -> RoomAnswer {
        let member = self.member(at, target).ok_or(NO_MEMBER)?;
        if self.rooms[at].is_operator(&member) == is_operator && self.has_fault("room-same-right-refused") {
            return Err(("409", "nothing to change"));
        }
        self.tell(at, frame);
        if !self.has_fault("room-grant-without-effect") {
            let members = self.rooms[at].members.iter_mut().filter(|other| other.user.is(&member));
            members.for_each(|other| other.is_operator = is_operator);
            self.promote(at);
        }
        Ok(())
    }

    fn member(&self, at: usize, name: &str) -> Option<RoomPeer> {
        self.rooms[at].members.iter().find(|member| member.user.name == name).map(|member| member.user.clone())
    }

    fn tell_operators(&self, at: usize, frame: &str) {
        let operators = self.rooms[at].members.iter().filter(|member| member.is_operator);
        operators.for_each(|member| member.user.push(frame));
    }
}
