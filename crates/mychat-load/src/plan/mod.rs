//! A scenario and a seed into everything that will be done, before anything is: who, when, what, to whom.
//!
//! The same seed gives the same plan to the byte, whatever the number of threads: each user draws from streams of its
//! own. Times count from the start of the load, in nanoseconds.

mod curve;
mod program;
mod shard;
pub mod stamp;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};

use mychat_scenario::Scenario;
use mychat_scenario::model::{Action, Group, Pace, StageKind, Verify};

pub use curve::Curve;
pub use program::{NOBODY, Planned, Program, Recipient, Stays};
pub use shard::Shard;

/// Nanoseconds; from the start of the load in a plan, from the start of the run elsewhere.
pub type Nanos = u64;

/// The most users a run can have: what a stamp can name.
pub const MAX_USERS: u32 = stamp::EVERYBODY - 1;

/// All that will be done.
#[derive(Debug)]
pub struct Plan {
    /// What it was made from.
    pub scenario: Arc<Scenario>,
    /// What everything was drawn from.
    pub seed: u64,
    /// Tells the messages of this run from others on the same server; drawn from the seed.
    pub run: u32,
    /// How exactly deliveries are accounted for.
    pub verify: Verify,
    /// Users by index, group by group in the file's order.
    pub users: Vec<PlannedUser>,
    /// The users of each group.
    pub members: Vec<Range<u32>>,
    /// The load of each group over time.
    pub curves: Vec<Arc<Curve>>,
    /// The stages with their times.
    pub stages: Vec<PlannedStage>,
    /// Which of the users this machine drives.
    pub shard: Shard,
    padding: Arc<str>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedUser {
    /// What it is called.
    pub name: Box<str>,
    /// Index of its group.
    pub group: u16,
}

/// One stage with its times.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStage {
    /// Its name.
    pub name: String,
    /// From the start of the load.
    pub start: Nanos,
    /// From the start of the load.
    pub end: Nanos,
    /// Whether its figures count where an expectation names no stage: holds and spikes.
    pub headline: bool,
    /// Whether its figures are kept at all: not those of a warm-up.
    pub measured: bool,
}

/// Which random stream of a user something is drawn from.
#[derive(Clone, Copy)]
enum Stream {
    Times = 0,
    Choices = 1,
    Stays = 2,
}

