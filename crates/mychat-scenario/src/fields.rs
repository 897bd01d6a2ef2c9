//! A map of the tree into the values of its keys, by the table of the keys it may have.

use super::diagnostic::Wrong;
use super::form::Form;
use super::keys::{Presence, Table};
use super::node::{Body, Node, Problems};
use super::suggest::{did_you_mean, listing, nearest, shown};

/// An open map.
pub(super) struct Fields<'n> {
    table: &'static Table,
    entries: &'n [(Node, Node)],
    /// Keys that are missing, and seem to be there under a name that is misspelt.
    meant: Vec<&'static str>,
}

/// A list item with one key: the key's name as it stands in the table, its node, and its value.
pub(super) struct Sentence<'n> {
    pub(super) name: &'static str,
    pub(super) key: &'n Node,
    pub(super) value: &'n Node,
}

impl<'n> Fields<'n> {
    /// Opens a map; `at` is where something that is missing in it is shown (the key it stands behind).
    pub(super) fn open(at: &Node, value: &'n Node, table: &'static Table, problems: &mut Problems) -> Option<Self> {
        let entries: &'n [(Node, Node)] = match &value.body {
            Body::Map(entries) => entries,
            _ if value.is_null() => &[],
            _ => {
                problems.add(value, unexpected(value, &Form::Map(table)));
                return None;
            }
        };
        for (key, value) in entries {
            check_key(key, value, table, problems);
        }
        let there = |name: &str| entries.iter().any(|(node, _)| node.scalar() == Some(name));
        let unknown = entries.iter().filter_map(|(key, _)| key.scalar().filter(|name| table.key(name).is_none()));
        let meant: Vec<&str> =
            unknown.filter_map(|name| nearest(name, table.names())).filter(|name| !there(name)).collect();
        for key in table.keys.iter().filter(|key| key.presence == Presence::Needed) {
            if !there(key.name) && !meant.contains(&key.name) {
                let wrong = Wrong::new(format!("{} needs `{}`", table.what, key.name)).help(format!(
                    "`{}` takes {}. {}",
                    key.name,
                    key.form.expected(),
                    key.doc
                ));
                problems.add(at, wrong);
            }
        }
        Some(Self { table, entries, meant })
    }

    /// Whether a key is there, or was meant to be.
    pub(super) fn has(&self, name: &str) -> bool {
        self.key(name).is_some() || self.meant.contains(&name)
    }

    /// The value of a key, where it has one.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The node of a key.
    pub(super) fn key(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(key, _)| key)
    }

    fn entry(&self, name: &str) -> Option<&'n (Node, Node)> {
        debug_assert!(self.table.key(name).is_some(), "`{name}` is in the table of {}", self.table.what);
        self.entries.iter().find(|(key, _)| key.scalar() == Some(name))
    }

    /// The value of a key that is one scalar, parsed.
    pub(super) fn read<T>(
        &self,
        name: &str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let form = self.table.key(name)?.form;
        scalar(self.get(name)?, &form, problems, parse)
    }

    /// The items of a key whose value is a list; none where the key is missing.
    pub(super) fn list(&self, name: &str, problems: &mut Problems) -> &'n [Node] {
        let (Some(node), Some(key)) = (self.get(name), self.table.key(name)) else {
            return &[];
        };
        if let Body::List(items) = &node.body {
            if items.is_empty() {
                problems.add(node, Wrong::new(format!("`{name}` is an empty list")).help("leave the key out instead"));
            }
            return items;
        }
        problems.add(node, unexpected(node, &key.form));
        &[]
    }
}

fn check_key(key: &Node, value: &Node, table: &'static Table, problems: &mut Problems) {
    let Some(name) = key.scalar() else {
        return problems.add(key, Wrong::new(format!("a key must be a word, this is {}", key.kind_name())));
    };
    let Some(known) = table.key(name) else {
        let mut wrong = Wrong::new(format!("`{}` is not a key of {}", shown(name), table.what));
        if name == "<<" {
            wrong = wrong.help("merging maps (`<<`) is not part of the language: write the keys out");
            return problems.add(key, wrong);
        }
        wrong.label = did_you_mean(name, table.names());
        return problems.add(key, wrong.help(format!("its keys are {}", listing(table.names()))));
    };
    let may_be_empty =
        matches!(known.form, Form::Map(inner) if inner.keys.iter().all(|key| key.presence != Presence::Needed));
    if value.is_null() && !may_be_empty {
        problems
            .add(key, Wrong::new(format!("`{name}` has no value")).help(format!("it takes {}", known.form.expected())));
    }
}

