//! The actors of a case: their names, and which of them are connected at a step.

use std::collections::HashSet;

use super::name_pattern;
use super::step_text::WORDS;
use crate::diagnostic::Problem;
use crate::suggest::{did_you_mean, listing, shown};
use crate::syntax::node::{Body, Node};

/// The actors of a case.
pub(crate) struct CaseActors {
    /// All names, those of actors that connect later included.
    pub(super) names: Vec<String>,
    /// The names whose connection has been opened.
    pub(super) connected: HashSet<String>,
}

impl CaseActors {
    /// Returns the actors that connect or open a socket in these steps.
    pub(crate) fn of(items: &[Node]) -> Self {
        let mut found = Self { names: Vec::new(), connected: HashSet::new() };
        found.collect_all(items);
        found
    }

    fn collect_all(&mut self, items: &[Node]) {
        for item in items {
            self.collect(item);
        }
    }

    fn collect(&mut self, node: &Node) {
        let Body::Map(entries) = &node.body else {
            return;
        };
        for (key, value) in entries {
            match (key.scalar(), &value.body) {
                (Some("connect" | "open"), Body::Map(actors)) => actors.iter().for_each(|(actor, _)| self.note(actor)),
                (Some("connect" | "open"), Body::List(actors)) => actors.iter().for_each(|actor| self.note(actor)),
                (Some("connect" | "open"), Body::Scalar { .. }) => self.note(value),
                (Some("together" | "control"), Body::List(items)) => self.collect_all(items),
                (Some("repeat" | "if_open" | "if_user"), Body::Map(entries)) => self.collect_from(entries),
                (Some("profile"), Body::Map(entries)) => {
                    self.collect_from(entries);
                    for (_, value) in entries {
                        if let Body::Map(readings) = &value.body {
                            self.collect_from(readings);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn collect_from(&mut self, entries: &[(Node, Node)]) {
        for (_, value) in entries {
            if let Body::List(items) = &value.body {
                self.collect_all(items);
            }
        }
    }

    fn note(&mut self, actor: &Node) {
        if let Some(name) = actor.scalar().filter(|name| !self.names.iter().any(|known| known == name)) {
            self.names.push(name.to_owned());
        }
    }

    pub(super) fn known(&self, name: &str) -> Result<String, Problem> {
        if self.names.iter().any(|actor| actor == name) {
            return Ok(name.to_owned());
        }
        let names = || self.names.iter().map(String::as_str);
        let mut problem = Problem::new(format!("`{}` is not an actor of this case", shown(name)));
        problem.label = did_you_mean(name, names());
        Err(problem.help(if self.names.is_empty() {
            "`connect: alice` or `open: alice` introduces an actor".to_owned()
        } else {
            format!("its actors are {}", listing(names()))
        }))
    }

    pub(super) fn present(&self, name: &str) -> Result<String, Problem> {
        let name = self.known(name)?;
        if self.connected.contains(&name) {
            Ok(name)
        } else {
            Err(Problem::new(format!("`{name}` is not connected yet"))
                .help(format!("it needs `connect: {name}` or `open: {name}` in an earlier step")))
        }
    }
}

pub(super) fn new_actor(text: &str) -> Result<String, Problem> {
    if WORDS.contains(&text) {
        return Err(Problem::new(format!("an actor cannot have the name `{text}`"))
            .help("the word is reserved; choose another name"));
    }
    name_pattern::identifier(text, "an actor")
}
