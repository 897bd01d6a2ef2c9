//! Completion with Tab: commands at the beginning of a line, and user names after `@` and `/msg`.

use std::ops::Range;

use crate::console::input::{CommandName, quoted};
use crate::console::lang::Lang;

/// A replacement for a part of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Completion {
    /// The replaced part, in bytes.
    pub(super) range: Range<usize>,
    /// The common prefix of all candidates, or the only candidate and a space.
    pub(super) text: String,
    /// All candidates, if there are several.
    pub(super) candidates: Vec<String>,
}

/// Completes the word before the cursor. Returns `None` if nothing matches.
pub(super) fn complete(line: &str, cursor: usize, users: &[String], lang: Lang) -> Option<Completion> {
    let before = &line[..cursor];
    let (start, candidates) = if let Some(message) = before.strip_prefix("/msg ") {
        (cursor - message.len(), names(message, users, ""))
    } else if let Some(at) = name_start(before) {
        (at, names(&before[at + 1..], users, "@"))
    } else if before.starts_with('/') && !before.contains(' ') {
        let verbs = CommandName::ALL.map(|verb| verb.name(lang).to_owned());
        (0, verbs.into_iter().filter(|verb| verb.starts_with(before)).collect())
    } else {
        return None;
    };
    let range = start..cursor;
    match candidates.as_slice() {
        [] => None,
        [only] => Some(Completion { range, text: format!("{only} "), candidates: Vec::new() }),
        [first, ..] => {
            let common = candidates.iter().fold(first.as_str(), |common, candidate| shared(common, candidate));
            // Candidates may differ from the typed text in case and so share a shorter prefix. Then the typed text
            // stays.
            let text = if common.len() >= range.len() { common } else { &before[start..] };
            Some(Completion { range, text: text.to_owned(), candidates })
        }
    }
}

/// Returns the position of the `@` that starts the name before the cursor. It must be at the beginning of a word.
fn name_start(before: &str) -> Option<usize> {
    let at = before.rfind('@')?;
    let typed = &before[at + 1..];
    let open = if let Some(quoted) = typed.strip_prefix('"') { !quoted.contains('"') } else { !typed.contains(' ') };
    (open && (at == 0 || before[..at].ends_with(' '))).then_some(at)
}

fn names(typed: &str, users: &[String], sign: &str) -> Vec<String> {
    let typed = typed.strip_prefix('"').unwrap_or(typed).to_lowercase();
    let mut names: Vec<_> = users
        .iter()
        .filter(|name| name.to_lowercase().starts_with(&typed))
        .map(|name| format!("{sign}{}", quoted(name)))
        .collect();
    names.sort();
    names
}

fn shared<'a>(one: &'a str, other: &str) -> &'a str {
    let length = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    &one[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab(line: &str) -> Option<(String, Vec<String>)> {
        let users = ["Bob", "Bobby", "Ana María", "Zoë"].map(str::to_owned);
        let completion = complete(line, line.len(), &users, Lang::En)?;
        Some((format!("{}{}", &line[..completion.range.start], completion.text), completion.candidates))
    }

    #[test]
    fn one_candidate_is_taken() {
        let cases = [
            ("@z", "@Zoë "),
            ("@an", "@\"Ana María\" "),
            ("@\"ana m", "@\"Ana María\" "),
            ("hola @zo", "hola @Zoë "),
            ("/msg bobb", "/msg Bobby "),
            ("/u", "/users "),
            ("/re", "/reply "),
        ];
        for (line, completed) in cases {
            assert_eq!(tab(line), Some((completed.into(), vec![])), "{line}");
        }
    }

    #[test]
    fn several_are_shown_and_their_beginning_is_taken() {
        assert_eq!(tab("@b"), Some(("@Bob".into(), vec!["@Bob".into(), "@Bobby".into()])));
        assert_eq!(tab("@").unwrap().1.len(), 4);
        assert_eq!(tab("/").unwrap().1, ["/msg", "/reply", "/users", "/help", "/quit"]);
    }

    #[test]
    fn elsewhere_there_is_nothing_to_complete() {
        for line in ["", "hola", "mail@bo", "@bob hola", "@nobody", "/msg bob hola", "/dance"] {
            assert_eq!(tab(line), None, "{line}");
        }
    }
}