impl Plan {
    /// Makes the plan.
    pub fn new(scenario: Arc<Scenario>, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::MAX);
        let run = rng.random_range(0..stamp::RUNS);
        let padding = stamp::padding(&mut rng);
        let mut users = Vec::new();
        let mut members = Vec::new();
        for (index, group) in scenario.groups.iter().enumerate() {
            let first = users.len() as u32;
            users.extend((1..=group.count).map(|number| PlannedUser {
                name: group.naming.name(&group.name, number).into(),
                group: index as u16,
            }));
            members.push(first..users.len() as u32);
        }
        let stages = lay_out(&scenario);
        let curves = (0..scenario.groups.len()).map(|group| Arc::new(Curve::new(&scenario.stages, group))).collect();
        let verify = scenario.verify;
        Self { scenario, seed, run, verify, users, members, curves, stages, shard: Shard::WHOLE, padding }
    }

    /// The same plan for a machine that drives a part of its users.
    #[must_use]
    pub fn shared_out(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// How many users this machine drives.
    pub fn own_users(&self) -> u32 {
        self.shard.count(self.users.len() as u32)
    }

    /// The group of a user.
    pub fn group(&self, user: u32) -> &Group {
        &self.scenario.groups[usize::from(self.users[user as usize].group)]
    }

    /// What a user does, to be drawn one by one; `None` for one that only reads.
    pub fn program(&self, user: u32) -> Option<Program> {
        let group = self.group(user);
        (!matches!(group.pace, Pace::Silent)).then(|| Program::new(self, user))
    }

    /// How long a user stays each time; `None` for one that stays to the end.
    pub fn stays(&self, user: u32) -> Option<Stays> {
        self.group(user).session.map(|_| Stays::new(self, user))
    }

    /// Whom a message of a user is for; `None` for what is no message to anybody of the plan.
    pub fn addressee(&self, user: u32, planned: &Planned) -> Option<u32> {
        match (&self.group(user).actions[usize::from(planned.action)].action, planned.recipient) {
            (Action::Broadcast { .. }, _) => Some(stamp::EVERYBODY),
            (Action::Private { .. }, Recipient::User(other)) => Some(other),
            _ => None,
        }
    }

    /// Whether a user is there from before the load to its end, unless the server ends its connection.
    pub fn is_steady(&self, user: u32) -> bool {
        let group = self.group(user);
        let returns = |action: &Action| matches!(action, Action::Reconnect { .. });
        group.session.is_none() && !group.actions.iter().any(|weighted| returns(&weighted.action))
    }

    /// Whether a user waits for its last message to arrive before it sends the next.
    pub fn is_closed_loop(&self, user: u32) -> bool {
        matches!(self.group(user).pace, Pace::Closed { .. })
    }

    /// When a user that begins to think at `from`, and thinks for so long, acts. A stage in which its group does not act is
    /// waited for to end, and then it thinks anew. `None` where the load is over by then.
    pub fn thought_out(&self, user: u32, from: Nanos, think: Nanos) -> Option<Nanos> {
        let curve = &self.curves[usize::from(self.users[user as usize].group)];
        let mut at = from + think;
        while let Some(again) = curve.rests(at) {
            at = again? + think;
        }
        Some(at)
    }

    /// When the load is over.
    pub fn end(&self) -> Nanos {
        self.stages.last().map_or(0, |stage| stage.end)
    }

    /// The stage at a time; the last one from its end on.
    pub fn stage_at(&self, at: Nanos) -> usize {
        self.stages.iter().position(|stage| at < stage.end).unwrap_or(self.stages.len().saturating_sub(1))
    }

    /// Text to pad messages with: `size` bytes of printable ASCII that depend on `offset`.
    pub fn padding(&self, offset: u32, size: usize) -> &str {
        let start = offset as usize % stamp::PADDING;
        &self.padding[start..start + size]
    }

    /// A digest over every time, choice and payload of the plan, in hexadecimal. Two runs with the same digest asked
    /// the same of their servers.
    pub fn sha256(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.padding.as_bytes());
        for stage in &self.stages {
            digest.update(stage.start.to_le_bytes());
            digest.update(stage.end.to_le_bytes());
        }
        for user in 0..self.users.len() as u32 {
            digest.update(self.users[user as usize].name.as_bytes());
            if let Some(mut program) = self.program(user) {
                // A closed loop has no times and no end: its first choices stand for the stream that they come from.
                let limit = if program.is_open() { usize::MAX } else { 64 };
                for planned in std::iter::from_fn(|| program.next(self)).take(limit) {
                    planned.digest(&mut digest);
                }
            }
            if let Some(mut stays) = self.stays(user) {
                for _ in 0..64 {
                    let (stay, leave) = stays.next(self);
                    digest.update(stay.to_le_bytes());
                    digest.update([leave as u8]);
                }
            }
        }
        mychat_scenario::template::text::hexadecimal(&digest.finalize())
    }

    fn rng(&self, user: u32, stream: Stream) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::from(user) * 4 + stream as u64);
        rng
    }
}

fn lay_out(scenario: &Scenario) -> Vec<PlannedStage> {
    let mut start = 0;
    scenario
        .stages
        .iter()
        .map(|stage| {
            let end = start + nanos(stage.duration);
            let planned = PlannedStage {
                name: stage.name.clone(),
                start,
                end,
                headline: matches!(stage.kind, StageKind::Hold | StageKind::Spike),
                measured: !matches!(stage.kind, StageKind::Warmup),
            };
            start = end;
            planned
        })
        .collect()
}

/// A duration in nanoseconds; the scenario's checks keep durations far below the 584 years that fit.
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
