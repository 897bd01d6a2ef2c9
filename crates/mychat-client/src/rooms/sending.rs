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

    /// Joins a room, which comes into being if there is none.
    pub async fn join(&self, room: &str) -> Result<(), SendError> {
        self.command(room, ExtensionCommand::Join { room }).await
    }

    /// Leaves a room.
    pub async fn leave(&self, room: &str) -> Result<(), SendError> {
        self.command(room, ExtensionCommand::Leave { room }).await
    }

    /// Sends to all members of a room, including the sender.
    pub async fn say(&self, room: &str, content: &str) -> Result<(), SendError> {
        if let Some(over @ 1..) = content.len().checked_sub(self.max_room_content_len(room)) {
            return Err(SendError::TooLong { over });
        }
        self.command(room, ExtensionCommand::Say { room, content }).await
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
        self.command(room, ExtensionCommand::Members { room }).await
    }

    /// Sets the topic of a room; an empty text removes it.
    pub async fn set_topic(&self, room: &str, text: &str) -> Result<(), SendError> {
        self.command(room, ExtensionCommand::Topic { room, text }).await
    }

    /// Invites, kicks, bans or unbans a user, or makes it an operator or a plain member.
    pub async fn moderate(&self, action: Moderation, room: &str, user: &str) -> Result<(), SendError> {
        name::check(user)?;
        self.command(room, ExtensionCommand::Moderate { action, room, user }).await
    }

    /// Sets a mode of a room.
    pub async fn set_mode(&self, room: &str, mode: RoomMode) -> Result<(), SendError> {
        self.command(room, ExtensionCommand::Mode { room, mode }).await
    }

    async fn command(&self, room: &str, command: ExtensionCommand<'_>) -> Result<(), SendError> {
        name::check(room)?;
        self.send_room_command(command).await
    }

    async fn send_room_command(&self, command: ExtensionCommand<'_>) -> Result<(), SendError> {
        if !self.may_have_rooms() {
            return Err(SendError::NoRooms);
        }
        self.online()?;
        let mut frame = Vec::new();
        command.write(&mut frame).map_err(|error| to_send_error(error, command))?;
        self.enqueue(frame).await
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
