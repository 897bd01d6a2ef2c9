//! Reads the values of a map, by the specification of its keys.

use crate::diagnostic::Problem;
use crate::grammar::keys::{MapSpec, Presence};
use crate::grammar::value_type::ValueType;
use crate::suggest::{did_you_mean, listing, nearest, shown};
use crate::syntax::node::{Body, Node};
use crate::syntax::problems::Problems;

/// A map with its specification.
pub(crate) struct Fields<'n> {
    spec: &'static MapSpec,
    entries: &'n [(Node, Node)],
    /// Missing keys for which the map has a similar, unknown key.
    misspelt: Vec<&'static str>,
}

/// A list item with one key: the name of the key in the specification, its node, and its value.
pub(crate) struct TaggedMap<'n> {
    pub(crate) name: &'static str,
    pub(crate) key: &'n Node,
    pub(crate) value: &'n Node,
}

impl<'n> Fields<'n> {
    /// Checks the keys of a map. A problem about a missing key is shown at `at`, usually the key that precedes the map.
    pub(crate) fn open(at: &Node, value: &'n Node, spec: &'static MapSpec, problems: &mut Problems) -> Option<Self> {
        let entries: &'n [(Node, Node)] = match &value.body {
            Body::Map(entries) => entries,
            _ if value.is_null() => &[],
            _ => {
                problems.add(value, unexpected(value, &ValueType::Map(spec)));
                return None;
            }
        };
        for (key, value) in entries {
            check_key(key, value, spec, problems);
        }
        let there = |name: &str| entries.iter().any(|(node, _)| node.scalar() == Some(name));
        let unknown = entries.iter().filter_map(|(key, _)| key.scalar().filter(|name| spec.key(name).is_none()));
        let misspelt: Vec<&str> =
            unknown.filter_map(|name| nearest(name, spec.names())).filter(|name| !there(name)).collect();
        for key in spec.keys.iter().filter(|key| key.presence == Presence::Needed) {
            if !there(key.name) && !misspelt.contains(&key.name) {
                let problem = Problem::new(format!("{} needs `{}`", spec.what, key.name)).help(format!(
                    "`{}` takes {}. {}",
                    key.name,
                    key.value_type.expected(),
                    key.doc
                ));
                problems.add(at, problem);
            }
        }
        Some(Self { spec, entries, misspelt })
    }

    /// Returns true if the key is present, possibly misspelt.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.key(name).is_some() || self.misspelt.contains(&name)
    }

    /// Returns the value of a key, unless it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// Returns the node of a key.
    pub(crate) fn key(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(key, _)| key)
    }

    fn entry(&self, name: &str) -> Option<&'n (Node, Node)> {
        debug_assert!(self.spec.key(name).is_some(), "`{name}` is in the table of {}", self.spec.what);
        self.entries.iter().find(|(key, _)| key.scalar() == Some(name))
    }

    /// Parses the scalar value of a key.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let value_type = self.spec.key(name)?.value_type;
        scalar(self.get(name)?, &value_type, problems, parse)
    }

    /// Returns the items of a list; none if the key is missing.
    pub(crate) fn list(&self, name: &str, problems: &mut Problems) -> &'n [Node] {
        let (Some(node), Some(key)) = (self.get(name), self.spec.key(name)) else {
            return &[];
        };
        if let Body::List(items) = &node.body {
            if items.is_empty() {
                problems.add(node, Problem::new(format!("`{name}` is an empty list")).help("remove the key instead"));
            }
            return items;
        }
        problems.add(node, unexpected(node, &key.value_type));
        &[]
    }
}

fn check_key(key: &Node, value: &Node, spec: &'static MapSpec, problems: &mut Problems) {
    let Some(name) = key.scalar() else {
        return problems.add(key, Problem::new(format!("a key must be a word, but this is {}", key.kind_name())));
    };
    let Some(known) = spec.key(name) else {
        let mut problem = Problem::new(format!("`{}` is not a key of {}", shown(name), spec.what));
        if name == "<<" {
            problem = problem.help("scenario files have no merge keys (`<<`): write all keys");
            return problems.add(key, problem);
        }
        problem.label = did_you_mean(name, spec.names());
        return problems.add(key, problem.help(format!("its keys are {}", listing(spec.names()))));
    };
    let may_be_empty = matches!(known.value_type, ValueType::Map(inner) if inner.keys.iter().all(|key| key.presence != Presence::Needed));
    if value.is_null() && !may_be_empty {
        problems.add(
            key,
            Problem::new(format!("`{name}` has no value")).help(format!("it takes {}", known.value_type.expected())),
        );
    }
}

