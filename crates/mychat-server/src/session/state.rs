//! The session's rules as a pure function: (state, what came in) → (state, what to do about it).
//!
//! The order in which a frame is judged (rule S6) is the order of the code: size, encoding and syntax come out of the
//! parser, then the state decides, then the name. What needs to know other users (is the name free, is there such a
//! recipient, does the forwarded frame fit) is left to whoever carries the action out.

use mychat_proto::{Command, CommandError, Inbound, name};

use crate::error_reply::ErrorReply;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionState {
    /// It has no name yet and may say `CONNECT` and `DISCONNECT` only (rule U5).
    #[default]
    Anonymous,
    /// It has a name.
    Connected,
    /// It is over; what still arrives is ignored.
    Closing,
}

/// What a frame asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAction<'a> {
    /// Nothing.
    Ignore,
    /// Give the session this legal name, if it is free and there is room.
    Login(&'a str),
    /// Answer `CONNECT_ACK|FAIL` and the fault (rule U3).
    Refuse(ErrorReply<'a>),
    /// Answer the fault alone.
    Reject(ErrorReply<'a>),
    /// §3.3.2: forward to one user.
    Private {
        /// Who shall have it; not known to exist.
        recipient: &'a str,
        /// What, byte for byte (rule S5).
        content: &'a str,
    },
    /// §3.3.3: forward to everybody.
    Broadcast {
        /// What, byte for byte (rule S5).
        content: &'a str,
    },
    /// §3.3.4: the peer says goodbye.
    Leave,
    /// Rule F5: too much came without a terminator; give the connection up.
    Abandon,
}

impl SessionState {
    /// Takes one piece of input. The state changes here only where nobody else has a say: a login succeeds or fails
    /// outside, and success is told by [`SessionState::Connected`].
    pub fn on(self, input: Inbound<'_>) -> (Self, SessionAction<'_>) {
        match (self, input) {
            // Rule F4: an empty frame is nothing.
            (Self::Closing, _) | (_, Inbound::Frame([])) => (self, SessionAction::Ignore),
            (_, Inbound::Oversize) => (self, SessionAction::Reject(ErrorReply::Oversize)),
            (_, Inbound::Overrun) => (Self::Closing, SessionAction::Abandon),
            (_, Inbound::Frame(bytes)) => match Command::parse(bytes) {
                Ok(command) => self.on_command(command),
                Err(error) => (self, SessionAction::Reject(syntax(error))),
            },
        }
    }

    fn on_command(self, command: Command<'_>) -> (Self, SessionAction<'_>) {
        let action = match (self, command) {
            (_, Command::Disconnect) => return (Self::Closing, SessionAction::Leave),
            (Self::Closing, _) => SessionAction::Ignore,
            // Rule U4: the state is judged before the name (rule S6).
            (Self::Connected, Command::Connect { .. }) => SessionAction::Refuse(ErrorReply::AlreadyConnected),
            (Self::Anonymous, Command::Connect { name }) => match name::check(name) {
                Ok(()) => SessionAction::Login(name),
                Err(error) => SessionAction::Refuse(ErrorReply::IllegalName(error)),
            },
            // Rule U5.
            (Self::Anonymous, Command::Message { .. }) => {
                SessionAction::Reject(ErrorReply::NotConnected { command: "MESSAGE" })
            }
            (Self::Anonymous, Command::Broadcast { .. }) => {
                SessionAction::Reject(ErrorReply::NotConnected { command: "BROADCAST" })
            }
            (Self::Connected, Command::Message { recipient, content }) => SessionAction::Private { recipient, content },
            (Self::Connected, Command::Broadcast { content }) => SessionAction::Broadcast { content },
        };
        (self, action)
    }
}

const fn syntax(error: CommandError) -> ErrorReply<'static> {
    ErrorReply::Syntax { error }
}

#[cfg(test)]
mod tests {
    use mychat_proto::{ErrorCode, NameError};
    use proptest::prelude::*;

    use super::*;

    fn on(state: SessionState, frame: &str) -> (SessionState, SessionAction<'_>) {
        state.on(Inbound::Frame(frame.as_bytes()))
    }

    fn code(action: SessionAction<'_>) -> Option<ErrorCode> {
        match action {
            SessionAction::Refuse(fault) | SessionAction::Reject(fault) => Some(fault.code()),
            _ => None,
        }
    }

    #[test]
    fn s6_the_first_broken_rule_answers() {
        use SessionState::{Anonymous, Connected};
        let rows = [
            (Anonymous, "FOO|x", ErrorCode::Malformed),
            (Anonymous, "MESSAGE|bob", ErrorCode::Malformed),
            (Anonymous, "MESSAGE|bob|hi", ErrorCode::NotConnected),
            (Anonymous, "BROADCAST|hi", ErrorCode::NotConnected),
            (Anonymous, "CONNECT", ErrorCode::Malformed),
            (Anonymous, "CONNECT|", ErrorCode::IllegalName),
            (Anonymous, "CONNECT|a|b", ErrorCode::IllegalName),
            (Connected, "CONNECT", ErrorCode::Malformed),
            (Connected, "CONNECT|", ErrorCode::Conflict),
            (Connected, "CONNECT|bob", ErrorCode::Conflict),
            (Connected, "USER_LIST|a", ErrorCode::Malformed),
            (Connected, "DISCONNECT|x", ErrorCode::Malformed),
        ];
        for (state, frame, expected) in rows {
            let (after, action) = on(state, frame);
            assert_eq!((after, code(action)), (state, Some(expected)), "{frame}");
        }
    }

    #[test]
    fn u3_only_a_refused_connect_is_answered_with_fail() {
        assert_eq!(
            on(SessionState::Anonymous, "CONNECT| a").1,
            SessionAction::Refuse(ErrorReply::IllegalName(NameError::OuterWhitespace))
        );
        assert_eq!(on(SessionState::Connected, "CONNECT|a").1, SessionAction::Refuse(ErrorReply::AlreadyConnected));
        assert!(matches!(on(SessionState::Anonymous, "CONNECT").1, SessionAction::Reject(_)));
    }

    #[test]
    fn s3_disconnect_ends_a_session_in_any_state_and_nothing_follows() {
        for state in [SessionState::Anonymous, SessionState::Connected] {
            assert_eq!(on(state, "DISCONNECT"), (SessionState::Closing, SessionAction::Leave));
            assert_eq!(on(state, "DISCONNECT|"), (SessionState::Closing, SessionAction::Leave));
        }
        assert_eq!(on(SessionState::Closing, "BROADCAST|hi"), (SessionState::Closing, SessionAction::Ignore));
        assert_eq!(SessionState::Closing.on(Inbound::Oversize), (SessionState::Closing, SessionAction::Ignore));
    }

    #[test]
    fn f5_oversize_goes_on_and_overrun_does_not() {
        assert_eq!(SessionState::Connected.on(Inbound::Oversize).0, SessionState::Connected);
        assert_eq!(SessionState::Anonymous.on(Inbound::Overrun), (SessionState::Closing, SessionAction::Abandon));
    }

    proptest! {
        #[test]
        fn no_bytes_give_a_name_or_a_message_before_connect(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let (state, action) = SessionState::Anonymous.on(Inbound::Frame(&bytes));
            prop_assert!(state != SessionState::Connected);
            let forwards = matches!(action, SessionAction::Private { .. } | SessionAction::Broadcast { .. });
            prop_assert!(!forwards);
        }
    }
}
