//! Reads the list of `cases`.

use std::collections::HashSet;

use super::actors::CaseActors;
use super::fields::{Fields, many, scalar};
use super::steps;
use super::units;
use crate::diagnostic::{Problem, line_and_column};
use crate::grammar::keys;
use crate::grammar::value_type::ValueType;
use crate::model::{Case, Level, Need};
use crate::suggest::shown;
use crate::syntax::node::Node;
use crate::syntax::problems::Problems;

const LEVELS: [(&str, Level); 3] = [("must", Level::Must), ("should", Level::Should), ("may", Level::May)];
const NEEDS: [(&str, Need); 6] = [
    ("terminator", Need::Terminator),
    ("spawn", Need::Spawn),
    ("loopback", Need::Loopback),
    ("raw", Need::Raw),
    ("fresh", Need::Fresh),
    ("rooms", Need::Rooms),
];

/// Reads all cases of a file with this text.
pub(crate) fn cases(items: &[Node], text: &str, problems: &mut Problems) -> Vec<Case> {
    let mut ids = HashSet::new();
    items.iter().filter_map(|node| case(node, text, &mut ids, problems)).collect()
}

fn case(node: &Node, text: &str, ids: &mut HashSet<String>, problems: &mut Problems) -> Option<Case> {
    let fields = Fields::open(node, node, &keys::CASE, problems)?;
    let title = fields.read("case", problems, |text| line(text).map(str::to_owned));
    let (id, place) = match fields.get("id") {
        Some(place) => (fields.read("id", problems, id), place),
        None => (title.as_deref().map(slug), fields.get("case").unwrap_or(node)),
    };
    if let Some(id) = id.as_ref().filter(|id| !ids.insert((*id).clone())) {
        let problem = Problem::new(format!("two cases have the id `{}`", shown(id)));
        problems.add(place, problem.help("the id is made from the title: give one of them another title, or an `id`"));
    }
    let level = fields.read("level", problems, |text| units::word(text, &LEVELS)).unwrap_or_default();
    let spec = sources(&fields, "spec", problems);
    let rule = sources(&fields, "rule", problems);
    let likely = fields.read("likely", problems, |text| Ok(text.to_owned()));
    let slow = fields.read("slow", problems, units::truth).unwrap_or_default();
    let needs = fields.get("needs").map(|node| many(node, problems)).unwrap_or_default();
    let needs = needs
        .iter()
        .filter_map(|node| scalar(node, &ValueType::Text, problems, |text| units::word(text, &NEEDS)))
        .collect();
    let items = fields.list("steps", problems);
    let mut actors = CaseActors::of(items);
    let steps = steps::steps(items, &mut actors, problems);
    let at = fields.key("case").and_then(|key| key.content).unwrap_or_default();
    let (line, _) = line_and_column(text, at);
    Some(Case { title: title?, id: id?, level, spec, rule, likely, slow, needs, steps, line })
}

/// Checks a text of one line for reports.
pub(crate) fn line(text: &str) -> Result<&str, Problem> {
    const LONGEST: usize = 200;
    if text.trim().is_empty() {
        return Err(Problem::new("the text is empty"));
    }
    if let Some((_, c)) = mychat_proto::text::hidden_characters(text).next() {
        return Err(Problem::new(format!(
            "the text contains a line end or control character (U+{:04X})",
            u32::from(c)
        )));
    }
    if text.chars().count() > LONGEST {
        return Err(Problem::new("the text is too long").help(format!("at most {LONGEST} characters")));
    }
    Ok(text)
}

fn id(text: &str) -> Result<String, Problem> {
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if text.chars().all(is_valid) && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 80 {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("`{}` is not an id", shown(text)))
        .help("it takes lower-case letters, digits, `-` and `.`, at most 80, such as `frame.single`"))
}

/// Returns the id for a title: characters other than letters and digits become dashes.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn sources(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Vec<String> {
    let Some(node) = fields.get(name) else {
        return Vec::new();
    };
    let read = |text: &str| {
        let digits =
            text.get(1..).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        if digits && text.starts_with(|c: char| c.is_ascii_uppercase()) {
            Ok(text.to_owned())
        } else {
            Err(Problem::new(format!("`{}` is not the name of a statement or rule", shown(text)))
                .help("it is a capital letter and a number, such as `T13` or `F5`"))
        }
    };
    let nodes = many(node, problems);
    nodes.iter().filter_map(|node| scalar(node, &ValueType::Text, problems, read)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn titles_become_ids() {
        assert_eq!(
            super::slug("A name in use is refused, its holder keeps working!"),
            "a-name-in-use-is-refused-its-holder-keeps-working"
        );
    }
}
