//! The problems found in a file, each with the node that it concerns.

use super::node::Node;
use crate::diagnostic::Problem;

/// All problems and all used features, each with the number of its node.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) list: Vec<(usize, Problem)>,
    /// Features that not every version of this tool has; `check` knows which this one has.
    pub(crate) uses: Vec<(&'static str, usize)>,
}

impl Problems {
    /// Adds a problem with a node.
    pub(crate) fn add(&mut self, node: &Node, problem: Problem) {
        self.list.push((node.id, problem));
    }

    /// Records the use of a feature.
    pub(crate) fn uses(&mut self, feature: &'static str, node: &Node) {
        self.uses.push((feature, node.id));
    }

    /// Returns the value, or adds the problem.
    pub(crate) fn take<T>(&mut self, node: &Node, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(node, problem)).ok()
    }
}
