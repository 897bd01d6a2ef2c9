//! The text as a tree that has lost nothing: entries in order, keys twice where they stand twice, scalars as written.

use super::diagnostic::Wrong;

/// A place in the tree. Its number is its place in the text too: nodes are numbered in the order in which they start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) id: usize,
    pub(super) body: Body,
    /// The byte where its content starts, of a scalar that stands in the text as it is.
    pub(super) content: Option<usize>,
}

/// What stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// One value, as written (without its quotes).
    Scalar { kind: Kind, text: String },
    /// `- …`, or `[…]`.
    List(Vec<Node>),
    /// `key: value`, or `{…}`.
    Map(Vec<(Node, Node)>),
}

/// What kind of node it is, as YAML sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Map,
}

impl Node {
    /// What it is, for a message.
    pub(super) fn kind_name(&self) -> &'static str {
        match &self.body {
            Body::Scalar { kind: Kind::Null, .. } => "nothing",
            Body::Scalar { kind: Kind::Bool, .. } => "a truth value",
            Body::Scalar { kind: Kind::Number, .. } => "a number",
            Body::Scalar { .. } => "text",
            Body::List(_) => "a list",
            Body::Map(_) => "a map",
        }
    }

    /// Whether nothing stands there.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.body, Body::Scalar { kind: Kind::Null, .. })
    }

    /// The value as written; of nothing, and of lists and maps: `None`.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar { kind, text } if *kind != Kind::Null => Some(text),
            _ => None,
        }
    }

    /// The node with this number, in here.
    pub(super) fn find(&self, id: usize) -> Option<&Node> {
        if self.id == id {
            return Some(self);
        }
        match &self.body {
            Body::Scalar { .. } => None,
            Body::List(items) => items.iter().find_map(|item| item.find(id)),
            Body::Map(entries) => entries.iter().find_map(|(key, value)| key.find(id).or_else(|| value.find(id))),
        }
    }
}

/// All that was found wrong, and all that was used, with the numbers of the nodes.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) list: Vec<(usize, Wrong)>,
    /// Features that not every version of this tool has; `check` knows which this one has.
    pub(super) uses: Vec<(&'static str, usize)>,
}

impl Problems {
    /// Notes that something is wrong with a node.
    pub(super) fn add(&mut self, node: &Node, wrong: Wrong) {
        self.list.push((node.id, wrong));
    }

    /// Notes that a feature is used.
    pub(super) fn uses(&mut self, feature: &'static str, node: &Node) {
        self.uses.push((feature, node.id));
    }

    /// The value, or a note that it is wrong.
    pub(super) fn take<T>(&mut self, node: &Node, result: Result<T, Wrong>) -> Option<T> {
        result.map_err(|wrong| self.add(node, wrong)).ok()
    }
}
