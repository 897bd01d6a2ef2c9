//! What one user does, drawn lazily: its sends one by one, and how long it stays each time.

use std::sync::Arc;

use rand::RngExt as _;
use rand::distr::uniform::SampleUniform;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::{Curve, Nanos, Plan, Stream, nanos};
use mychat_scenario::model::{Action, Arrivals, Content, Leave, Pace, Size, Span, To};

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// When, from the start of the load; in a closed loop, how long after the last one was done.
    pub at: Nanos,
    /// Index into the group's actions.
    pub action: u16,
    /// To whom, where the action has somebody.
    pub recipient: Recipient,
    /// Bytes of content or frame; for half frames, how long to stall in milliseconds.
    pub size: u32,
    /// Where the padding starts.
    pub padding: u32,
}

/// To whom something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// Everybody, or nobody in particular.
    All,
    /// A name that nobody has.
    Nobody,
    /// The user with this index.
    User(u32),
}

impl Planned {
    pub(super) fn digest(&self, digest: &mut Sha256) {
        digest.update(self.at.to_le_bytes());
        digest.update(self.action.to_le_bytes());
        let recipient = match self.recipient {
            Recipient::All => u32::MAX,
            Recipient::Nobody => u32::MAX - 1,
            Recipient::User(user) => user,
        };
        digest.update(recipient.to_le_bytes());
        digest.update(self.size.to_le_bytes());
        digest.update(self.padding.to_le_bytes());
    }
}

/// The sends of one user.
#[derive(Debug)]
pub struct Program {
    user: u32,
    times: Times,
    choices: ChaCha8Rng,
    weights: u32,
}

#[derive(Debug)]
enum Times {
    /// The next amount of load to reach, how much from one to the next on average, and what to draw it from.
    Poisson { curve: Arc<Curve>, amount: f64, step: f64, rng: Box<ChaCha8Rng> },
    /// As above; the users of a group take turns.
    Even { curve: Arc<Curve>, amount: f64, step: f64 },
    /// Drawn pauses.
    Think { span: Span<Nanos>, rng: Box<ChaCha8Rng> },
}

impl Times {
    fn next(&mut self) -> Option<Nanos> {
        match self {
            Self::Poisson { curve, amount, step, rng } => {
                // 1 − u is in (0, 1]: its logarithm is finite.
                let unit: f64 = rng.random();
                *amount -= (1.0 - unit).ln() * *step;
                curve.time_of(*amount)
            }
            Self::Even { curve, amount, step } => {
                let at = curve.time_of(*amount);
                *amount += *step;
                at
            }
            Self::Think { span, rng } => Some(drawn(rng, *span)),
        }
    }
}

impl Program {
    pub(super) fn new(plan: &Plan, user: u32) -> Self {
        let index = usize::from(plan.users[user as usize].group);
        let group = &plan.scenario.groups[index];
        let curve = Arc::clone(&plan.curves[index]);
        let times_rng = || Box::new(plan.rng(user, Stream::Times));
        let times = match group.pace {
            Pace::Open { rate, arrivals } => {
                let step = 1.0 / rate.per_user(group.count);
                match arrivals {
                    Arrivals::Poisson => Times::Poisson { curve, amount: 0.0, step, rng: times_rng() },
                    Arrivals::Even => {
                        let turn = f64::from(user - plan.members[index].start) + 0.5;
                        Times::Even { curve, amount: step * turn / f64::from(group.count), step }
                    }
                }
            }
            Pace::Closed { think } => {
                Times::Think { span: Span { from: nanos(think.from), to: nanos(think.to) }, rng: times_rng() }
            }
            // `Plan::program` makes none for these; a program without actions ends at once.
            Pace::Silent => Times::Even { curve, amount: f64::MAX, step: 0.0 },
        };
        let weights = group.actions.iter().map(|weighted| weighted.weight).sum();
        Self { user, times, choices: plan.rng(user, Stream::Choices), weights }
    }

    /// Whether its times come from a schedule.
    pub fn is_open(&self) -> bool {
        !matches!(self.times, Times::Think { .. })
    }

    /// The next thing to do; `None` when the load is over.
    pub fn next(&mut self, plan: &Plan) -> Option<Planned> {
        let at = self.times.next()?;
        let group = plan.group(self.user);
        let last = self.weights.checked_sub(1)?;
        let mut draw = if group.actions.len() == 1 { 0 } else { drawn(&mut self.choices, Span { from: 0, to: last }) };
        let action = group.actions.iter().position(|weighted| {
            let found = draw < weighted.weight;
            draw = draw.saturating_sub(weighted.weight);
            found
        })?;
        let (recipient, size) = self.details(plan, &group.actions[action].action);
        Some(Planned { at, action: action as u16, recipient, size, padding: self.choices.random() })
    }

