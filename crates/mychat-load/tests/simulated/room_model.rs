//! The chat rooms of the modelled server: correct except for a [`RoomFault`].

use std::collections::BTreeMap;

use super::net::Endpoint;

/// A fault of the rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomFault {
    /// It has no rooms.
    Missing,
    /// Every seventh message in a room does not reach the member that joined last.
    Forgets,
    /// Every message also reaches the user that left the room last.
    Remembers,
    /// Every second message reaches half of the members only after the next one of another member.
    TwoOrders,
    /// Every fifth `JOIN` has no echo.
    Silent,
}

/// A frame and its recipients, in the order of writing.
pub(crate) type Written = Vec<(Vec<Endpoint>, String)>;

/// All rooms of the server.
#[derive(Debug, Default)]
pub(crate) struct RoomModel {
    pub(crate) fault: Option<RoomFault>,
    rooms: BTreeMap<String, Room>,
    joins: u64,
    says: u64,
    /// Number of deliveries, or answers, that the fault concerned.
    pub(crate) committed: u64,
}

#[derive(Debug, Default)]
struct Room {
    /// In the order of their joining.
    members: Vec<(Endpoint, String)>,
    left_last: Option<Endpoint>,
    /// A message that half of the members have received.
    held: Option<(Endpoint, String)>,
}

impl RoomModel {
    pub(crate) fn new(fault: Option<RoomFault>) -> Self {
        Self { fault, ..Self::default() }
    }

    /// Lets a user join a room. Returns the frames to write.
    pub(crate) fn join(&mut self, end: Endpoint, name: &str, room: &str) -> Written {
        let members = &mut self.rooms.entry(room.to_owned()).or_default().members;
        if members.iter().any(|(member, _)| *member == end) {
            return vec![(vec![end], "ERROR|409|a member already\n".to_owned())];
        }
        let others: Vec<Endpoint> = members.iter().map(|(member, _)| *member).collect();
        members.push((end, name.to_owned()));
        let names: Vec<&str> = members.iter().map(|(_, name)| name.as_str()).collect();
        let list = format!("MEMBERS|{room}|{}\nOPERATORS|{room}|{}\n", names.join(","), names[0]);
        let echo = format!("JOIN|{room}|{name}\n");
        self.joins += 1;
        if self.fault == Some(RoomFault::Silent) && self.joins.is_multiple_of(5) {
            self.committed += 1;
            return vec![(others, echo)];
        }
        vec![(vec![end], echo.clone()), (vec![end], list), (others, echo)]
    }

    /// Lets a user leave a room.
    pub(crate) fn leave(&mut self, end: Endpoint, room: &str) -> Written {
        let refused = vec![(vec![end], "ERROR|404|no such room, or you are not in it\n".to_owned())];
        let Some(Room { members, left_last, .. }) = self.rooms.get_mut(room) else { return refused };
        let Some(at) = members.iter().position(|(member, _)| *member == end) else { return refused };
        let everybody = members.iter().map(|(member, _)| *member).collect();
        let (_, name) = members.remove(at);
        *left_last = Some(end);
        vec![(everybody, format!("LEAVE|{room}|{name}\n"))]
    }

    /// Removes a user, whose session is over, from all rooms.
    pub(crate) fn end(&mut self, end: Endpoint) -> Written {
        let mut written = Written::new();
        for (room, Room { members, left_last, .. }) in &mut self.rooms {
            if let Some(at) = members.iter().position(|(member, _)| *member == end) {
                let (_, name) = members.remove(at);
                let others = members.iter().map(|(member, _)| *member).collect();
                written.push((others, format!("LEAVE|{room}|{name}\n")));
            }
            left_last.take_if(|left| *left == end);
        }
        written
    }

    /// Lets a member speak.
    pub(crate) fn say(&mut self, end: Endpoint, room: &str, content: &str) -> Written {
        self.says += 1;
        let refused = vec![(vec![end], "ERROR|404|no such room, or you are not in it\n".to_owned())];
        let Some(Room { members, left_last, held }) = self.rooms.get_mut(room) else { return refused };
        let Some((_, name)) = members.iter().find(|(member, _)| *member == end) else { return refused };
        let frame = format!("SAY|{room}|{name}|{content}\n");
        let mut recipients: Vec<Endpoint> = members.iter().map(|(member, _)| *member).collect();
        match self.fault {
            Some(RoomFault::Forgets) if self.says.is_multiple_of(7) => {
                self.committed += 1;
                recipients.pop();
            }
            Some(RoomFault::Remembers) => {
                let stray = left_last.filter(|left| !recipients.contains(left));
                self.committed += u64::from(stray.is_some());
                recipients.extend(stray);
            }
            Some(RoomFault::TwoOrders) => {
                let second = recipients.split_off(recipients.len() / 2);
                let Some((earlier_sender, earlier)) = held.take() else {
                    *held = Some((end, frame.clone()));
                    return vec![(recipients, frame)];
                };
                if earlier_sender == end {
                    return vec![(second.clone(), earlier), (recipients, frame.clone()), (second, frame)];
                }
                self.committed += second.len() as u64;
                return vec![(recipients, frame.clone()), (second.clone(), frame), (second, earlier)];
            }
            _ => {}
        }
        vec![(recipients, frame)]
    }
}
