//! Completion with Tab: commands at the beginning of a line, and names of users and rooms.

use std::ops::Range;

use mychat_client::RoomMode;

use crate::console::input::{CommandName, mode_word, quoted};
use crate::console::lang::Lang;

/// The names that can be completed.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownNames<'a> {
    pub(super) users: &'a [String],
    pub(super) rooms: &'a [String],
    /// False at a server without rooms, whose users are offered no commands for rooms.
    pub(super) has_rooms: bool,
}

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
pub(super) fn complete(line: &str, cursor: usize, known: KnownNames<'_>, lang: Lang) -> Option<Completion> {
    let before = &line[..cursor];
    let (start, candidates) = if let Some(found) = argument(before, known, lang) {
        found
    } else if let Some(at) = name_start(before, '@') {
        (at, names(&before[at + 1..], known.users, "@"))
    } else if let Some(at) = name_start(before, '#').filter(|_| known.has_rooms) {
        (at, names(&before[at + 1..], known.rooms, "#"))
    } else if before.starts_with('/') && !before.contains(' ') {
        let offered = CommandName::ALL.into_iter().filter(|command| known.has_rooms || !command.needs_rooms());
        (0, offered.map(|command| command.name(lang).to_owned()).filter(|name| name.starts_with(before)).collect())
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

/// Completes the first argument of a command that takes a name without a mark.
fn argument(before: &str, known: KnownNames<'_>, lang: Lang) -> Option<(usize, Vec<String>)> {
    let (word, typed) = before.split_once(' ')?;
    let candidates = match CommandName::find(word)? {
        _ if typed.starts_with('#') => return None,
        CommandName::Msg | CommandName::Moderate(_) => names(typed, known.users, ""),
        CommandName::Join | CommandName::Leave | CommandName::Members => names(typed, known.rooms, "#"),
        CommandName::Mode => {
            let words = RoomMode::ALL.map(|mode| mode_word(mode, lang).to_owned());
            words.into_iter().filter(|word| word.starts_with(typed)).collect()
        }
        _ => return None,
    };
    // The next word may be a room.
    (!candidates.is_empty()).then(|| (before.len() - typed.len(), candidates))
}

/// Returns the position of the mark that starts the name before the cursor. It must be at the beginning of a word.
fn name_start(before: &str, mark: char) -> Option<usize> {
    let at = before.rfind(mark)?;
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
        tab_with(line, false)
    }

    fn tab_with(line: &str, has_rooms: bool) -> Option<(String, Vec<String>)> {
        let users = ["Bob", "Bobby", "Ana María", "Zoë"].map(str::to_owned);
        let rooms = ["garden", "my room", "shed"].map(str::to_owned);
        let known = KnownNames { users: &users, rooms: &rooms, has_rooms };
        let completion = complete(line, line.len(), known, Lang::En)?;
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
    fn rooms_are_completed_where_the_server_has_them() {
        for (line, completed) in [
            ("#ga", "#garden "),
            ("see #my", "see #\"my room\" "),
            ("/join sh", "/join #shed "),
            ("/leave #sh", "/leave #shed "),
            ("/invite an", "/invite \"Ana María\" "),
            ("/kick zoë #ga", "/kick zoë #garden "),
            ("/mode pri", "/mode private "),
            ("/unb", "/unban "),
            ("@z", "@Zoë "),
            ("#garden @z", "#garden @Zoë "),
        ] {
            assert_eq!(tab_with(line, true), Some((completed.into(), vec![])), "{line}");
        }
        assert_eq!(tab_with("/re", true).unwrap().1, ["/reply", "/revoke"]);
        assert_eq!(tab("#ga"), None);
        assert_eq!(tab_with("C#ga", true), None);
    }

    #[test]
    fn elsewhere_there_is_nothing_to_complete() {
        for line in ["", "hola", "mail@bo", "@bob hola", "@nobody", "/msg bob hola", "/dance"] {
            assert_eq!(tab(line), None, "{line}");
        }
    }
}
