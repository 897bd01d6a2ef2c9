//! The problems found in a file, each with the node that it concerns.

use super::node::Node;
use crate::diagnostic::Problem;

/// All problems, each with the number of its node.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) list: Vec<(usize, Problem)>,
}

impl Problems {
    /// Adds a problem with a node.
    pub(crate) fn add(&mut self, node: &Node, problem: Problem) {
        self.list.push((node.id, problem));
    }

    /// Returns the value, or adds the problem.
    pub(crate) fn take<T>(&mut self, node: &Node, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(node, problem)).ok()
    }
}
