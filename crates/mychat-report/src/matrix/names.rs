//! Names of the rows: the parts in which the paths of the files differ.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use mychat_proto::text::visible_line;

/// Returns a short name for each path. Parts that end all paths are left out, and as few others are kept as tell the paths
/// apart: `a/result.json` and `b/result.json` are `a` and `b`.
pub(super) fn of(paths: &[PathBuf]) -> Vec<String> {
    let mut parts: Vec<Vec<String>> = paths.iter().map(|path| parts_of(path)).collect();
    while have_common_end(&parts) {
        for parts in &mut parts {
            parts.pop();
        }
    }
    let longest = parts.iter().map(Vec::len).max().unwrap_or(0);
    let named = |count: usize| -> Vec<String> {
        parts.iter().map(|parts| parts[parts.len().saturating_sub(count)..].join("/")).collect()
    };
    let are_distinct = |names: &[String]| names.iter().collect::<HashSet<_>>().len() == names.len();
    (1..longest).map(named).find(|names| are_distinct(names)).unwrap_or_else(|| named(longest))
}

/// Compares names so that `user2` comes before `user10`.
pub(super) fn natural_order(one: &str, other: &str) -> Ordering {
    let chunks = chunks(one).zip(chunks(other)).map(|(one, other)| match (number(one), number(other)) {
        (Some(one), Some(other)) => one.len().cmp(&other.len()).then_with(|| one.cmp(other)),
        _ => one.cmp(other),
    });
    chunks.fold(Ordering::Equal, Ordering::then).then_with(|| one.len().cmp(&other.len())).then_with(|| one.cmp(other))
}

/// Returns the parts of a path, the last one without its extension.
fn parts_of(path: &Path) -> Vec<String> {
    let stem = path.with_extension("");
    let parts = stem.components().filter(|part| !matches!(part, Component::CurDir | Component::RootDir));
    parts.map(|part| visible_line(&part.as_os_str().to_string_lossy()).into_owned()).collect()
}

/// Returns true if all of several paths end in the same part and have another part before it.
fn have_common_end(paths: &[Vec<String>]) -> bool {
    let [first, others @ ..] = paths else { return false };
    !others.is_empty() && paths.iter().all(|parts| parts.len() > 1 && parts.last() == first.last())
}

/// Splits a text into numbers and what is between them.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_number = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (chunk, behind) = rest.split_at(end);
        rest = behind;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// Returns the digits of a number without leading zeros.
fn number(chunk: &str) -> Option<&str> {
    chunk.starts_with(|c: char| c.is_ascii_digit()).then(|| chunk.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<String> {
        of(&paths.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_row_is_named_by_the_part_that_differs() {
        assert_eq!(names(&["a/result.json", "b/result.json"]), ["a", "b"]);
        assert_eq!(names(&["/class/ana.json", "/class/bob.json"]), ["ana", "bob"]);
        assert_eq!(
            names(&["w1/ana/out/r.json", "w1/bob/out/r.json", "w2/ana/out/r.json"]),
            ["w1/ana", "w1/bob", "w2/ana"]
        );
        assert_eq!(names(&["ana.json", "bob/result.json"]), ["ana", "result"]);
        assert_eq!(names(&["result.json", "bob/result.json"]), ["result", "bob/result"]);
        assert_eq!(names(&["./one/result.json"]), ["result"]);
        assert_eq!(names(&["a.json", "a.json"]), ["a", "a"]);
        assert_eq!(names(&[]), [""; 0]);
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let mut names = ["s10", "s9b", "s2", "S1", "s", "s02", "s2x", "10", "9", "s99999999999999999999999"];
        names.sort_by(|one, other| natural_order(one, other));
        assert_eq!(names, ["9", "10", "S1", "s", "s2", "s02", "s2x", "s9b", "s10", "s99999999999999999999999"]);
    }
}
