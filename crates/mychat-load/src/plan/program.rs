//! The actions and session lengths of one user, drawn lazily from the seed.

use std::sync::Arc;

use rand::RngExt as _;
use rand::distr::uniform::SampleUniform;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::{LoadCurve, LoadTime, Nanos, Plan, RandomStream, UserId, nanos};
use mychat_scenario::model::{Action, Arrivals, Content, Leave, Pace, Size, Span, To};

/// One action of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedAction {
    time: ActionTime,
    /// Index into the group's actions.
    pub action: u16,
    /// The recipient, for actions that have one.
    pub recipient: Recipient,
    /// Bytes of content or frame; for half frames, the stall in milliseconds.
    pub size: u32,
    /// Offset into the plan's padding text.
    pub padding: u32,
}

/// The recipient of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// All users, or no particular one.
    All,
    /// [`UNKNOWN_NAME`].
    Unknown,
    /// This user.
    User(UserId),
    /// The room that this random number selects when the action is performed: it depends on the user's memberships.
    Room(u32),
}

/// The time of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ActionTime {
    /// The schedule of an open loop.
    Due(LoadTime),
    /// The think time of a closed loop.
    AfterThink(Nanos),
}

impl PlannedAction {
    /// Returns its due time; `None` in a closed loop, which has no schedule.
    pub const fn due(&self) -> Option<LoadTime> {
        match self.time {
            ActionTime::Due(due) => Some(due),
            ActionTime::AfterThink(_) => None,
        }
    }

    /// Returns the think time between the previous action and this one; `None` in an open loop.
    pub const fn think(&self) -> Option<Nanos> {
        match self.time {
            ActionTime::Due(_) => None,
            ActionTime::AfterThink(think) => Some(think),
        }
    }

    pub(super) fn digest(&self, digest: &mut Sha256) {
        let nanos = match self.time {
            ActionTime::Due(due) => due.nanos(),
            ActionTime::AfterThink(think) => think,
        };
        digest.update(nanos.to_le_bytes());
        digest.update(self.action.to_le_bytes());
        let recipient = match self.recipient {
            Recipient::All => u32::MAX,
            Recipient::Unknown => u32::MAX - 1,
            Recipient::User(user) => user.0,
            Recipient::Room(draw) => draw,
        };
        digest.update(recipient.to_le_bytes());
        digest.update(self.size.to_le_bytes());
        digest.update(self.padding.to_le_bytes());
    }
}

/// The actions of one user, one by one.
#[derive(Debug)]
pub struct UserProgram {
    user: UserId,
    times: Times,
    choices: ChaCha8Rng,
    weights: u32,
}

#[derive(Debug)]
enum Times {
    /// `amount` is the load at the next action, `step` its average increase.
    Poisson { curve: Arc<LoadCurve>, amount: f64, step: f64, rng: Box<ChaCha8Rng> },
    /// As above, with equal steps; the users of a group take turns.
    Even { curve: Arc<LoadCurve>, amount: f64, step: f64 },
    /// Random think times of a closed loop.
    Think { span: Span<Nanos>, rng: Box<ChaCha8Rng> },
}

impl Times {
    fn next(&mut self) -> Option<ActionTime> {
        match self {
            Self::Poisson { curve, amount, step, rng } => {
                // 1 − u is in (0, 1]: its logarithm is finite.
                let unit: f64 = rng.random();
                *amount -= (1.0 - unit).ln() * *step;
                curve.time_of(*amount).map(ActionTime::Due)
            }
            Self::Even { curve, amount, step } => {
                let at = curve.time_of(*amount);
                *amount += *step;
                at.map(ActionTime::Due)
            }
            Self::Think { span, rng } => Some(ActionTime::AfterThink(drawn(rng, *span))),
        }
    }
}

impl UserProgram {
    pub(super) fn new(plan: &Plan, user: UserId) -> Self {
        let index = plan.users[user.index()].group.index();
        let group = &plan.scenario.groups[index];
        let curve = Arc::clone(&plan.curves[index]);
        let times_rng = || Box::new(plan.rng(user, RandomStream::Times));
        let times = match group.pace {
            Pace::Open { rate, arrivals } => {
                let step = 1.0 / rate.per_user(group.count);
                match arrivals {
                    Arrivals::Poisson => Times::Poisson { curve, amount: 0.0, step, rng: times_rng() },
                    Arrivals::Even => {
                        let turn = f64::from(user.0 - plan.members[index].start) + 0.5;
                        Times::Even { curve, amount: step * turn / f64::from(group.count), step }
                    }
                }
            }
            Pace::Closed { think } => {
                Times::Think { span: Span { from: nanos(think.from), to: nanos(think.to) }, rng: times_rng() }
            }
            // `Plan::program` returns `None` for silent groups; without actions a program ends at once.
            Pace::Silent => Times::Even { curve, amount: f64::MAX, step: 0.0 },
        };
        let weights = group.actions.iter().map(|weighted| weighted.weight).sum();
        Self { user, times, choices: plan.rng(user, RandomStream::Choices), weights }
    }

    /// Returns true for an open loop, whose times come from a schedule.
    pub fn is_open(&self) -> bool {
        !matches!(self.times, Times::Think { .. })
    }

