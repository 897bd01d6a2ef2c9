//! The login state of a user, and its connection.

use crate::engine::wire::ConnId;
use crate::plan::RunTime;
use mychat_scenario::model::Leave;

/// The login state of a user, and its connection.
#[derive(Debug)]
pub(in crate::engine) struct Login {
    pub(in crate::engine) state: UserState,
    /// Its own connection, while it has one.
    pub(in crate::engine) conn: Option<ConnId>,
    /// Due time of its login; for a return, the end of its last session. `None` while none is due.
    pub(in crate::engine) due_at: Option<RunTime>,
    /// Time at which it sent `CONNECT` on this connection.
    pub(in crate::engine) requested_at: RunTime,
    /// Its way of leaving at the end of this session.
    pub(in crate::engine) leave: Leave,
    /// True for a user that logs in again after this session because an action says so.
    pub(in crate::engine) reconnects: bool,
}

/// State of a user's login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum UserState {
    /// Not connected, before its first login or between two.
    Away,
    /// Its connection is being made.
    Connecting,
    /// It has sent `CONNECT` and waits for the reply.
    LoggingIn,
    /// Its return was refused, because its name was still taken. It tries again soon.
    Retrying,
    /// The server accepted its login.
    Online,
    /// It has left and waits for the connection to close.
    Leaving,
    /// It has left for good, as planned.
    Finished,
    /// The server refused its login or disconnected it.
    Evicted,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            state: UserState::Away,
            conn: None,
            due_at: None,
            requested_at: RunTime::ZERO,
            leave: Leave::Disconnect,
            reconnects: false,
        }
    }
}
