//! The text as a tree that has lost nothing: entries in order, keys twice where they stand twice, scalars as written.

/// A place in the tree. Its number is its place in the text too: nodes are numbered in the order in which they start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: usize,
    pub(crate) body: Body,
    /// The byte where its content starts, of a scalar that stands in the text as it is.
    pub(crate) content: Option<usize>,
}

/// What stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// One value, as written (without its quotes).
    Scalar { kind: Kind, text: String },
    /// `- …`, or `[…]`.
    List(Vec<Node>),
    /// `key: value`, or `{…}`.
    Map(Vec<(Node, Node)>),
}

/// What kind of node it is, as YAML sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Map,
}

impl Node {
    /// What it is, for a message.
    pub(crate) fn kind_name(&self) -> &'static str {
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
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.body, Body::Scalar { kind: Kind::Null, .. })
    }

    /// The value as written; of nothing, and of lists and maps: `None`.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar { kind, text } if *kind != Kind::Null => Some(text),
            _ => None,
        }
    }

    /// The node with this number, in here.
    pub(crate) fn find(&self, id: usize) -> Option<&Node> {
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