    fn details(&mut self, plan: &Plan, action: &Action) -> (Recipient, u32) {
        match action {
            Action::Broadcast { content } => (Recipient::All, self.size(plan, content, None)),
            Action::Private { to, content } => {
                let recipient = match *to {
                    To::Group(group) => Recipient::User(self.member(plan, group)),
                    To::Myself => Recipient::User(self.user),
                    To::Partner => Recipient::User(self.partner(plan)),
                    To::Nobody => Recipient::Nobody,
                };
                (recipient, self.size(plan, content, Some(recipient)))
            }
            Action::Oversize { size } | Action::Garbage { size } => (Recipient::All, self.between(*size)),
            Action::DuplicateName { of } => (Recipient::User(self.member(plan, *of)), 0),
            Action::HalfFrame { stall } => (Recipient::All, u32::try_from(stall.as_millis()).unwrap_or(u32::MAX)),
            Action::Frame { .. } | Action::Reconnect { .. } => (Recipient::All, 0),
        }
    }

    /// One of a group, other than the user itself where it has another.
    fn member(&mut self, plan: &Plan, group: usize) -> u32 {
        let members = plan.members[group].clone();
        if members.contains(&self.user) && members.len() > 1 {
            let drawn = self.choices.random_range(members.start..members.end - 1);
            drawn + u32::from(drawn >= self.user)
        } else {
            self.choices.random_range(members)
        }
    }

    /// The other of its pair. The scenario's checks let no group of an odd number of users have partners.
    fn partner(&self, plan: &Plan) -> u32 {
        let first = plan.members[usize::from(plan.users[self.user as usize].group)].start;
        first + ((self.user - first) ^ 1)
    }

    fn between(&mut self, span: Span<u32>) -> u32 {
        drawn(&mut self.choices, span)
    }

    /// Bytes of content: what the scenario says, within what both the frame sent and the frame forwarded can hold.
    fn size(&mut self, plan: &Plan, content: &Content, to: Option<Recipient>) -> u32 {
        let name = |user: u32| plan.users[user as usize].name.len();
        let own = name(self.user);
        let longest = match to {
            None => 1023 - "BROADCAST||".len() - own,
            Some(recipient) => {
                let other = if let Recipient::User(user) = recipient { name(user) } else { NOBODY.len() };
                1023 - "MESSAGE||".len() - own.max(other)
            }
        } as u32;
        match content.size {
            Size::Max => longest,
            Size::Bytes(span) => self.between(span).min(longest),
        }
    }
}

/// One of a span. Nothing is drawn where there is no choice: closed loops think and choose a million times in a few seconds.
fn drawn<T: SampleUniform + PartialOrd + Copy>(rng: &mut ChaCha8Rng, span: Span<T>) -> T {
    if span.from == span.to { span.from } else { rng.random_range(span.from..=span.to) }
}

/// The name that nobody has: `MESSAGE` to it must be answered by 404. A scenario's own names are checked against it.
pub const NOBODY: &str = "nobody-has-this-name";

/// How long one user stays each time, and how it leaves.
#[derive(Debug)]
pub struct Stays {
    user: u32,
    rng: Box<ChaCha8Rng>,
}

impl Stays {
    pub(super) fn new(plan: &Plan, user: u32) -> Self {
        Self { user, rng: Box::new(plan.rng(user, Stream::Stays)) }
    }

    /// The next stay.
    pub fn next(&mut self, plan: &Plan) -> (Nanos, Leave) {
        let group = plan.group(self.user);
        let span = group.session.map_or(Span { from: 0, to: 0 }, |s| Span { from: nanos(s.from), to: nanos(s.to) });
        let stay = self.rng.random_range(span.from..=span.to);
        let leave = match group.leave.len() {
            0 => Leave::Disconnect,
            ways => group.leave[self.rng.random_range(0..ways)],
        };
        (stay, leave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_write_to_each_other_and_to_nobody_else() {
        let text = "name: t\nusers:\n  alone: { count: 3 }\n  \
                    pairs: { count: 6, think: 0s, do: [ { private: { to: partner } } ] }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        for (user, partner) in [(3, 4), (4, 3), (5, 6), (6, 5), (7, 8), (8, 7)] {
            let mut program = plan.program(user).unwrap();
            for _ in 0..3 {
                assert_eq!(program.next(&plan).unwrap().recipient, Recipient::User(partner));
            }
        }
    }
}
