//! Lists of rooms, members and operators, as one frame or several each.

use mychat_proto::{ExtensionReply, Framing, PageWriter};

use super::RoomSink;
use super::registry::{Answer, RoomRegistry, write_frame};

impl RoomRegistry {
    /// Sends the user all public rooms, and the private ones that it is in.
    pub(super) fn list_rooms(&mut self, user: u32, sink: &mut impl RoomSink) {
        let mut pages = std::mem::take(&mut self.buffer);
        let own = &self.user(user).rooms;
        let shown = self.rooms.iter().filter(|(room, state)| !state.is_private || own.contains(&(*room as u32)));
        write_pages(&mut pages, &["ROOMS"], shown.map(|(_, state)| &*state.name));
        self.send_pages(user, pages, sink);
    }

    pub(super) fn list_members<'a>(&mut self, user: u32, name: &'a str, sink: &mut impl RoomSink) -> Answer<'a> {
        let room = self.own_room(user, name)?;
        let pages = self.members_and_operators(room, Vec::new());
        self.send_pages(user, pages, sink);
        Ok(())
    }

    /// Sends a new member the topic, the members and the operators.
    pub(super) fn send_state(&mut self, user: u32, room: u32, sink: &mut impl RoomSink) {
        let mut pages = std::mem::take(&mut self.buffer);
        let state = self.room(room);
        if let Some(topic) = &state.topic {
            // It could be encoded when it was set.
            let topic = ExtensionReply::Topic { room: &state.name, by: &topic.by, text: &topic.text };
            let _ = write_frame(topic, &mut pages);
        }
        let pages = self.members_and_operators(room, pages);
        self.send_pages(user, pages, sink);
    }

    fn members_and_operators(&self, room: u32, mut pages: Vec<u8>) -> Vec<u8> {
        let state = self.room(room);
        let name = |&user: &u32| &*self.user(user).name;
        write_pages(&mut pages, &["MEMBERS", &state.name], state.members.iter().map(name));
        write_pages(&mut pages, &["OPERATORS", &state.name], state.operators().iter().map(name));
        pages
    }

    fn send_pages(&mut self, user: u32, mut pages: Vec<u8>, sink: &mut impl RoomSink) {
        sink.deliver(self.user(user).address, &pages, 0);
        pages.clear();
        // The pages of a large room are not kept.
        pages.shrink_to(KEPT_BYTES);
        self.buffer = pages;
    }
}

/// The capacity that the buffer may keep.
const KEPT_BYTES: usize = 16 * 1024;

fn write_pages<'a>(out: &mut Vec<u8>, fields: &[&str], names: impl Iterator<Item = &'a str>) {
    let mut writer = PageWriter::new(out, fields, |out, start| Framing::Lf.end(out, start));
    names.for_each(|name| writer.push(name));
    writer.finish();
}
