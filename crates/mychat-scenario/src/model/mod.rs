//! The content of a scenario file after all checks. Plain data: nothing here reads YAML.

mod actions;
mod cases;
mod conditions;
mod keyword;
mod load;
pub mod procedures;
mod rooms;
mod users;

pub use actions::{Action, Content, Size, To, Weighted};
pub use cases::{Case, CloseKind, Level, Need, Step};
pub use conditions::{Condition, Measure, Metric, Op, Selector, Stat, Unit, Value};
pub use keyword::Keyword;
pub use load::{FindMax, Stage, StageKind};
pub use mychat_proto::FramingChoice;
pub use procedures::Procedure;
pub use rooms::Rooms;
pub use users::{Arrivals, Group, Leave, NamePattern, NamePiece, Pace, Rate, ReadPolicy};

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// A scenario: groups of users, a load over time, conditions and scripted cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    /// The scenario's name, for reports.
    pub name: String,
    /// One sentence about it.
    pub about: Option<String>,
    /// The server's `HOST:PORT`; `--target` and `--spawn` take precedence.
    pub target: Option<String>,
    /// The framing on the wire.
    #[serde(serialize_with = "framing_name")]
    pub framing: FramingChoice,
    /// The seed of everything drawn; where it is missing one is drawn and printed.
    pub seed: Option<u64>,
    /// The time to wait for an answer.
    pub timeout: Duration,
    /// The precision with which deliveries are verified.
    pub verify: Verify,
    /// The groups of users, in the file's order.
    pub groups: Vec<Group>,
    /// The stages of the load, in order; each has a name that is unique in the file.
    pub stages: Vec<Stage>,
    /// Scripted cases, in order.
    pub cases: Vec<Case>,
    /// Conditions that must hold for the run to pass.
    pub expect: Vec<Condition>,
    /// Conditions that end the run early, as failed.
    pub abort_if: Vec<Condition>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn framing_name<S: Serializer>(framing: &FramingChoice, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(framing.name())
}

/// The precision with which deliveries are verified.
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
    /// Returns the word that files use.
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
