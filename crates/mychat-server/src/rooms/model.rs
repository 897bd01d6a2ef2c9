//! A naive model of chat rooms for tests: lists of names, searched from the start, after the words of rules Q1 to Q7.

use std::collections::BTreeMap;

use mychat_proto::{ExtensionCommand, Moderation, RoomMode, name};

use super::RoomOptions;

#[derive(Debug, Default)]
struct ModelRoom {
    name: String,
    /// The members and if they are operators, longest-standing first.
    members: Vec<(u32, bool)>,
    topic: Option<(String, String)>,
    banned: Vec<String>,
    invited: Vec<u32>,
    is_private: bool,
    is_quiet: bool,
}

/// The model. Users are the generations of their sessions.
#[derive(Debug)]
pub(super) struct ModelRooms {
    options: RoomOptions,
    users: BTreeMap<u32, String>,
    rooms: Vec<ModelRoom>,
    /// For each user and room, the number of the user's last join. A user who ends leaves its rooms in this order.
    joins: BTreeMap<(u32, String), usize>,
    /// The frames that each user has got.
    pub(super) received: BTreeMap<u32, Vec<String>>,
    /// The messages that all users together have got.
    pub(super) delivered: u64,
}

impl ModelRooms {
    pub(super) fn new(options: &RoomOptions) -> Self {
        let rooms = options.names.iter().map(|name| ModelRoom { name: name.clone(), ..ModelRoom::default() });
        Self {
            options: options.clone(),
            users: BTreeMap::new(),
            joins: BTreeMap::new(),
            rooms: rooms.collect(),
            received: BTreeMap::new(),
            delivered: 0,
        }
    }

    pub(super) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn memberships(&self) -> usize {
        self.rooms.iter().map(|room| room.members.len()).sum()
    }

    pub(super) fn enter(&mut self, user: u32, name: &str) {
        self.users.insert(user, name.to_owned());
    }

    pub(super) fn exit(&mut self, user: u32) {
        let name = self.users[&user].clone();
        let mut own: Vec<_> = (0..self.rooms.len()).filter(|&room| self.is_member(room, user)).collect();
        own.sort_unstable_by_key(|&room| self.joins[&(user, self.rooms[room].name.clone())]);
        for room in own {
            self.rooms[room].members.retain(|(member, _)| *member != user);
            self.tell_all(room, &format!("LEAVE|{}|{name}", self.rooms[room].name));
            self.promote(room);
        }
        self.users.remove(&user);
        self.rooms.iter_mut().for_each(|room| room.invited.retain(|invited| *invited != user));
        self.vanish();
    }

    pub(super) fn execute(&mut self, user: u32, command: ExtensionCommand<'_>) {
        if let Err(code) = self.answer(user, command) {
            self.tell(user, format!("ERROR|{code}"));
        }
        self.vanish();
    }

    fn answer(&mut self, user: u32, command: ExtensionCommand<'_>) -> Result<(), u16> {
        let me = self.users[&user].clone();
        match command {
            ExtensionCommand::Join { room } => self.join(user, room),
            ExtensionCommand::Leave { room } => {
                let at = self.own(user, room)?;
                self.tell_all(at, &format!("LEAVE|{room}|{me}"));
                self.remove(at, user);
                Ok(())
            }
            ExtensionCommand::Say { room, content } => {
                let at = self.own(user, room)?;
                if self.rooms[at].is_quiet && !self.is_operator(at, user) {
                    return Err(403);
                }
                self.delivered += self.rooms[at].members.len() as u64;
                self.tell_all(at, &format!("SAY|{room}|{me}|{content}"));
                Ok(())
            }
            ExtensionCommand::Rooms => {
                let shown: Vec<_> = (0..self.rooms.len())
                    .filter(|&at| !self.rooms[at].is_private || self.is_member(at, user))
                    .map(|at| self.rooms[at].name.clone())
                    .collect();
                self.tell(user, sorted_list("ROOMS", shown));
                Ok(())
            }
            ExtensionCommand::Members { room } => {
                let at = self.own(user, room)?;
                self.tell_state(at, user);
                Ok(())
            }
            ExtensionCommand::Topic { room, text } => {
                let at = self.operated(user, room)?;
                if text.len() > self.options.max_topic {
                    return Err(413);
                }
                self.rooms[at].topic = (!text.is_empty()).then(|| (me.clone(), text.to_owned()));
                self.tell_all(at, &format!("TOPIC|{room}|{me}|{text}"));
                Ok(())
            }
            ExtensionCommand::Mode { room, mode } => {
                if matches!(mode, RoomMode::Stored | RoomMode::Unstored) {
                    return Err(400);
                }
                let at = self.operated(user, room)?;
                match mode {
                    RoomMode::Private | RoomMode::Public => self.rooms[at].is_private = mode == RoomMode::Private,
                    _ => self.rooms[at].is_quiet = mode == RoomMode::Quiet,
                }
                self.tell_all(at, &format!("MODE|{room}|{me}|{}", mode.text()));
                Ok(())
            }
            ExtensionCommand::Moderate { action, room, user: target } => self.moderate(user, action, room, target),
            ExtensionCommand::Capabilities { .. } => Ok(()),
        }
    }

