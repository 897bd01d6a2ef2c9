//! The actions of a room's operators.

/// An action of an operator that concerns one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moderation {
    /// `INVITE`: lets a user join a private room once.
    Invite,
    /// `KICK`: removes a member.
    Kick,
    /// `BAN`: keeps a name out of the room, and removes the member who has it.
    Ban,
    /// `UNBAN`: ends a ban.
    Unban,
    /// `GRANT`: makes a member an operator.
    Grant,
    /// `REVOKE`: makes an operator a plain member.
    Revoke,
}

impl Moderation {
    /// All actions.
    pub const ALL: [Self; 6] = [Self::Invite, Self::Kick, Self::Ban, Self::Unban, Self::Grant, Self::Revoke];

    /// Returns the first field of the action's frames.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Invite => "INVITE",
            Self::Kick => "KICK",
            Self::Ban => "BAN",
            Self::Unban => "UNBAN",
            Self::Grant => "GRANT",
            Self::Revoke => "REVOKE",
        }
    }

    /// Returns the action with this verb.
    pub fn from_verb(verb: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.verb() == verb)
    }
}

/// A property of a room that an operator sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoomMode {
    /// Only invited users may join, and `ROOMS` shows the room to its members alone.
    Private,
    /// Everybody may join; the opposite of private.
    Public,
    /// Only operators may speak.
    Quiet,
    /// All members may speak; the opposite of quiet.
    Open,
    /// The messages of the room are kept, which needs a server with history.
    Stored,
    /// The messages of the room are not kept.
    Unstored,
}

impl RoomMode {
    /// All modes.
    pub const ALL: [Self; 6] = [Self::Private, Self::Public, Self::Quiet, Self::Open, Self::Stored, Self::Unstored];

    /// Returns the mode's parameter in a `MODE` frame.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
            Self::Quiet => "quiet",
            Self::Open => "open",
            Self::Stored => "stored",
            Self::Unstored => "unstored",
        }
    }

    /// Returns the mode with this parameter.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.text() == text)
    }
}