/// A scalar, parsed.
pub(super) fn scalar<T>(
    node: &Node,
    form: &Form,
    problems: &mut Problems,
    parse: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Option<T> {
    if let Some(text) = node.scalar() {
        problems.take(node, parse(text))
    } else {
        problems.add(node, unexpected(node, form));
        None
    }
}

/// One value, or the items of a list of them.
pub(super) fn many<'n>(node: &'n Node, problems: &mut Problems) -> &'n [Node] {
    match &node.body {
        Body::List(items) => {
            if items.is_empty() {
                problems.add(node, Wrong::new("the list is empty"));
            }
            items
        }
        _ => std::slice::from_ref(node),
    }
}

/// The one key of a list item.
pub(super) fn sentence<'n>(node: &'n Node, table: &'static Table, problems: &mut Problems) -> Option<Sentence<'n>> {
    let Body::Map(entries) = &node.body else {
        let mut wrong = unexpected(node, &Form::Sentence(table));
        if let Some(name) = node.scalar().filter(|text| table.key(text).is_some()) {
            wrong = Wrong::new(format!("`{name}` needs a colon and its value"))
                .label(format!("did you mean `{name}: {}`?", value_example(name, table)));
        }
        problems.add(node, wrong);
        return None;
    };
    let Some((key, value)) = entries.first() else {
        problems.add(node, Wrong::new(format!("{} is missing here", table.what)).help(one_of(table)));
        return None;
    };
    let known = key.scalar().and_then(|name| table.key(name));
    if let Some((second, _)) = entries.get(1) {
        let name = known.map_or("the first key", |known| known.name);
        let wrong = Wrong::new(format!("{} has one key, this one has {}", table.what, entries.len())).help(format!(
            "start another item with a dash, or put what belongs to `{name}` behind it in braces: `{name}: {{ … }}`"
        ));
        problems.add(second, wrong);
        return None;
    }
    let Some(known) = known else {
        let name = key.scalar().unwrap_or_default();
        let mut wrong = Wrong::new(format!("`{}` is not {}", shown(name), table.what)).help(one_of(table));
        wrong.label = did_you_mean(name, table.names());
        problems.add(key, wrong);
        return None;
    };
    check_key(key, value, table, problems);
    let wanted = matches!(known.form, Form::Map(_)) || !value.is_null();
    wanted.then_some(Sentence { name: known.name, key, value })
}

fn one_of(table: &'static Table) -> String {
    format!("{} is one of {}", table.what, listing(table.names()))
}

fn value_example(name: &str, table: &'static Table) -> &'static str {
    match table.key(name).map(|key| key.form) {
        Some(Form::Map(inner)) if inner.keys.iter().all(|key| key.presence != Presence::Needed) => "{}",
        Some(Form::Map(inner)) => inner.example,
        Some(Form::Duration | Form::Either(Form::Duration, _)) => "10s",
        _ => "…",
    }
}

/// That something of another form stands there.
pub(super) fn unexpected(node: &Node, form: &Form) -> Wrong {
    Wrong::new(format!("{} where {} belongs", node.kind_name(), short(form)))
        .help(format!("it takes {}", form.expected()))
}

fn short(form: &Form) -> String {
    match form {
        Form::Map(table) => format!("the map of {}", table.what),
        Form::Sentence(table) => table.what.to_owned(),
        Form::Names(_) => "a map".to_owned(),
        Form::List(_) => "a list".to_owned(),
        Form::Condition => "a condition".to_owned(),
        _ => "one value".to_owned(),
    }
}

/// Keys that stand twice in one map, anywhere.
pub(super) fn twice(node: &Node, problems: &mut Problems) {
    match &node.body {
        Body::Scalar { .. } => {}
        Body::List(items) => items.iter().for_each(|item| twice(item, problems)),
        Body::Map(entries) => {
            let mut seen = std::collections::HashSet::new();
            for (key, value) in entries {
                if let Some(name) = key.scalar().filter(|name| !seen.insert(*name)) {
                    let wrong = Wrong::new(format!("`{}` stands twice in one map", shown(name)))
                        .help("only one of them can hold: take one out");
                    problems.add(key, wrong);
                }
                twice(value, problems);
            }
        }
    }
}
