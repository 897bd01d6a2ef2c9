//! One virtual user: a small struct that knows where it stands. What it does is in [`super::act`], what it hears in
//! [`super::hear`], how it comes and goes in [`super::worker`].

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::hear::Follows;
use super::shared::Shared;
use super::spoken::Spoken;
use super::wire::Line;
use crate::plan::{Nanos, Plan, PlannedAction, SessionDraws, UserProgram};
use crate::record::recorder::Place;
use crate::record::roster::RosterState;
use crate::record::session::UserSession;
use mychat_scenario::model::Leave;

/// One virtual user.
#[derive(Debug)]
pub(super) struct User {
    /// Its index in the plan.
    pub(super) id: u32,
    /// Index of its group.
    pub(super) group: u16,
    /// Whether what it suffers is its own doing.
    pub(super) hostile: bool,
    pub(super) state: State,
    /// Its connection, while it has one.
    pub(super) line: Option<Line>,
    /// When it was meant to connect; for a return, when its session before was over.
    pub(super) meant: Nanos,
    /// What it is going to do.
    pub(super) program: Option<Box<UserProgram>>,
    /// The first of it.
    pub(super) next: Option<PlannedAction>,
    pub(super) stays: Option<Box<SessionDraws>>,
    /// How it leaves at the end of this stay.
    pub(super) leave: Leave,
    /// Its present visit, from the welcome on.
    pub(super) visit: Option<Box<UserSession>>,
    /// When it asked for its name, on this connection.
    pub(super) asked: Nanos,
    /// Visits so far.
    pub(super) visits: u16,
    /// Where they are among those that the worker keeps.
    pub(super) past: Vec<u32>,
    /// Broadcasts so far.
    pub(super) broadcasts: u32,
    /// Private messages so far, by recipient.
    pub(super) privates: FxHashMap<u32, u32>,
    /// When the server refused something of its with an error: it may close the connection as well.
    pub(super) rebuked: Option<Nanos>,
    /// In a closed loop: the message that it waits for, and since when.
    pub(super) awaiting: Option<(u32, Nanos)>,
    /// Whether the agenda holds a look at that.
    pub(super) watched: bool,
    /// The second half of a frame, while it stalls in the middle of one.
    pub(super) rest: Option<Vec<u8>>,
    /// It comes back after the present visit, whatever its plan.
    pub(super) returns: bool,
    /// The list that it has.
    pub(super) listed: RosterState,
    /// How far it has come among the broadcasts that are kept.
    pub(super) follows: Follows,
    /// Answers that are still to come, in the order of the requests.
    pub(super) owed: VecDeque<Owed>,
}

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not there yet, or about to come back.
    Away,
    /// Its connection is being made.
    Connecting,
    /// It has asked for its name.
    Asking,
    /// It was welcomed.
    Online,
    /// It said goodbye and waits for the connection to end.
    Leaving,
    /// Not there, by its own plan, and not coming back.
    Done,
    /// The server did not let it in, or threw it out.
    Out,
}

/// An answer that is still to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owed {
    pub(super) answer: Answer,
    /// Which of the user's messages asked for it.
    pub(super) sequence: u32,
    /// Whether a later message of the user's own has come back to it: in order, the answer would have been before that.
    pub(super) passed: bool,
    pub(super) intended: Nanos,
    pub(super) place: Place,
}

/// What has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// `ERROR|404`, and nothing else (rule M2).
    NotFound,
    /// Any `ERROR`, or the end of the connection (rules F5, F6).
    Refusal,
    /// What the user's action of this index says.
    Spoken(u16),
}

impl User {
    pub(super) fn new(plan: &Plan, id: u32) -> Self {
        Self {
            id,
            group: plan.users[id as usize].group,
            hostile: plan.group(id).hostile,
            state: State::Away,
            line: None,
            meant: 0,
            program: plan.program(id).map(Box::new),
            next: None,
            stays: plan.session_draws(id).map(Box::new),
            leave: Leave::Disconnect,
            visit: None,
            asked: 0,
            visits: 0,
            past: Vec::new(),
            broadcasts: 0,
            privates: FxHashMap::default(),
            rebuked: None,
            awaiting: None,
            watched: false,
            rest: None,
            returns: false,
            listed: RosterState::default(),
            follows: Follows::default(),
            owed: VecDeque::new(),
        }
    }

    /// The first answer that is owed and is like this; one that was passed only where no other is.
    pub(super) fn owed_first(&self, is_it: impl Fn(&Owed) -> bool) -> Option<usize> {
        let first = |passed: bool| self.owed.iter().position(|owed| owed.passed == passed && is_it(owed));
        first(false).or_else(|| first(true))
    }

    /// A message of the user's own has come back to it.
    pub(super) fn came_back(&mut self, sequence: u32) {
        for owed in self.owed.iter_mut().filter(|owed| owed.sequence < sequence) {
            owed.passed = true;
        }
    }

    /// Whether the server may close the connection instead of this answer.
    pub(super) fn is_answered_by_the_end(&self, owed: &Owed, shared: &Shared) -> bool {
        match owed.answer {
            Answer::NotFound => false,
            Answer::Refusal => true,
            Answer::Spoken(action) => {
                let spoken = &shared.spoken[usize::from(self.group)][usize::from(action)];
                spoken.as_ref().is_some_and(Spoken::may_close)
            }
        }
    }

    /// When its present visit began to end; 0 if it does not.
    pub(super) fn left_at(&self) -> Nanos {
        self.visit.as_ref().and_then(|visit| visit.leaving).unwrap_or(0)
    }
}
