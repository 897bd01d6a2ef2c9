//! The symbol table of a file: groups, stages and actions that conditions and other keys refer to.

use crate::diagnostic::Problem;
use crate::model::{Action, StageKind};
use crate::suggest::{did_you_mean, listing, shown};

/// The name of the join phase in conditions.
pub(crate) const JOIN: &str = "join";
/// Names with a fixed meaning.
pub(crate) const RESERVED: [&str; 4] = ["nobody", "partner", "self", JOIN];

/// The properties of a group that conditions need.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupInfo {
    pub(crate) name: String,
    /// True if its users only read; false if the group has an error.
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
    /// The actions in use, by [`Action::kind`]; `None` if a group has an error.
    pub(crate) done: Option<[bool; Action::NAMES.len()]>,
}

impl SymbolTable {
    /// The index of the joining stage: it is behind the last one of the load.
    pub(crate) fn join(&self) -> usize {
        self.stages.len()
    }

    /// The index of a group.
    pub(crate) fn group(&self, name: &str) -> Result<usize, Problem> {
        self.group_or(name, &[])
    }

    /// The index of a group, where other words would have been right as well.
    pub(crate) fn group_or(&self, name: &str, others: &[&'static str]) -> Result<usize, Problem> {
        if let Some(index) = self.groups.iter().position(|group| group.name == name) {
            return Ok(index);
        }
        let legal = || self.groups.iter().map(|group| group.name.as_str()).chain(others.iter().copied());
        let mut problem =
            Problem::new(format!("`{}` is not a group of this file", shown(name))).help(if self.groups.is_empty() {
                "the file has no groups".to_owned()
            } else {
                format!("it takes {}", listing(legal()))
            });
        problem.label = did_you_mean(name, legal());
        Err(problem)
    }
}
