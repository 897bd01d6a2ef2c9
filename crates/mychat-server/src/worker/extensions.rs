//! The negotiation of extensions (rules N1 to N3), and the way of room commands into the common order.

use mychat_proto::extension::capabilities;
use mychat_proto::{Capability, ExtensionCommand, ExtensionReply, Framing, ParseCommandError};

use super::Worker;
use crate::error_reply::ErrorReply;
use crate::router::RoomEvent;

impl Worker {
    /// Executes a frame that is unknown in MyChat/1.
    pub(super) fn execute_extension(&mut self, index: u32, frame: &[u8]) {
        let parsed = ExtensionCommand::parse(frame);
        if let Ok(ExtensionCommand::Capabilities { list }) = parsed {
            return self.negotiate(index, list);
        }
        if !self.sessions[index].extensions.rooms {
            // Rule N2.
            return self.reply_error(index, ErrorReply::Syntax { error: ParseCommandError::Unknown });
        }
        match parsed {
            Err(error) => return self.reply_error(index, ErrorReply::RoomSyntax { error }),
            Ok(ExtensionCommand::Rooms) => {
                let (now, interval) = (self.now, self.shared.config.rooms.list_interval);
                if self.rooms_listed_at.get(&index).is_some_and(|&at| now < at + interval) {
                    return self.reply_error(index, ErrorReply::RoomsTooOften);
                }
                self.rooms_listed_at.insert(index, now);
            }
            Ok(_) => {}
        }
        let from = self.sessions.address(index);
        self.publisher.batch.room_event(from, RoomEvent::Command, frame);
    }

    /// Puts the extensions in force that the client asks for, and answers with their limits (rule N1).
    fn negotiate(&mut self, index: u32, list: &str) {
        let options = &self.shared.config.rooms;
        let max_per_user = options.max_per_user;
        let is_offered = options.max_rooms > 0 && max_per_user > 0;
        let session = &self.sessions[index];
        // Rule N3: raw sessions get no extensions.
        let has_terminator = session.framing.framing() != Framing::Raw;
        let is_wanted = is_offered && has_terminator && capabilities(list).any(|offer| offer.name == Capability::ROOMS);
        let has_rooms = session.extensions.rooms;
        let Some(name) = self.name(index) else { return };
        if is_wanted && !has_rooms {
            self.sessions[index].extensions.rooms = true;
            let from = self.sessions.address(index);
            self.publisher.batch.room_event(from, RoomEvent::Enter, name.as_bytes());
        } else if !is_wanted {
            self.exit_rooms(index);
        }
        let list = if is_wanted { format!("{}={max_per_user}", Capability::ROOMS) } else { String::new() };
        self.reply_with(index, |out| {
            let start = out.len();
            ExtensionReply::Capabilities { list: &list }.write(out)?;
            Framing::Lf.end(out, start);
            Ok(())
        });
    }

    /// Removes the session from its rooms, at the place that the next batch takes in the order. Returns true if the extension
    /// was in force.
    pub(super) fn exit_rooms(&mut self, index: u32) -> bool {
        let had_rooms = std::mem::take(&mut self.sessions[index].extensions.rooms);
        if had_rooms {
            self.rooms_listed_at.remove(&index);
            let from = self.sessions.address(index);
            self.publisher.batch.room_event(from, RoomEvent::Exit, &[]);
        }
        had_rooms
    }
}
