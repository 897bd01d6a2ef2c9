//! Parses the text of a scenario file into a [`Scenario`], or returns all its errors with their positions.
//!
//! ```text
//! file ─► text ─syntax─► tree of nodes ─lower─► draft ─check─► Scenario
//!                                          │             │
//!                                          └─ problems ──┴─locate─► Diagnostics
//! ```
//!
//! The parser continues after an error and leaves out the wrong part, so that all errors are shown at once. It looks up
//! positions only for errors.

pub mod diagnostic;
pub mod model;
pub mod schema;
pub mod template;

mod check;
mod grammar;
mod lower;
mod suggest;
mod syntax;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use model::Scenario;

use std::path::Path;

use diagnostic::{MAX_SHOWN, Problem};
use lower::document;
use syntax::problems::Problems;
use syntax::yaml_tree::Document;
use syntax::{locate, yaml_errors, yaml_tree};

/// A scenario with the text that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The content of the file.
    pub scenario: Scenario,
    /// The file's text.
    pub text: String,
    /// The file's name, as it was given.
    pub file: String,
}

/// Reads a scenario file. Fails with every error in it.
pub fn load(path: &Path) -> Result<Loaded, Diagnostics> {
    let file = path.display().to_string();
    match yaml_tree::read(path) {
        Ok(text) => parse(&file, &text),
        Err(problem) => Err(Diagnostics::new("", vec![problem.at(&file, "", None)], 0)),
    }
}

/// Reads a scenario's text; `name` stands for the file in errors.
pub fn parse(name: &str, text: &str) -> Result<Loaded, Diagnostics> {
    let text = &*yaml_tree::without_byte_order_marks(text);
    let fatal = |(problem, byte): (Problem, Option<usize>)| {
        let span = byte.map(|byte| locate::character(text, byte));
        Diagnostics::new(text, vec![problem.at(name, text, span)], 0)
    };
    if let Some(refused) = yaml_errors::refuse(text) {
        return Err(fatal(refused));
    }
    let document = Document::new(text).map_err(fatal)?;
    let mut problems = Problems::default();
    let draft = document::document(&document.root, text, &mut problems);
    let scenario = draft.map(|draft| check::check(draft, &mut problems));
    match scenario {
        Some(scenario) if problems.list.is_empty() => {
            Ok(Loaded { scenario, text: text.to_owned(), file: name.to_owned() })
        }
        _ => Err(diagnostics(name, text, &document, problems)),
    }
}

fn diagnostics(name: &str, text: &str, document: &Document, mut problems: Problems) -> Diagnostics {
    // Nodes are numbered in the order of the text: those that are shown are the first ones of the file.
    problems.list.sort_by_key(|(node, _)| *node);
    let unseen = problems.list.len().saturating_sub(MAX_SHOWN);
    let list = problems.list.into_iter().take(MAX_SHOWN).map(|(node, problem)| {
        let span = locate::span(text, document, node, problem.part.as_ref());
        problem.at(name, text, span)
    });
    Diagnostics::new(text, list.collect(), unseen)
}
