//! The requests that the server has not answered, so that an error can be told with what it is about.

use std::collections::VecDeque;

use mychat_client::{ErrorCode, RoomUpdate, ServerError};

use crate::console::request::RoomRequest;

/// Maximum number of requests. The bound is necessary because a user who joins and leaves between two lists of users is never
/// confirmed as a recipient.
const MAX_PENDING: usize = 64;

/// A request that may fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PendingRequest {
    /// A private message to a user who is not in the list of users. Only a failure is answered (rule M2).
    Message {
        to: String,
    },
    Room(RoomRequest),
}

/// The unanswered requests, oldest first. The server answers in order (rules S6 and Q1).
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    queue: VecDeque<PendingRequest>,
}

impl PendingRequests {
    pub(super) fn push(&mut self, request: PendingRequest) {
        if self.queue.len() == MAX_PENDING {
            self.queue.pop_front();
        }
        self.queue.push_back(request);
    }

    /// Forgets everything: the connection was lost.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Forgets the messages to users who are in the list of users.
    pub(super) fn confirm_users(&mut self, users: &[String]) {
        self.queue.retain(|request| !matches!(request, PendingRequest::Message { to } if users.contains(to)));
    }

    /// Takes the echo of a request of the user `own`. Requests about rooms before it were answered by something unknown.
    pub(super) fn observe(&mut self, update: &RoomUpdate, own: &str) -> Option<RoomRequest> {
        let answers = |request: &PendingRequest| match request {
            PendingRequest::Room(request) => request.is_answered_by(update, own),
            PendingRequest::Message { .. } => false,
        };
        let at = self.queue.iter().position(answers)?;
        let PendingRequest::Room(request) = self.queue.remove(at)? else { return None };
        let mut index = 0;
        self.queue.retain(|request| {
            index += 1;
            index > at || matches!(request, PendingRequest::Message { .. })
        });
        Some(request)
    }

    /// Takes the first request that may have failed with this error.
    pub(super) fn fail(&mut self, error: &ServerError) -> Option<PendingRequest> {
        let code = error.kind()?;
        let may_fail = |request: &PendingRequest| match request {
            PendingRequest::Message { .. } => code == ErrorCode::NoSuchUser,
            PendingRequest::Room(request) => request.may_fail_with(code),
        };
        let at = self.queue.iter().position(may_fail)?;
        self.queue.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(room: &str) -> RoomRequest {
        RoomRequest::Join { room: room.into() }
    }

    fn say(room: &str, text: &str) -> RoomRequest {
        RoomRequest::Say { room: room.into(), text: text.into() }
    }

    fn queue(requests: &[PendingRequest]) -> PendingRequests {
        let mut pending = PendingRequests::default();
        for request in requests {
            pending.push(request.clone());
        }
        pending
    }

    fn error(code: &str) -> ServerError {
        ServerError { code: code.into(), text: String::new() }
    }

    #[test]
    fn an_error_belongs_to_the_first_request_that_can_have_it() {
        let (room, message) = (PendingRequest::Room, |to: &str| PendingRequest::Message { to: to.into() });
        let mut pending = queue(&[room(join("a")), message("bob"), room(say("b", "hola")), message("zoe")]);
        assert_eq!(pending.fail(&error("404")), Some(message("bob")));
        assert_eq!(pending.fail(&error("404")), Some(room(say("b", "hola"))));
        assert_eq!(pending.fail(&error("403")), Some(room(join("a"))));
        assert_eq!(pending.fail(&error("503")), None);
        assert_eq!(pending.fail(&error("777")), None);
        pending.confirm_users(&["zoe".to_owned()]);
        assert_eq!(pending.fail(&error("404")), None);
    }

    #[test]
    fn an_echo_answers_its_request_and_those_about_rooms_before_it() {
        let (room, message) = (PendingRequest::Room, |to: &str| PendingRequest::Message { to: to.into() });
        let mut pending = queue(&[message("bob"), room(join("a")), room(say("a", "hola")), room(say("a", "x"))]);
        let said = |from: &str| RoomUpdate::Said { room: "a".into(), from: from.into(), content: "hola".into() };
        assert_eq!(pending.observe(&said("bob"), "ana"), None, "another user said the same");
        assert_eq!(pending.observe(&said("ana"), "ana"), Some(say("a", "hola")));
        assert_eq!(pending.fail(&error("403")), Some(room(say("a", "x"))));
        assert_eq!(pending.fail(&error("404")), Some(message("bob")));
    }
}
