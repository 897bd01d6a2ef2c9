//! One virtual user: the state that its worker keeps for it.

mod broadcast_cursor;
mod load_loop;
mod login;
mod pending_replies;
mod rooms;

use rustc_hash::FxHashMap;

pub(super) use self::broadcast_cursor::BroadcastCursor;
pub(super) use self::load_loop::{ClosedLoop, LoadLoop};
pub(super) use self::login::{Login, UserState};
pub(super) use self::pending_replies::{ExpectedReply, PendingReplies, PendingReply};
pub(super) use self::rooms::{MembershipState, RoomRequest, RoomRequestKind, UserRooms};
use crate::plan::{Addressee, GroupId, Plan, RunTime, SessionDraws, UserId};
use crate::record::roster::RosterState;
use crate::record::session::UserSession;
use mychat_scenario::model::Action;

/// One virtual user.
#[derive(Debug)]
pub(super) struct User {
    /// Its index in the plan.
    pub(super) id: UserId,
    pub(super) group: GroupId,
    /// True for a user that breaks rules on purpose: nothing is owed to it.
    pub(super) hostile: bool,
    pub(super) login: Login,
    /// Lengths of its sessions, where the plan limits them.
    pub(super) stays: Option<Box<SessionDraws>>,
    /// The current session, from the accepted login on.
    pub(super) session: Option<Box<UserSession>>,
    /// Number of sessions so far, modulo 2^16.
    pub(super) sessions: u16,
    /// Indices of its past sessions in the worker's recording.
    pub(super) past_sessions: Vec<u32>,
    /// The source of its actions; `None` for a user that only reads, and for an open loop that is through.
    pub(super) load: Option<LoadLoop>,
    /// Broadcasts sent so far.
    pub(super) broadcasts: u32,
    /// Its chat rooms; `None` for a user that has none.
    pub(super) rooms: Option<Box<UserRooms>>,
    /// Private messages and messages in rooms sent so far, by recipient.
    pub(super) privates: FxHashMap<Addressee, u32>,
    /// Second half of a frame whose first half was sent.
    pub(super) second_half: Option<Vec<u8>>,
    /// Replies that the server still owes it.
    pub(super) replies: PendingReplies,
    /// The user list that it received last.
    pub(super) listed: RosterState,
    /// Its position among the cached broadcasts.
    pub(super) cursor: BroadcastCursor,
}

impl User {
    /// User `id` of the plan, not yet logged in.
    pub(super) fn new(plan: &Plan, id: UserId) -> Self {
        Self {
            id,
            group: plan.users[id.index()].group,
            hostile: plan.group(id).hostile,
            login: Login::default(),
            stays: plan.session_draws(id).map(Box::new),
            session: None,
            sessions: 0,
            past_sessions: Vec::new(),
            load: plan.program(id).map(LoadLoop::new),
            broadcasts: 0,
            rooms: UserRooms::of(plan, id),
            privates: FxHashMap::default(),
            second_half: None,
            replies: PendingReplies::default(),
            listed: RosterState::default(),
            cursor: BroadcastCursor::default(),
        }
    }

    /// Returns true if an action is possible with the user's present memberships. Other actions always are.
    pub(super) fn can_perform(&self, plan: &Plan, action: &Action) -> bool {
        let Some(rooms) = &self.rooms else { return true };
        match action {
            Action::Say { .. } | Action::LeaveRoom => rooms.pick_member(0).is_some(),
            Action::JoinRoom => rooms.pick_to_join(plan, self.id, 0).is_some(),
            _ => true,
        }
    }

    pub(super) fn is_online(&self) -> bool {
        self.login.state == UserState::Online
    }

    pub(super) fn closed_loop(&self) -> Option<&ClosedLoop> {
        match &self.load {
            Some(LoadLoop::Closed(closed)) => Some(closed),
            _ => None,
        }
    }

    pub(super) fn closed_loop_mut(&mut self) -> Option<&mut ClosedLoop> {
        match &mut self.load {
            Some(LoadLoop::Closed(closed)) => Some(closed),
            _ => None,
        }
    }

    /// Returns the time at which its current session began to end; `None` while it does not.
    pub(super) fn left_at(&self) -> Option<RunTime> {
        self.session.as_ref().and_then(|session| session.leaving_at)
    }
}