    fn join(&mut self, user: u32, room: &str) -> Result<(), u16> {
        name::check(room).map_err(|_| 422_u16)?;
        let me = self.users[&user].clone();
        if self.own(user, room).is_ok() {
            return Err(409);
        }
        if (0..self.rooms.len()).filter(|&at| self.is_member(at, user)).count() >= self.options.max_per_user {
            return Err(503);
        }
        let at = match self.rooms.iter().position(|other| other.name == room) {
            Some(at) => {
                let found = &self.rooms[at];
                if found.banned.contains(&me) || found.is_private && !found.invited.contains(&user) {
                    return Err(403);
                }
                if self.options.max_members.is_some_and(|limit| found.members.len() >= limit.get()) {
                    return Err(503);
                }
                at
            }
            None if self.rooms.len() >= self.options.max_rooms => return Err(503),
            None => {
                self.rooms.push(ModelRoom { name: room.to_owned(), ..ModelRoom::default() });
                self.rooms.len() - 1
            }
        };
        let is_first = self.rooms[at].members.is_empty();
        self.rooms[at].invited.retain(|invited| *invited != user);
        self.rooms[at].members.push((user, is_first));
        let number = self.received.values().map(Vec::len).sum();
        self.joins.insert((user, room.to_owned()), number);
        self.tell_all(at, &format!("JOIN|{room}|{me}"));
        if let Some((by, text)) = self.rooms[at].topic.clone() {
            self.tell(user, format!("TOPIC|{room}|{by}|{text}"));
        }
        self.tell_state(at, user);
        Ok(())
    }

