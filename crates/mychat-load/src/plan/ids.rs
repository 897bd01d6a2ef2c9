//! Indices into the parts of a plan. Each has a type of its own: one cannot stand for another.

/// Index of a user among all users of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u32);

/// Index of a group of the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u16);

/// Index of a stage of the load. The index behind the last stage stands for the time before the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub u16);

/// Index of a chat room among all rooms of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u32);

/// The recipient of a message: one user, a room, everybody or nobody. The numbers of rooms follow those of users. It takes 18 bits in a stamp and in the log of sent messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addressee(u32);

impl UserId {
    /// Returns the position of the user in lists with an entry per user.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl RoomId {
    /// Returns the position of the room in lists with an entry per room.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl GroupId {
    /// Returns the position of the group in lists with an entry per group.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl StageId {
    /// Returns the position of the stage in lists with an entry per stage.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Addressee {
    /// The addressee of a broadcast.
    pub const EVERYBODY: Self = Self((1 << 18) - 1);

    /// The addressee of a message that no user should receive.
    pub const NOBODY: Self = Self((1 << 18) - 2);

    /// Returns the addressee with this number, as [`Addressee::number`] returned it.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Returns a number below 2^18.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns the user, in a run with `users` users; `None` for a room, everybody and nobody.
    pub fn user(self, users: usize) -> Option<UserId> {
        (self < Self::NOBODY && (self.0 as usize) < users).then_some(UserId(self.0))
    }

    /// Returns the room, in a run with `users` users; `None` for a user, everybody and nobody.
    pub fn room(self, users: usize) -> Option<RoomId> {
        (self < Self::NOBODY).then(|| self.0.checked_sub(users as u32).map(RoomId)).flatten()
    }

    /// Returns the addressee of a message to `room`, in a run with `users` users.
    pub const fn of_room(room: RoomId, users: usize) -> Self {
        Self(users as u32 + room.0)
    }
}

impl From<UserId> for Addressee {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}
