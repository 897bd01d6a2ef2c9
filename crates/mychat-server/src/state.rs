//! The session's rules as a pure function: (state, what came in) → (state, what to do about it).
//!
//! The order in which a frame is judged (rule S6) is the order of the code: size, encoding and syntax come out of the
//! parser, then the state decides, then the name. What needs to know other users (is the name free, is there such a
//! recipient, does the forwarded frame fit) is left to whoever carries the action out.

use mychat_proto::{Command, CommandError, Inbound, name};

use crate::fault::Fault;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
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
pub enum Action<'a> {
    /// Nothing.
    Ignore,
    /// Give the session this legal name, if it is free and there is room.
    Login(&'a str),
    /// Answer `CONNECT_ACK|FAIL` and the fault (rule U3).
    Refuse(Fault<'a>),
    /// Answer the fault alone.
    Reject(Fault<'a>),
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

impl State {
    /// Takes one piece of input. The state changes here only where nobody else has a say: a login succeeds or fails
    /// outside, and success is told by [`State::Connected`].
    pub fn on(self, input: Inbound<'_>) -> (Self, Action<'_>) {
        match (self, input) {
            // Rule F4: an empty frame is nothing.
            (Self::Closing, _) | (_, Inbound::Frame([])) => (self, Action::Ignore),
            (_, Inbound::Oversize) => (self, Action::Reject(Fault::Oversize)),
            (_, Inbound::Overrun) => (Self::Closing, Action::Abandon),
            (_, Inbound::Frame(bytes)) => match Command::parse(bytes) {
                Ok(command) => self.on_command(command),
                Err(error) => (self, Action::Reject(syntax(error))),
            },
        }
    }

    fn on_command(self, command: Command<'_>) -> (Self, Action<'_>) {
        let action = match (self, command) {
            (_, Command::Disconnect) => return (Self::Closing, Action::Leave),
            (Self::Closing, _) => Action::Ignore,
            // Rule U4: the state is judged before the name (rule S6).
            (Self::Connected, Command::Connect { .. }) => Action::Refuse(Fault::AlreadyConnected),
            (Self::Anonymous, Command::Connect { name }) => match name::check(name) {
                Ok(()) => Action::Login(name),
                Err(error) => Action::Refuse(Fault::IllegalName(error)),
            },
            // Rule U5.
            (Self::Anonymous, Command::Message { .. }) => Action::Reject(Fault::NotConnected { command: "MESSAGE" }),
            (Self::Anonymous, Command::Broadcast { .. }) => {
                Action::Reject(Fault::NotConnected { command: "BROADCAST" })
            }
            (Self::Connected, Command::Message { recipient, content }) => Action::Private { recipient, content },
            (Self::Connected, Command::Broadcast { content }) => Action::Broadcast { content },
        };
        (self, action)
    }
}

const fn syntax(error: CommandError) -> Fault<'static> {
    Fault::Syntax { error }
}

#[cfg(test)]
mod tests {
    use mychat_proto::{ErrorCode, NameError};
    use proptest::prelude::*;

    use super::*;

    fn on(state: State, frame: &str) -> (State, Action<'_>) {
        state.on(Inbound::Frame(frame.as_bytes()))
    }

    fn code(action: Action<'_>) -> Option<ErrorCode> {
        match action {
            Action::Refuse(fault) | Action::Reject(fault) => Some(fault.code()),
            _ => None,
        }
    }

    #[test]
    fn s6_the_first_broken_rule_answers() {
        use State::{Anonymous, Connected};
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
        assert_eq!(on(State::Anonymous, "CONNECT| a").1, Action::Refuse(Fault::IllegalName(NameError::Blank)));
        assert_eq!(on(State::Connected, "CONNECT|a").1, Action::Refuse(Fault::AlreadyConnected));
        assert!(matches!(on(State::Anonymous, "CONNECT").1, Action::Reject(_)));
    }

    #[test]
    fn s3_disconnect_ends_a_session_in_any_state_and_nothing_follows() {
        for state in [State::Anonymous, State::Connected] {
            assert_eq!(on(state, "DISCONNECT"), (State::Closing, Action::Leave));
            assert_eq!(on(state, "DISCONNECT|"), (State::Closing, Action::Leave));
        }
        assert_eq!(on(State::Closing, "BROADCAST|hi"), (State::Closing, Action::Ignore));
        assert_eq!(State::Closing.on(Inbound::Oversize), (State::Closing, Action::Ignore));
    }

    #[test]
    fn f5_oversize_goes_on_and_overrun_does_not() {
        assert_eq!(State::Connected.on(Inbound::Oversize).0, State::Connected);
        assert_eq!(State::Anonymous.on(Inbound::Overrun), (State::Closing, Action::Abandon));
    }

    proptest! {
        #[test]
        fn no_bytes_give_a_name_or_a_message_before_connect(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let (state, action) = State::Anonymous.on(Inbound::Frame(&bytes));
            prop_assert!(state != State::Connected);
            let forwards = matches!(action, Action::Private { .. } | Action::Broadcast { .. });
            prop_assert!(!forwards);
        }
    }
}
