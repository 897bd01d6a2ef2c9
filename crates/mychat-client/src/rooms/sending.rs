//! Commands for rooms.
//!
//! `Ok` means that the connection task has the command. The server answers each with its echo, which arrives as an event, or
//! with an error (rule Q1).

use mychat_proto::{EncodeError, ExtensionCommand, MAX_FRAME, Moderation, RoomMode, name};

use super::support::RoomSupport;
use crate::client::Sender;
use crate::error::SendError;

impl Sender {
    /// Returns true unless it is known that the server has no rooms, or
    /// [`ConnectOptions::rooms`](crate::ConnectOptions::rooms) was not set.
    pub fn may_have_rooms(&self) -> bool {
        self.room_support() != RoomSupport::Unavailable
    }

    /// Waits until it is known whether the server has rooms, and returns true if it has. The answer, or its absence, is known a
    /// second after the connection was established (rule N5). Commands for rooms need not wait for it.
    pub async fn wait_for_rooms(&self) -> bool {
        let mut support = self.room_support_changes();
        let known = support.wait_for(|support| *support != RoomSupport::Asked).await;
        known.is_ok_and(|support| *support == RoomSupport::Available)
    }

    /// Joins a room, which comes into being if there is none.
    pub async fn join(&self, room: &str) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Join { room }).await
    }

    /// Leaves a room.
    pub async fn leave(&self, room: &str) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Leave { room }).await
    }

    /// Sends to all members of a room, including the sender.
    pub async fn say(&self, room: &str, content: &str) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Say { room, content }).await
    }

    /// Checks a message to a room without sending it. Returns the error that [`say`](Sender::say) would return now.
    pub fn check_say(&self, room: &str, content: &str) -> Result<(), SendError> {
        self.room_frame(ExtensionCommand::Say { room, content }).map(drop)
    }

    /// Returns the maximum number of bytes of content of a message to a room (rule M4).
    pub fn max_room_content_len(&self, room: &str) -> usize {
        MAX_FRAME.saturating_sub("SAY|||".len() + room.len() + self.name().as_str().len())
    }

    /// Asks for all public rooms and one's own. The answer is [`RoomUpdate::List`](crate::RoomUpdate::List).
    pub async fn list_rooms(&self) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Rooms).await
    }

    /// Asks for the members and operators of a room.
    pub async fn list_members(&self, room: &str) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Members { room }).await
    }

    /// Sets the topic of a room; an empty text removes it.
    pub async fn set_topic(&self, room: &str, text: &str) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Topic { room, text }).await
    }

    /// Checks a topic without sending it. Returns the error that [`set_topic`](Sender::set_topic) would return now. The server
    /// may have a lower limit.
    pub fn check_topic(&self, room: &str, text: &str) -> Result<(), SendError> {
        self.room_frame(ExtensionCommand::Topic { room, text }).map(drop)
    }

    /// Invites, kicks, bans or unbans a user, or makes it an operator or a plain member.
    pub async fn moderate(&self, action: Moderation, room: &str, user: &str) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Moderate { action, room, user }).await
    }

    /// Sets a mode of a room.
    pub async fn set_mode(&self, room: &str, mode: RoomMode) -> Result<(), SendError> {
        self.send_room_command(ExtensionCommand::Mode { room, mode }).await
    }

    async fn send_room_command(&self, command: ExtensionCommand<'_>) -> Result<(), SendError> {
        let frame = self.room_frame(command)?;
        self.enqueue(frame).await
    }

    /// Checks a command and returns its frame.
    fn room_frame(&self, command: ExtensionCommand<'_>) -> Result<Vec<u8>, SendError> {
        if !self.may_have_rooms() {
            return Err(SendError::NoRooms);
        }
        self.online()?;
        if let Some(room) = command_room(command) {
            name::check(room)?;
        }
        match command {
            ExtensionCommand::Say { room, content } => {
                if let Some(over @ 1..) = content.len().checked_sub(self.max_room_content_len(room)) {
                    return Err(SendError::TooLong { over });
                }
            }
            ExtensionCommand::Moderate { user, .. } => name::check(user)?,
            _ => {}
        }
        let mut frame = Vec::new();
        command.write(&mut frame).map_err(|error| to_send_error(error, command))?;
        Ok(frame)
    }
}

/// Returns the room that a command names.
const fn command_room(command: ExtensionCommand<'_>) -> Option<&str> {
    match command {
        ExtensionCommand::Join { room }
        | ExtensionCommand::Leave { room }
        | ExtensionCommand::Say { room, .. }
        | ExtensionCommand::Members { room }
        | ExtensionCommand::Topic { room, .. }
        | ExtensionCommand::Moderate { room, .. }
        | ExtensionCommand::Mode { room, .. } => Some(room),
        ExtensionCommand::Capabilities { .. } | ExtensionCommand::Rooms => None,
    }
}

fn to_send_error(error: EncodeError, command: ExtensionCommand<'_>) -> SendError {
    let text = match command {
        ExtensionCommand::Say { content, .. } => content,
        ExtensionCommand::Topic { text, .. } => text,
        _ => "",
    };
    match error {
        EncodeError::TooLong { bytes } => SendError::TooLong { over: bytes - MAX_FRAME },
        EncodeError::LineFeed => SendError::LineBreak { at: text.find('\n').unwrap_or_default() },
        // Names were checked, so only the text can be empty.
        EncodeError::Empty | EncodeError::Pipe => SendError::Empty,
    }
}
