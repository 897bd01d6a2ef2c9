//! What a scenario file says, once every value in it is known to make sense. Plain data: nothing here reads YAML.

mod actions;
mod cases;
mod conditions;
mod keyword;
mod load;
pub mod procedures;
mod users;

pub use actions::{Action, Content, Size, To, Weighted};
pub use cases::{Case, CloseKind, Level, Need, Step};
pub use conditions::{Condition, Measure, Metric, Op, Selector, Stat, Unit, Value};
pub use keyword::Keyword;
pub use load::{FindMax, Stage, StageKind};
pub use mychat_proto::FramingChoice;
pub use procedures::Procedure;
pub use users::{Arrivals, Group, Leave, NamePattern, NamePiece, Pace, Rate, ReadPolicy};

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// A whole file: who, how much over time, what must hold, and scripted cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    /// The scenario's name, for reports.
    pub name: String,
    /// One sentence about it.
    pub about: Option<String>,
    /// `HOST:PORT` that the file asks for; `--target` and `--spawn` go before it.
    pub target: Option<String>,
    /// How frames end on the wire.
    #[serde(serialize_with = "framing_name")]
    pub framing: FramingChoice,
    /// The seed of everything drawn; where it is missing one is drawn and printed.
    pub seed: Option<u64>,
    /// Patience for an answer.
    pub timeout: Duration,
    /// How exactly deliveries are accounted for.
    pub verify: Verify,
    /// The groups of users, in the file's order.
    pub groups: Vec<Group>,
    /// The stages of the load, in order; each has a name that is unique in the file.
    pub stages: Vec<Stage>,
    /// Scripted cases, in order.
    pub cases: Vec<Case>,
    /// What must hold for the run to pass.
    pub expect: Vec<Condition>,
    /// What ends the run early, as failed.
    pub abort_if: Vec<Condition>,
}

fn framing_name<S: Serializer>(framing: &FramingChoice, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(framing.name())
}

/// How exactly deliveries are accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Every single one, per sender and recipient.
    #[default]
    Full,
    /// A count and a sum of hashes per recipient.
    Counts,
    /// Not at all.
    None,
}

impl Verify {
    /// As it stands in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Counts => "counts",
            Self::None => "none",
        }
    }
}

/// A value, or a range of values to draw from uniformly, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span<T> {
    /// The lowest.
    pub from: T,
    /// The highest, not below `from`.
    pub to: T,
}
