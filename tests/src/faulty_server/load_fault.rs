//! The faults of a server under load.

/// A fault of a server under load. `every` is a number that is given with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFault {
    /// Nothing.
    None,
    /// Leaves every `every`-th delivery out.
    Lose,
    /// Makes every `every`-th delivery twice.
    Double,
    /// Makes every `every`-th delivery once more, a while later.
    Repeat,
    /// Makes every `every`-th delivery after the next one of the same sender to the same recipient.
    Swap,
    /// Makes every `every`-th broadcast reach half of the users only after the next broadcast of another user. In rooms it does
    /// the same.
    TwoOrders,
    /// Delivers every `every`-th message in a room also to the user that left the room last.
    KeepMembers,
    /// Answers every `every`-th `JOIN` by nothing.
    SilentJoin,
    /// Makes every `every`-th delivery to another user instead.
    Misroute,
    /// Changes the last byte of every `every`-th delivery.
    Change,
    /// Leaves out 1 in 1,000 deliveries, doubles 1 in 2,000 and swaps 1 in 5,000.
    Mixed,
    /// Answers every `every`-th private message to a user with 404, although that user is there.
    Deny,
    /// Tells the first user nothing of those who come after it.
    Unlist,
    /// Answers every `every`-th `CONNECT` with `CONNECT_ACK|FAIL`.
    Refuse,
    /// Does not answer every `every`-th `CONNECT`.
    Mute,
    /// Closes the connection of every `every`-th `CONNECT`.
    HangUp,
    /// Frees no name.
    KeepNames,
    /// Lets nobody in any more from the `every`-th message on.
    Shut,
    /// Throws out half of the users at the `every`-th message.
    Evict,
    /// Answers nothing any more from the `every`-th message on.
    Freeze,
    /// Dies at the `every`-th message.
    Crash,
    /// Makes each delivery 1.5 s late.
    Slow,
    /// Leaves out every `every`-th answer to a message for an unknown user.
    Unanswered,
    /// Lets a second user in under a name in use.
    AdmitTwice,
}

impl LoadFault {
    /// Returns the fault that the program serves under this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "crash" => Some(Self::Crash),
            "freeze" => Some(Self::Freeze),
            "evict" => Some(Self::Evict),
            "shut" => Some(Self::Shut),
            "refuse" => Some(Self::Refuse),
            "mute" => Some(Self::Mute),
            "hang-up" => Some(Self::HangUp),
            "keep-names" => Some(Self::KeepNames),
            _ => None,
        }
    }
}
