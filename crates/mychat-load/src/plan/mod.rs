//! Turns a scenario and a seed into the actions of all users: who does what, when, to whom.
//!
//! The same seed gives the same plan, byte for byte, with any number of threads: each user draws from its own random
//! streams.

mod curve;
mod ids;
mod program;
mod rooms;
mod shard;
pub mod stamp;
mod time;
mod workload;

use std::ops::Range;
use std::sync::Arc;

use rand::RngExt as _;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};

use mychat_scenario::Scenario;
use mychat_scenario::model::{Action, Group, Pace, StageKind, Verify};

pub use curve::LoadCurve;
pub use ids::{Addressee, GroupId, RoomId, StageId, UserId};
pub use program::{PlannedAction, Recipient, SessionDraws, UNKNOWN_NAME, UserProgram};
pub use rooms::RoomPlan;
pub use shard::Shard;
pub use time::{LoadTime, Nanos, RunTime, nanos};
pub use workload::{StageWorkload, Workload};

/// Maximum number of users of a run, limited by the digits of a stamp.
pub const MAX_USERS: u32 = Addressee::NOBODY.number();

/// The actions of all users of a run.
#[derive(Debug)]
pub struct Plan {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The seed of all random choices.
    pub seed: u64,
    /// Id that distinguishes the messages of this run from others on the same server; drawn from the seed.
    pub run: u32,
    /// Precision of the accounting of deliveries.
    pub verify: Verify,
    /// The reason in words if `verify` is less precise than the scenario asks for.
    pub verify_note: Option<String>,
    /// Users by index, group by group in the order of the file.
    pub users: Vec<PlannedUser>,
    /// Indices of the users of each group.
    pub members: Vec<Range<u32>>,
    /// The rooms of all groups.
    pub rooms: RoomPlan,
    /// The load of each group over time.
    pub curves: Vec<Arc<LoadCurve>>,
    /// The stages with their times.
    pub stages: Vec<PlannedStage>,
    /// The users that this machine drives.
    pub shard: Shard,
    padding: Arc<str>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedUser {
    /// Its name.
    pub name: Box<str>,
    /// Its group.
    pub group: GroupId,
}

/// One stage with its times.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStage {
    /// Its name.
    pub name: String,
    /// Its start.
    pub start: LoadTime,
    /// Its end.
    pub end: LoadTime,
    /// True for holds and spikes: their values count if an expectation names no stage.
    pub headline: bool,
    /// False for a warm-up, whose values are not reported.
    pub measured: bool,
}

/// The independent random streams of one user.
#[derive(Clone, Copy)]
enum RandomStream {
    Times = 0,
    Choices = 1,
    SessionDraws = 2,
    Rooms = 3,
}

