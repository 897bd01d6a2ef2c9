//! The rules of a session as a pure function: (state, input) → (state, action).
//!
//! A frame is checked in the order of rule S6, which is the order of the code: the parser checks size, encoding and
//! syntax, then the state decides, then the name. Checks that involve other users (is the name free, does the recipient
//! exist, does the forwarded frame fit) are left to the worker, which carries out the action.

use mychat_proto::{Command, ExtensionCommand, Inbound, ParseCommandError, name};

use crate::error_reply::ErrorReply;

/// The phase of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionState {
    /// The session has no name yet; only `CONNECT` and `DISCONNECT` are allowed (rule U5).
    #[default]
    Anonymous,
    /// The session has a name.
    Connected,
    /// The session has ended; further input is ignored.
    Closing,
}

/// The effect of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAction<'a> {
    /// No effect.
    Ignore,
    /// Log in with this legal name, if it is free and the server is not full.
    Login(&'a str),
    /// Reply `CONNECT_ACK|FAIL` and this error (rule U3).
    FailConnect(ErrorReply<'a>),
    /// Reply this error alone.
    ReplyError(ErrorReply<'a>),
    /// Forward to one user (§3.3.2).
    Private {
        /// The name of the recipient, who may not exist.
        recipient: &'a str,
        /// The content, forwarded byte for byte (rule S5).
        content: &'a str,
    },
    /// Forward to every user (§3.3.3).
    Broadcast {
        /// The content, forwarded byte for byte (rule S5).
        content: &'a str,
    },
    /// Handle a frame that is unknown in MyChat/1 and may belong to an extension (rule N2).
    Extension(&'a [u8]),
    /// End the session at the peer's request (§3.3.4).
    Disconnect,
    /// End the session: too many bytes arrived without a terminator (rule F5).
    EndOverrun,
}

impl SessionState {
    /// Returns the state after `input` and the action that it causes. A login does not change the state here: whether it
    /// succeeds depends on the other users, so the worker sets [`SessionState::Connected`].
    pub fn on(self, input: Inbound<'_>) -> (Self, SessionAction<'_>) {
        match (self, input) {
            // Rule F4: an empty frame has no effect.
            (Self::Closing, _) | (_, Inbound::Frame([])) => (self, SessionAction::Ignore),
            (_, Inbound::Oversize) => (self, SessionAction::ReplyError(ErrorReply::Oversize)),
            (_, Inbound::Overrun) => (Self::Closing, SessionAction::EndOverrun),
            (_, Inbound::Frame(bytes)) => match Command::parse(bytes) {
                Ok(command) => self.on_command(command),
                Err(ParseCommandError::Unknown) => (self, self.on_unknown(bytes)),
                Err(error) => (self, SessionAction::ReplyError(syntax(error))),
            },
        }
    }

    fn on_command(self, command: Command<'_>) -> (Self, SessionAction<'_>) {
        let action = match (self, command) {
            (_, Command::Disconnect) => return (Self::Closing, SessionAction::Disconnect),
            (Self::Closing, _) => SessionAction::Ignore,
            // Rule U4: the state is checked before the name (rule S6).
            (Self::Connected, Command::Connect { .. }) => SessionAction::FailConnect(ErrorReply::AlreadyConnected),
            (Self::Anonymous, Command::Connect { name }) => match name::check(name) {
                Ok(()) => SessionAction::Login(name),
                Err(error) => SessionAction::FailConnect(ErrorReply::IllegalName(error)),
            },
            // Rule U5.
            (Self::Anonymous, Command::Message { .. }) => {
                SessionAction::ReplyError(ErrorReply::NotConnected { command: "MESSAGE" })
            }
            (Self::Anonymous, Command::Broadcast { .. }) => {
                SessionAction::ReplyError(ErrorReply::NotConnected { command: "BROADCAST" })
            }
            (Self::Connected, Command::Message { recipient, content }) => SessionAction::Private { recipient, content },
            (Self::Connected, Command::Broadcast { content }) => SessionAction::Broadcast { content },
        };
        (self, action)
    }
}

impl SessionState {
    /// Returns the action for a frame that is not of MyChat/1.
    fn on_unknown(self, bytes: &[u8]) -> SessionAction<'_> {
        match self {
            Self::Connected => SessionAction::Extension(bytes),
            // Rule N4: without TLS, the framing must be known first.
            Self::Anonymous if matches!(ExtensionCommand::parse(bytes), Ok(ExtensionCommand::Capabilities { .. })) => {
                SessionAction::ReplyError(ErrorReply::NotConnected { command: "CAPABILITIES" })
            }
            Self::Anonymous | Self::Closing => SessionAction::ReplyError(syntax(ParseCommandError::Unknown)),
        }
    }
}

const fn syntax(error: ParseCommandError) -> ErrorReply<'static> {
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
            SessionAction::FailConnect(error) | SessionAction::ReplyError(error) => Some(error.code()),
            _ => None,
        }
    }

    #[test]
    fn s6_the_first_broken_rule_decides_the_error() {
        use SessionState::{Anonymous, Connected};
        let rows = [
            (Anonymous, "FOO|x", ErrorCode::Malformed),
            (Anonymous, "MESSAGE|bob", ErrorCode::Malformed),
            (Anonymous, "MESSAGE|bob|hi", ErrorCode::NotConnected),
            (Anonymous, "BROADCAST|hi", ErrorCode::NotConnected),
            (Anonymous, "JOIN|room", ErrorCode::Malformed),
            (Anonymous, "CAPABILITIES", ErrorCode::Malformed),
            (Anonymous, "CAPABILITIES|rooms", ErrorCode::NotConnected),
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
    fn u3_only_a_parsed_connect_is_answered_with_fail() {
        assert_eq!(
            on(SessionState::Anonymous, "CONNECT| a").1,
            SessionAction::FailConnect(ErrorReply::IllegalName(NameError::OuterWhitespace))
        );
        assert_eq!(
            on(SessionState::Connected, "CONNECT|a").1,
            SessionAction::FailConnect(ErrorReply::AlreadyConnected)
        );
        assert!(matches!(on(SessionState::Anonymous, "CONNECT").1, SessionAction::ReplyError(_)));
    }

    #[test]
    fn s3_disconnect_ends_a_session_in_any_state_and_nothing_follows() {
        for state in [SessionState::Anonymous, SessionState::Connected] {
            assert_eq!(on(state, "DISCONNECT"), (SessionState::Closing, SessionAction::Disconnect));
            assert_eq!(on(state, "DISCONNECT|"), (SessionState::Closing, SessionAction::Disconnect));
        }
        assert_eq!(on(SessionState::Closing, "BROADCAST|hi"), (SessionState::Closing, SessionAction::Ignore));
        assert_eq!(SessionState::Closing.on(Inbound::Oversize), (SessionState::Closing, SessionAction::Ignore));
    }

    #[test]
    fn f5_a_session_survives_oversize_but_not_overrun() {
        assert_eq!(SessionState::Connected.on(Inbound::Oversize).0, SessionState::Connected);
        assert_eq!(SessionState::Anonymous.on(Inbound::Overrun), (SessionState::Closing, SessionAction::EndOverrun));
    }

    proptest! {
        #[test]
        fn no_input_forwards_a_message_before_a_login(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let (state, action) = SessionState::Anonymous.on(Inbound::Frame(&bytes));
            prop_assert!(state != SessionState::Connected);
            let is_forwarded = matches!(action, SessionAction::Private { .. } | SessionAction::Broadcast { .. });
            prop_assert!(!is_forwarded);
        }
    }
}
