//! Logins that failed for good.

use crate::plan::{RunTime, UserId};
use crate::record::recorder::Place;

/// A login that failed for good: the server refused it, did not answer it, or never accepted the connection.
///
/// Its latency is not known before the end of the run: it is the age of the login by then, as with lost messages. A
/// refusal that comes quickly would otherwise improve the percentiles of `connect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedLogin {
    /// The user.
    pub user: UserId,
    /// Due time of the login; for a return, the end of the last session.
    pub due_at: RunTime,
    /// Cell in which the failure was counted.
    pub place: Place,
}
