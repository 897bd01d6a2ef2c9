//! The numbered errors: the first field of an `ERROR`, and its text where the sender has nothing better to say.

/// The codes of this project's server. The protocol's own text gives only 404 (§3.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// Not UTF-8, unknown command, missing or empty parameter (rules F6, S4).
    Malformed,
    /// Not connected yet (rule U5).
    NotConnected,
    /// No such user (rule M2).
    NoSuchUser,
    /// Name in use, or this session has a name already (rules U3, U4).
    Conflict,
    /// A frame over 1024 bytes, received or about to be forwarded (rules F5, M4).
    TooLarge,
    /// Not a legal name (rules U1, U3).
    IllegalName,
    /// Too many messages a second.
    TooFast,
    /// Full, or shutting down (rule U3).
    Unavailable,
}

impl ErrorCode {
    /// All of them, by number.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::NotConnected,
        Self::NoSuchUser,
        Self::Conflict,
        Self::TooLarge,
        Self::IllegalName,
        Self::TooFast,
        Self::Unavailable,
    ];

    /// The number as it stands in a frame.
    pub const fn digits(self) -> &'static str {
        match self {
            Self::Malformed => "400",
            Self::NotConnected => "401",
            Self::NoSuchUser => "404",
            Self::Conflict => "409",
            Self::TooLarge => "413",
            Self::IllegalName => "422",
            Self::TooFast => "429",
            Self::Unavailable => "503",
        }
    }

    /// What it means, for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "malformed message",
            Self::NotConnected => "not connected: send CONNECT|name first",
            Self::NoSuchUser => "no such user",
            Self::Conflict => "name in use or already connected",
            Self::TooLarge => "message too large",
            Self::IllegalName => "not a legal name",
            Self::TooFast => "too many messages",
            Self::Unavailable => "server full or shutting down",
        }
    }

    /// The code for the digits of a frame, if it is one of these.
    pub fn from_text(digits: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.digits() == digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_digits_in_order_and_come_back() {
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.digits()));
        for code in ErrorCode::ALL {
            assert_eq!(code.digits().parse::<u16>().map(|number| number / 1000), Ok(0));
            assert_eq!((code.digits().len(), ErrorCode::from_text(code.digits())), (3, Some(code)));
        }
        assert_eq!(ErrorCode::from_text("0404"), None);
    }
}