/// Parses a scalar.
pub(crate) fn scalar<T>(
    node: &Node,
    value_type: &ValueType,
    problems: &mut Problems,
    parse: impl FnOnce(&str) -> Result<T, Problem>,
) -> Option<T> {
    if let Some(text) = node.scalar() {
        problems.take(node, parse(text))
    } else {
        problems.add(node, unexpected(node, value_type));
        None
    }
}

/// Returns the items of a list, or a single value as the only item.
pub(crate) fn many<'n>(node: &'n Node, problems: &mut Problems) -> &'n [Node] {
    match &node.body {
        Body::List(items) => {
            if items.is_empty() {
                problems.add(node, Problem::new("the list is empty"));
            }
            items
        }
        _ => std::slice::from_ref(node),
    }
}

/// Reads the only key of a list item.
pub(crate) fn tagged_map<'n>(node: &'n Node, spec: &'static MapSpec, problems: &mut Problems) -> Option<TaggedMap<'n>> {
    let Body::Map(entries) = &node.body else {
        let mut problem = unexpected(node, &ValueType::TaggedMap(spec));
        if let Some(name) = node.scalar().filter(|text| spec.key(text).is_some()) {
            problem = Problem::new(format!("`{name}` needs a colon and a value"))
                .label(format!("did you mean `{name}: {}`?", value_example(name, spec)));
        }
        problems.add(node, problem);
        return None;
    };
    let Some((key, value)) = entries.first() else {
        problems.add(node, Problem::new(format!("{} is missing here", spec.what)).help(one_of(spec)));
        return None;
    };
    let known = key.scalar().and_then(|name| spec.key(name));
    if let Some((second, _)) = entries.get(1) {
        let name = known.map_or("the first key", |known| known.name);
        let problem = Problem::new(format!("{} has one key, but this one has {}", spec.what, entries.len()))
            .help(format!("start another item with a dash, or put the keys of `{name}` in braces: `{name}: {{ … }}`"));
        problems.add(second, problem);
        return None;
    }
    let Some(known) = known else {
        let name = key.scalar().unwrap_or_default();
        let mut problem = Problem::new(format!("`{}` is not {}", shown(name), spec.what)).help(one_of(spec));
        problem.label = did_you_mean(name, spec.names());
        problems.add(key, problem);
        return None;
    };
    check_key(key, value, spec, problems);
    let wanted = matches!(known.value_type, ValueType::Map(_)) || !value.is_null();
    wanted.then_some(TaggedMap { name: known.name, key, value })
}

fn one_of(spec: &'static MapSpec) -> String {
    format!("{} is one of {}", spec.what, listing(spec.names()))
}

fn value_example(name: &str, spec: &'static MapSpec) -> &'static str {
    match spec.key(name).map(|key| key.value_type) {
        Some(ValueType::Map(inner)) if inner.keys.iter().all(|key| key.presence != Presence::Needed) => "{}",
        Some(ValueType::Map(inner)) => inner.example,
        Some(ValueType::Duration | ValueType::Either(ValueType::Duration, _)) => "10s",
        _ => "…",
    }
}

/// Returns the problem for a value of the wrong type.
pub(crate) fn unexpected(node: &Node, value_type: &ValueType) -> Problem {
    Problem::new(format!("expected {}, found {}", short(value_type), node.kind_name()))
        .help(format!("it takes {}", value_type.expected()))
}

fn short(value_type: &ValueType) -> String {
    match value_type {
        ValueType::Map(spec) => format!("the map of {}", spec.what),
        ValueType::TaggedMap(spec) => spec.what.to_owned(),
        ValueType::Names(_) => "a map".to_owned(),
        ValueType::List(_) => "a list".to_owned(),
        ValueType::Condition => "a condition".to_owned(),
        _ => "one value".to_owned(),
    }
}

/// Adds a problem for each key that occurs twice in a map, anywhere in the tree.
pub(crate) fn twice(node: &Node, problems: &mut Problems) {
    match &node.body {
        Body::Scalar { .. } => {}
        Body::List(items) => items.iter().for_each(|item| twice(item, problems)),
        Body::Map(entries) => {
            let mut seen = std::collections::HashSet::new();
            for (key, value) in entries {
                if let Some(name) = key.scalar().filter(|name| !seen.insert(*name)) {
                    let problem = Problem::new(format!("`{}` occurs twice in one map", shown(name)))
                        .help("only one of them can apply: remove one");
                    problems.add(key, problem);
                }
                twice(value, problems);
            }
        }
    }
}
