//! The symbol table of a file: groups, stages and actions that conditions and other keys refer to.

use crate::diagnostic::Problem;
use crate::model::{Action, StageKind};
use crate::suggest::{did_you_mean, listing, shown};

/// The name of the join phase in conditions.
pub(crate) const JOIN: &str = "join";
/// The name of the time after the load in reports. A stage cannot have it.
pub(crate) const DRAIN: &str = "drain";
/// Names with a fixed meaning.
pub(crate) const RESERVED: [&str; 4] = ["nobody", "partner", "self", JOIN];

/// The properties of a group that conditions need.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupInfo {
    pub(crate) name: String,
    /// True if the users of the group only read; false if the group has an error.
    pub(crate) silent: bool,
    pub(crate) hostile: bool,
}

/// All names of a file.
#[derive(Debug, Default)]
pub(crate) struct SymbolTable {
    pub(crate) groups: Vec<GroupInfo>,
    pub(crate) stages: Vec<(String, Option<StageKind>)>,
    /// The groups that act in each stage, by index; `None`: all.
    pub(crate) only: Vec<Option<Vec<usize>>>,
    /// True for each action that a group performs, by [`Action::kind`]; `None` if a group has an error.
    pub(crate) done: Option<[bool; Action::NAMES.len()]>,
}

impl SymbolTable {
    /// Returns the index of the stage `join`, which follows the last stage of the load.
    pub(crate) fn join(&self) -> usize {
        self.stages.len()
    }

    /// Returns the index of a group.
    pub(crate) fn group(&self, name: &str) -> Result<usize, Problem> {
        self.group_or(name, &[])
    }

    /// Returns the index of a group; the error lists `others` as further correct words.
    pub(crate) fn group_or(&self, name: &str, others: &[&'static str]) -> Result<usize, Problem> {
        if let Some(index) = self.groups.iter().position(|group| group.name == name) {
            return Ok(index);
        }
        let names = || self.groups.iter().map(|group| group.name.as_str()).chain(others.iter().copied());
        let mut problem =
            Problem::new(format!("`{}` is not a group of this file", shown(name))).help(if self.groups.is_empty() {
                "the file has no groups".to_owned()
            } else {
                format!("it takes {}", listing(names()))
            });
        problem.label = did_you_mean(name, names());
        Err(problem)
    }
}
