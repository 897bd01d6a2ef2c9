//! The codes of `ERROR` frames, each with its default text.

/// The error codes of MyChat/1. The original protocol text defines only 404 (§3.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// The frame is not UTF-8, its command is unknown, or a parameter is missing or empty (rules F6, S4).
    Malformed,
    /// The session has no name yet (rule U5).
    NotConnected,
    /// The user may not do this in the room (extension `rooms`).
    Forbidden,
    /// No user has the recipient's name (rule M2), or the session is in no such room.
    NoSuchUser,
    /// The name is in use, or the session already has a name (rules U3, U4).
    Conflict,
    /// A received or forwarded frame is longer than 1024 bytes (rules F5, M4).
    TooLarge,
    /// The name breaks rule U1 (rule U3).
    IllegalName,
    /// The session has sent more messages per second than the server allows.
    TooFast,
    /// The server is full or shutting down (rule U3).
    Unavailable,
}

impl ErrorCode {
    /// All codes in ascending order.
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::NotConnected,
        Self::Forbidden,
        Self::NoSuchUser,
        Self::Conflict,
        Self::TooLarge,
        Self::IllegalName,
        Self::TooFast,
        Self::Unavailable,
    ];

    /// Returns the three digits of the code.
    pub const fn digits(self) -> &'static str {
        match self {
            Self::Malformed => "400",
            Self::NotConnected => "401",
            Self::Forbidden => "403",
            Self::NoSuchUser => "404",
            Self::Conflict => "409",
            Self::TooLarge => "413",
            Self::IllegalName => "422",
            Self::TooFast => "429",
            Self::Unavailable => "503",
        }
    }

    /// Returns the default text for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "malformed message",
            Self::NotConnected => "not connected: send CONNECT|name first",
            Self::Forbidden => "not allowed in this room",
            Self::NoSuchUser => "no such user",
            Self::Conflict => "name in use or already connected",
            Self::TooLarge => "message too large",
            Self::IllegalName => "not a legal name",
            Self::TooFast => "too many messages",
            Self::Unavailable => "server full or shutting down",
        }
    }

    /// Returns the code with these digits, or `None` if MyChat/1 does not define it.
    pub fn from_text(digits: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.digits() == digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_digits_in_order_and_parse_back() {
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.digits()));
        for code in ErrorCode::ALL {
            assert_eq!(code.digits().parse::<u16>().map(|number| number / 1000), Ok(0));
            assert_eq!((code.digits().len(), ErrorCode::from_text(code.digits())), (3, Some(code)));
        }
        assert_eq!(ErrorCode::from_text("0404"), None);
    }
}