    /// Returns the next action; `None` when the load is over.
    pub fn next(&mut self, plan: &Plan) -> Option<PlannedAction> {
        let time = self.times.next()?;
        let group = plan.group(self.user);
        let last = self.weights.checked_sub(1)?;
        let mut draw = if group.actions.len() == 1 { 0 } else { drawn(&mut self.choices, Span { from: 0, to: last }) };
        let action = group.actions.iter().position(|weighted| {
            let found = draw < weighted.weight;
            draw = draw.saturating_sub(weighted.weight);
            found
        })?;
        let (recipient, size) = self.details(plan, &group.actions[action].action);
        Some(PlannedAction { time, action: action as u16, recipient, size, padding: self.choices.random() })
    }

    fn details(&mut self, plan: &Plan, action: &Action) -> (Recipient, u32) {
        match action {
            Action::Broadcast { content } => (Recipient::All, self.size(plan, content, None)),
            Action::Private { to, content } => {
                let recipient = match *to {
                    To::Group(group) => Recipient::User(self.member(plan, group)),
                    To::Myself => Recipient::User(self.user),
                    To::Partner => Recipient::User(self.partner(plan)),
                    To::Nobody => Recipient::Unknown,
                };
                (recipient, self.size(plan, content, Some(recipient)))
            }
            Action::Oversize { size } | Action::Garbage { size } => (Recipient::All, self.between(*size)),
            Action::DuplicateName { of } => (Recipient::User(self.member(plan, *of)), 0),
            Action::HalfFrame { stall } => (Recipient::All, u32::try_from(stall.as_millis()).unwrap_or(u32::MAX)),
            Action::Frame { .. } | Action::Reconnect { .. } => (Recipient::All, 0),
            Action::Say { content } => {
                let room = Recipient::Room(self.choices.random());
                (room, self.size(plan, content, Some(room)))
            }
            Action::JoinRoom | Action::LeaveRoom => (Recipient::Room(self.choices.random()), 0),
        }
    }

    /// Draws a member of `group`, other than the user itself if the group has another.
    fn member(&mut self, plan: &Plan, group: usize) -> UserId {
        let members = plan.members[group].clone();
        if members.contains(&self.user.0) && members.len() > 1 {
            let drawn = self.choices.random_range(members.start..members.end - 1);
            UserId(drawn + u32::from(drawn >= self.user.0))
        } else {
            UserId(self.choices.random_range(members))
        }
    }

    /// Returns the other user of its pair. The scenario checks guarantee an even number of users.
    fn partner(&self, plan: &Plan) -> UserId {
        let first = plan.members[plan.users[self.user.index()].group.index()].start;
        UserId(first + ((self.user.0 - first) ^ 1))
    }

    fn between(&mut self, span: Span<u32>) -> u32 {
        drawn(&mut self.choices, span)
    }

    /// Draws the content size in bytes, limited to what both the sent and the forwarded frame can hold.
    fn size(&mut self, plan: &Plan, content: &Content, to: Option<Recipient>) -> u32 {
        let name = |user: UserId| plan.users[user.index()].name.len();
        let own = name(self.user);
        let longest = match to {
            None => 1023 - "BROADCAST||".len() - own,
            Some(Recipient::Room(_)) => 1023 - "SAY|||".len() - own - longest_room(plan, self.user),
            Some(recipient) => {
                let other = if let Recipient::User(user) = recipient { name(user) } else { UNKNOWN_NAME.len() };
                1023 - "MESSAGE||".len() - own.max(other)
            }
        } as u32;
        match content.size {
            Size::Max => longest,
            Size::Bytes(span) => self.between(span).min(longest),
        }
    }
}

/// Returns the bytes of the longest name of a room of the user's group.
fn longest_room(plan: &Plan, user: UserId) -> usize {
    let group = plan.group(user);
    group.rooms.as_ref().map_or(0, |rooms| rooms.name(&group.name, rooms.count).len())
}

/// Draws from a span. Draws nothing if there is no choice: closed loops choose a million times in a few seconds.
fn drawn<T: SampleUniform + PartialOrd + Copy>(rng: &mut ChaCha8Rng, span: Span<T>) -> T {
    if span.from == span.to { span.from } else { rng.random_range(span.from..=span.to) }
}

/// A name that no user has: `MESSAGE` to it must be answered by 404. The scenario checks reject it as a user name.
pub const UNKNOWN_NAME: &str = "nobody-has-this-name";

/// The session lengths of one user, and how each session ends.
#[derive(Debug)]
pub struct SessionDraws {
    user: UserId,
    rng: Box<ChaCha8Rng>,
}

impl SessionDraws {
    pub(super) fn new(plan: &Plan, user: UserId) -> Self {
        Self { user, rng: Box::new(plan.rng(user, RandomStream::SessionDraws)) }
    }

    /// Draws the length of the next session and how it ends.
    pub fn next(&mut self, plan: &Plan) -> (Nanos, Leave) {
        let group = plan.group(self.user);
        let span = group.session.map_or(Span { from: 0, to: 0 }, |s| Span { from: nanos(s.from), to: nanos(s.to) });
        let length = self.rng.random_range(span.from..=span.to);
        let leave = match group.leave.len() {
            0 => Leave::Disconnect,
            ways => group.leave[self.rng.random_range(0..ways)],
        };
        (length, leave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_write_only_to_each_other() {
        let text = "name: t\nusers:\n  alone: { count: 3 }\n  \
                    pairs: { count: 6, think: 0s, do: [ { private: { to: partner } } ] }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        for (user, partner) in [(3, 4), (4, 3), (5, 6), (6, 5), (7, 8), (8, 7)] {
            let mut program = plan.program(UserId(user)).unwrap();
            for _ in 0..3 {
                assert_eq!(program.next(&plan).unwrap().recipient, Recipient::User(UserId(partner)));
            }
        }
    }
}
