//! The rooms of one user: its memberships, and the requests about them that the server has not answered.

use std::collections::VecDeque;

use crate::plan::{Plan, RoomId, RunTime, UserId};
use crate::record::order_log::NewestMessage;
use crate::record::recorder::Place;

/// The memberships of one user in its current session.
#[derive(Debug)]
pub(in crate::engine) struct UserRooms {
    /// The rooms that it joins after each login.
    home: Vec<RoomId>,
    memberships: Vec<Membership>,
    /// Requests without an answer, in their order (rule Q1).
    pub(in crate::engine) requests: VecDeque<RoomRequest>,
    /// True from the login until the home rooms are joined.
    pub(in crate::engine) is_entering: bool,
}

/// A room that a user is in, or is about to be in.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Membership {
    pub(in crate::engine) room: RoomId,
    /// Index of the stay in the session.
    pub(in crate::engine) stay: usize,
    pub(in crate::engine) state: MembershipState,
    /// The message of the room with the highest ordinal that the user received in this stay.
    pub(in crate::engine) newest: Option<NewestMessage>,
}

/// State of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum MembershipState {
    /// The user has sent `JOIN`.
    Joining,
    /// The echo of `JOIN` has arrived.
    Member,
    /// The user has sent `LEAVE`.
    Leaving,
}

/// A request that the server has not answered.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct RoomRequest {
    pub(in crate::engine) kind: RoomRequestKind,
    /// Its due time.
    pub(in crate::engine) intended: RunTime,
    pub(in crate::engine) place: Place,
}

/// Kinds of requests about rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum RoomRequestKind {
    /// `CAPABILITIES|rooms`.
    Negotiate,
    /// `JOIN`.
    Join(RoomId),
    /// `LEAVE`.
    Leave(RoomId),
}

impl RoomRequestKind {
    /// Returns the verb of the request and of its echo.
    pub(in crate::engine) const fn verb(self) -> &'static str {
        match self {
            Self::Negotiate => "CAPABILITIES",
            Self::Join(_) => "JOIN",
            Self::Leave(_) => "LEAVE",
        }
    }
}

impl UserRooms {
    /// The rooms of a user; `None` if its group has none.
    pub(in crate::engine) fn of(plan: &Plan, user: UserId) -> Option<Box<Self>> {
        plan.group(user).rooms.as_ref()?;
        let (memberships, requests) = (Vec::new(), VecDeque::new());
        Some(Box::new(Self { home: plan.home_rooms(user), memberships, requests, is_entering: false }))
    }

    /// Returns the rooms that the user joins after each login.
    pub(in crate::engine) fn home(&self) -> &[RoomId] {
        &self.home
    }

    /// Begins with no rooms, as each session does. Returns the requests that were not answered.
    pub(in crate::engine) fn reset(&mut self) -> VecDeque<RoomRequest> {
        self.memberships.clear();
        std::mem::take(&mut self.requests)
    }

    pub(in crate::engine) fn membership(&mut self, room: RoomId) -> Option<&mut Membership> {
        self.memberships.iter_mut().find(|membership| membership.room == room)
    }

    /// Adds the membership of a user that has sent `JOIN`; `stay` is the index of its stay.
    pub(in crate::engine) fn begin(&mut self, room: RoomId, stay: usize) {
        self.memberships.push(Membership { room, stay, state: MembershipState::Joining, newest: None });
    }

    /// Removes a membership.
    pub(in crate::engine) fn end(&mut self, room: RoomId) -> Option<Membership> {
        let at = self.memberships.iter().position(|membership| membership.room == room)?;
        Some(self.memberships.remove(at))
    }

    /// Returns the room that `draw` selects among those that the user is a member of; `None` if there is none.
    pub(in crate::engine) fn pick_member(&self, draw: u32) -> Option<RoomId> {
        let is_member = |membership: &&Membership| membership.state == MembershipState::Member;
        let count = self.memberships.iter().filter(is_member).count();
        let at = draw as usize % count.max(1);
        self.memberships.iter().filter(is_member).nth(at).map(|membership| membership.room)
    }

    /// Returns the room that a `JOIN` of the user selects by `draw`; `None` while it is in as many rooms as it may be.
    pub(in crate::engine) fn pick_to_join(&self, plan: &Plan, user: UserId, draw: u32) -> Option<RoomId> {
        if self.memberships.len() >= self.home.len() {
            return None;
        }
        plan.room_to_join(user, draw, |room| self.memberships.iter().all(|membership| membership.room != room))
    }
}