    fn moderate(&mut self, user: u32, action: Moderation, room: &str, target: &str) -> Result<(), u16> {
        let at = self.operated(user, room)?;
        let frame = |action: Moderation, me: &str| format!("{}|{room}|{me}|{target}", action.verb());
        let me = self.users[&user].clone();
        let known = self.users.iter().find(|(_, name)| *name == target).map(|(&user, _)| user);
        let member = known.filter(|&known| self.is_member(at, known));
        match action {
            Moderation::Invite => {
                let guest = known.ok_or(404_u16)?;
                if member.is_none() && !self.rooms[at].invited.contains(&guest) {
                    if self.rooms[at].invited.len() >= self.options.max_bans {
                        return Err(503);
                    }
                    self.rooms[at].invited.push(guest);
                }
                self.tell(user, frame(action, &me));
                if guest != user {
                    self.tell(guest, frame(action, &me));
                }
            }
            Moderation::Kick => {
                let member = member.ok_or(404_u16)?;
                self.tell_all(at, &frame(action, &me));
                self.remove(at, member);
            }
            Moderation::Ban => {
                name::check(target).map_err(|_| 422_u16)?;
                if me == target {
                    return Err(403);
                }
                if !self.rooms[at].banned.iter().any(|name| name == target) {
                    if self.rooms[at].banned.len() >= self.options.max_bans {
                        return Err(503);
                    }
                    self.rooms[at].banned.push(target.to_owned());
                }
                self.rooms[at].invited.retain(|invited| Some(*invited) != known);
                for (other, is_operator) in self.rooms[at].members.clone() {
                    if is_operator && Some(other) != member {
                        self.tell(other, frame(action, &me));
                    } else if member.is_some() {
                        self.tell(other, frame(Moderation::Kick, &me));
                    }
                }
                if let Some(member) = member {
                    self.remove(at, member);
                }
            }
            Moderation::Unban => {
                let place = self.rooms[at].banned.iter().position(|name| name == target).ok_or(404_u16)?;
                self.rooms[at].banned.remove(place);
                for (other, _) in self.rooms[at].members.clone().into_iter().filter(|(_, is_operator)| *is_operator) {
                    self.tell(other, frame(action, &me));
                }
            }
            Moderation::Grant | Moderation::Revoke => {
                let member = member.ok_or(404_u16)?;
                for (other, is_operator) in &mut self.rooms[at].members {
                    if *other == member {
                        *is_operator = action == Moderation::Grant;
                    }
                }
                self.tell_all(at, &frame(action, &me));
                self.promote(at);
            }
        }
        Ok(())
    }

    fn own(&self, user: u32, room: &str) -> Result<usize, u16> {
        let at = self.rooms.iter().position(|other| other.name == room).ok_or(404_u16)?;
        if self.is_member(at, user) { Ok(at) } else { Err(404) }
    }

    fn operated(&self, user: u32, room: &str) -> Result<usize, u16> {
        let at = self.own(user, room)?;
        if self.is_operator(at, user) { Ok(at) } else { Err(403) }
    }

    fn is_member(&self, at: usize, user: u32) -> bool {
        self.rooms[at].members.iter().any(|(member, _)| *member == user)
    }

    fn is_operator(&self, at: usize, user: u32) -> bool {
        self.rooms[at].members.contains(&(user, true))
    }

    fn remove(&mut self, at: usize, user: u32) {
        self.rooms[at].members.retain(|(member, _)| *member != user);
        self.promote(at);
    }

    fn promote(&mut self, at: usize) {
        let room = &mut self.rooms[at];
        if room.members.is_empty() || room.members.iter().any(|(_, is_operator)| *is_operator) {
            return;
        }
        room.members[0].1 = true;
        let (name, first) = (room.name.clone(), self.users[&room.members[0].0].clone());
        self.tell_all(at, &format!("OPERATORS|{name}|{first}"));
    }

    fn vanish(&mut self) {
        let named = &self.options.names;
        self.rooms.retain(|room| !room.members.is_empty() || named.contains(&room.name));
        for room in self.rooms.iter_mut().filter(|room| room.members.is_empty()) {
            *room = ModelRoom { name: room.name.clone(), ..ModelRoom::default() };
        }
    }

    fn tell_state(&mut self, at: usize, user: u32) {
        let room = &self.rooms[at];
        let name = |(member, _): &(u32, bool)| self.users[member].clone();
        let members = room.members.iter().map(name).collect();
        let operators = room.members.iter().filter(|(_, is_operator)| *is_operator).map(name).collect();
        let lists = [("MEMBERS", members), ("OPERATORS", operators)]
            .map(|(verb, list)| sorted_list(&format!("{verb}|{}", room.name), list));
        for list in lists {
            self.tell(user, list);
        }
    }

    fn tell_all(&mut self, at: usize, frame: &str) {
        for (member, _) in self.rooms[at].members.clone() {
            self.tell(member, frame.to_owned());
        }
    }

    fn tell(&mut self, user: u32, frame: String) {
        self.received.entry(user).or_default().push(frame);
    }
}

/// Returns a list as one frame with its names in ascending order: their order has no meaning.
pub(super) fn sorted_list(start: &str, mut names: Vec<String>) -> String {
    names.sort_unstable();
    format!("{start}|{}", names.join(","))
}
