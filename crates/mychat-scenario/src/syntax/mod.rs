//! Parses YAML text into a tree of nodes that keeps the position and the spelling of every value.

pub(crate) mod locate;
pub(crate) mod node;
pub(crate) mod problems;
pub(crate) mod yaml_errors;
pub(crate) mod yaml_tree;
