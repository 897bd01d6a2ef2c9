//! A lossless tree: entries in order, duplicate keys kept, scalars as written.

/// A node of the tree. Nodes are numbered in the order in which they start in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: usize,
    pub(crate) body: Body,
    /// The byte at which the content of a scalar starts, if the text contains it unchanged.
    pub(crate) content: Option<usize>,
}

/// The content of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// One value, as written (without its quotes).
    Scalar { kind: NodeKind, text: String },
    /// `- …`, or `[…]`.
    List(Vec<Node>),
    /// `key: value`, or `{…}`.
    Map(Vec<(Node, Node)>),
}

/// The kind of a node in YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Map,
}

impl Node {
    /// Returns the name of the kind for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.body {
            Body::Scalar { kind: NodeKind::Null, .. } => "nothing",
            Body::Scalar { kind: NodeKind::Bool, .. } => "`true` or `false`",
            Body::Scalar { kind: NodeKind::Number, .. } => "a number",
            Body::Scalar { .. } => "text",
            Body::List(_) => "a list",
            Body::Map(_) => "a map",
        }
    }

    /// Returns true for an empty or null value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.body, Body::Scalar { kind: NodeKind::Null, .. })
    }

    /// Returns the scalar as written; `None` for null, lists and maps.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar { kind, text } if *kind != NodeKind::Null => Some(text),
            _ => None,
        }
    }

    /// Finds a node by its number.
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
