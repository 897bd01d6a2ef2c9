//! Who and what a file names: groups, stages, and what is known of them while the rest is read.

use super::diagnostic::Wrong;
use super::model::{Action, StageKind};
use super::suggest::{did_you_mean, listing, shown};

/// What conditions call the time before the first stage, in which users join.
pub(super) const JOIN: &str = "join";
/// Names that mean something already.
pub(super) const RESERVED: [&str; 4] = ["nobody", "partner", "self", JOIN];

/// A group, as far as others need to know it.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub(super) name: String,
    /// Whether its users only read; false where the group is not understood.
    pub(super) silent: bool,
    pub(super) hostile: bool,
}

/// All names of a file.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub(super) groups: Vec<Member>,
    pub(super) stages: Vec<(String, Option<StageKind>)>,
    /// The groups that act in each stage, by index; `None`: all.
    pub(super) only: Vec<Option<Vec<usize>>>,
    /// Which actions somebody does, by [`Action::kind`]; `None` where not all are understood.
    pub(super) done: Option<[bool; Action::NAMES.len()]>,
}

impl Cast {
    /// The index of the joining stage: it is behind the last one of the load.
    pub(super) fn join(&self) -> usize {
        self.stages.len()
    }

    /// The index of a group.
    pub(super) fn group(&self, name: &str) -> Result<usize, Wrong> {
        self.group_or(name, &[])
    }

    /// The index of a group, where other words would have been right as well.
    pub(super) fn group_or(&self, name: &str, others: &[&'static str]) -> Result<usize, Wrong> {
        if let Some(index) = self.groups.iter().position(|group| group.name == name) {
            return Ok(index);
        }
        let legal = || self.groups.iter().map(|group| group.name.as_str()).chain(others.iter().copied());
        let mut wrong =
            Wrong::new(format!("`{}` is not a group of this file", shown(name))).help(if self.groups.is_empty() {
                "the file has no groups".to_owned()
            } else {
                format!("it takes {}", listing(legal()))
            });
        wrong.label = did_you_mean(name, legal());
        Err(wrong)
    }
}
