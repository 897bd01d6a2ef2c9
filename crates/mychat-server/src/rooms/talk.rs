//! Messages, topics and modes.

use mychat_proto::{EncodeError, ExtensionCommand, ExtensionReply, RoomMode};

use super::RoomSink;
use super::registry::{Answer, RoomRegistry, write_frame};
use super::room::Topic;
use crate::error_reply::ErrorReply;

impl RoomRegistry {
    /// Returns true if `command` may be appended to the messages that wait to be passed on: it speaks in the same room.
    pub(super) fn continues_run(&self, command: ExtensionCommand<'_>) -> bool {
        let ExtensionCommand::Say { room, .. } = command else { return false };
        self.run.messages > 0 && *self.room(self.run.room).name == *room
    }

    pub(super) fn say<'a>(&mut self, user: u32, name: &'a str, content: &str, sink: &mut impl RoomSink) -> Answer<'a> {
        let room = self.own_room(user, name)?;
        if self.room(room).is_quiet && !self.room(room).is_operator(user) {
            return Err(ErrorReply::QuietRoom);
        }
        let sender = &self.users[user as usize];
        write_frame(ExtensionReply::Say { room: name, sender: &sender.name, content }, &mut self.run.frames)
            .map_err(|error| too_long("SAY", error))?;
        self.run.room = room;
        self.run.messages += 1;
        sink.count_message(sender.address);
        Ok(())
    }

    pub(super) fn set_topic<'a>(
        &mut self,
        user: u32,
        name: &'a str,
        text: &str,
        sink: &mut impl RoomSink,
    ) -> Answer<'a> {
        let room = self.operated_room(user, name, "TOPIC")?;
        let max = self.options.max_topic;
        if text.len() > max {
            return Err(ErrorReply::TopicTooLong { bytes: text.len(), max });
        }
        let by = self.user(user).name.clone();
        let mut frame = std::mem::take(&mut self.buffer);
        let written = write_frame(ExtensionReply::Topic { room: name, by: &by, text }, &mut frame);
        if written.is_ok() {
            self.send_to_members(room, &frame, 0, sink);
            self.room_mut(room).topic = (!text.is_empty()).then(|| Box::new(Topic { by, text: text.into() }));
        }
        frame.clear();
        self.buffer = frame;
        written.map_err(|error| too_long("TOPIC", error))
    }

    pub(super) fn set_mode<'a>(
        &mut self,
        user: u32,
        name: &'a str,
        mode: RoomMode,
        sink: &mut impl RoomSink,
    ) -> Answer<'a> {
        if matches!(mode, RoomMode::Stored | RoomMode::Unstored) {
            return Err(ErrorReply::NoHistory);
        }
        let room = self.operated_room(user, name, "MODE")?;
        let state = self.room_mut(room);
        match mode {
            RoomMode::Private => state.is_private = true,
            RoomMode::Public => state.is_private = false,
            RoomMode::Quiet => state.is_quiet = true,
            RoomMode::Open => state.is_quiet = false,
            RoomMode::Stored | RoomMode::Unstored => {}
        }
        let by = self.user(user).name.clone();
        self.announce(room, ExtensionReply::Mode { room: name, by: &by, mode: mode.text() }, sink);
        Ok(())
    }
}

/// Returns the error for a frame that is too long with the user's name in it (rule M4). The parser lets nothing through that
/// could not be encoded for another reason.
const fn too_long<'a>(command: &'static str, error: EncodeError) -> ErrorReply<'a> {
    match error {
        EncodeError::TooLong { bytes } => ErrorReply::ForwardTooLong { command, bytes },
        EncodeError::LineFeed | EncodeError::Pipe | EncodeError::Empty => ErrorReply::NoSuchRoom,
    }
}