impl Plan {
    /// Returns the plan for all users of `scenario`.
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
                name: group.name_pattern.name(&group.name, number).into(),
                group: GroupId(index as u16),
            }));
            members.push(first..users.len() as u32);
        }
        let stages = planned_stages(&scenario);
        let curves =
            (0..scenario.groups.len()).map(|group| Arc::new(LoadCurve::new(&scenario.stages, group))).collect();
        let Workload { verify, verify_note, .. } = Workload::new(&scenario);
        let shard = Shard::WHOLE;
        let rooms = RoomPlan::new(&scenario);
        Self { scenario, seed, run, verify, verify_note, users, members, rooms, curves, stages, shard, padding }
    }

    /// Returns the same plan for a machine that drives only the users of `shard`.
    #[must_use]
    pub fn with_shard(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// Returns all users.
    pub fn user_ids(&self) -> impl Iterator<Item = UserId> + use<> {
        (0..self.users.len() as u32).map(UserId)
    }

    /// Returns the users that this machine drives.
    pub fn own_user_ids(&self) -> impl Iterator<Item = UserId> + use<> {
        let shard = self.shard;
        self.user_ids().filter(move |user| shard.has(*user))
    }

    /// Returns the number of users that this machine drives.
    pub fn own_users(&self) -> u32 {
        self.shard.count(self.users.len() as u32)
    }

    /// Returns the group of a user.
    pub fn group(&self, user: UserId) -> &Group {
        &self.scenario.groups[self.users[user.index()].group.index()]
    }

    /// Returns the actions of a user; `None` if it only reads.
    pub fn program(&self, user: UserId) -> Option<UserProgram> {
        let group = self.group(user);
        (!matches!(group.pace, Pace::Silent)).then(|| UserProgram::new(self, user))
    }

    /// Returns the session lengths of a user; `None` if it stays to the end.
    pub fn session_draws(&self, user: UserId) -> Option<SessionDraws> {
        self.group(user).session.map(|_| SessionDraws::new(self, user))
    }

    /// Returns the recipient of a message; `None` if the action sends no message to a
    /// user of the plan.
    pub fn message_recipient(&self, user: UserId, planned: &PlannedAction) -> Option<Addressee> {
        match (&self.group(user).actions[usize::from(planned.action)].action, planned.recipient) {
            (Action::Broadcast { .. }, _) => Some(Addressee::EVERYBODY),
            (Action::Private { .. }, Recipient::User(other)) => Some(other.into()),
            _ => None,
        }
    }

    /// Returns true if the user is online during the whole load, unless the server disconnects it.
    pub fn is_always_present(&self, user: UserId) -> bool {
        let group = self.group(user);
        let returns = |action: &Action| matches!(action, Action::Reconnect { .. });
        group.session.is_none() && !group.actions.iter().any(|weighted| returns(&weighted.action))
    }

    /// Returns true if the user waits for its last message to arrive before it sends the next.
    pub fn is_closed_loop(&self, user: UserId) -> bool {
        matches!(self.group(user).pace, Pace::Closed { .. })
    }

    /// Returns the time at which a closed-loop user acts that starts to think at `from`. If its group pauses then, the user
    /// waits for the pause to end and thinks again. `None` if the load is over by then.
    pub fn act_after_think(&self, user: UserId, from: LoadTime, think: Nanos) -> Option<LoadTime> {
        let curve = &self.curves[self.users[user.index()].group.index()];
        let mut at = from + think;
        while let Some(resumed) = curve.paused_until(at) {
            at = resumed? + think;
        }
        Some(at)
    }

    /// Returns the end of the load.
    pub fn end(&self) -> LoadTime {
        self.stages.last().map_or(LoadTime::ZERO, |stage| stage.end)
    }

    /// Returns the stage at a time; the last one after the end.
    pub fn stage_at(&self, at: LoadTime) -> StageId {
        let stage = self.stages.iter().position(|stage| at < stage.end);
        stage.map_or(self.last_stage(), |stage| StageId(stage as u16))
    }

    /// Returns the last stage.
    pub fn last_stage(&self) -> StageId {
        StageId(self.stages.len().saturating_sub(1) as u16)
    }

    /// Returns `size` bytes of printable ASCII that depend on `offset`.
    pub fn padding(&self, offset: u32, size: usize) -> &str {
        let start = offset as usize % stamp::PADDING;
        &self.padding[start..start + size]
    }

    /// Returns a digest of every time, choice and payload of the plan, in hexadecimal. Two runs with the same digest sent the
    /// same requests.
    pub fn sha256(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.padding.as_bytes());
        for stage in &self.stages {
            digest.update(stage.start.nanos().to_le_bytes());
            digest.update(stage.end.nanos().to_le_bytes());
        }
        for user in self.user_ids() {
            digest.update(self.users[user.index()].name.as_bytes());
            if let Some(mut program) = self.program(user) {
                // A closed loop has no times and no end: its first choices stand for the whole stream.
                let limit = if program.is_open() { usize::MAX } else { 64 };
                for planned in std::iter::from_fn(|| program.next(self)).take(limit) {
                    planned.digest(&mut digest);
                }
            }
            for room in self.home_rooms(user) {
                digest.update(self.rooms.name(room).as_bytes());
            }
            if let Some(mut draws) = self.session_draws(user) {
                for _ in 0..64 {
                    let (length, leave) = draws.next(self);
                    digest.update(length.to_le_bytes());
                    digest.update([leave as u8]);
                }
            }
        }
        mychat_scenario::template::text::hexadecimal(&digest.finalize())
    }

    fn rng(&self, user: UserId, stream: RandomStream) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::from(user.0) * 4 + stream as u64);
        rng
    }
}

fn planned_stages(scenario: &Scenario) -> Vec<PlannedStage> {
    let mut start = LoadTime::ZERO;
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
