//! The source of a user's actions: a schedule, or replies to the action before.

use crate::plan::{Plan, PlannedAction, RunTime, UserProgram};

/// Drives the actions of one user.
#[derive(Debug)]
pub(in crate::engine) enum LoadLoop {
    /// Actions have fixed times, whatever the server does.
    Open(OpenLoop),
    /// Each action waits for the one before to be delivered or answered, and for a think time.
    Closed(ClosedLoop),
}

/// A program with fixed times.
#[derive(Debug)]
pub(in crate::engine) struct OpenLoop {
    program: Box<UserProgram>,
    next: Option<PlannedAction>,
}

/// A program whose times are think times.
#[derive(Debug)]
pub(in crate::engine) struct ClosedLoop {
    program: Box<UserProgram>,
    /// The action that follows the current think time.
    pub(in crate::engine) next: Option<PlannedAction>,
    /// Sequence number of the message whose delivery or reply it waits for, and when that was sent.
    pub(in crate::engine) awaiting: Option<(u32, RunTime)>,
    /// True while a timer is set that ends the waiting.
    pub(in crate::engine) has_timeout: bool,
}

impl LoadLoop {
    pub(in crate::engine) fn new(program: UserProgram) -> Self {
        let is_open = program.is_open();
        let program = Box::new(program);
        if is_open {
            Self::Open(OpenLoop { program, next: None })
        } else {
            Self::Closed(ClosedLoop { program, next: None, awaiting: None, has_timeout: false })
        }
    }

    /// Returns the action that was drawn last and has not been performed.
    pub(in crate::engine) fn next(&self) -> Option<PlannedAction> {
        match self {
            Self::Open(open) => open.next,
            Self::Closed(closed) => closed.next,
        }
    }
}

impl OpenLoop {
    /// Draws the next action; `None` at the end of the program.
    pub(in crate::engine) fn draw(&mut self, plan: &Plan) -> Option<PlannedAction> {
        self.next = self.program.next(plan);
        self.next
    }
}

impl ClosedLoop {
    /// Draws the next action, whose time is the think time before it.
    pub(in crate::engine) fn draw(&mut self, plan: &Plan) -> Option<PlannedAction> {
        self.next = self.program.next(plan);
        self.next
    }
}
