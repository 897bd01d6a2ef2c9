//! Checks that `PROTOCOL.md` and the code agree: rule ids, error codes and examples.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mychat_proto::{Command, ErrorCode, ExtensionCommand, ExtensionReply, Reply};

const PAGE: &str = include_str!("../../PROTOCOL.md");

/// Returns the rule ids that the page defines, in bold in the first cell of a table row.
fn defined() -> Vec<&'static str> {
    let cells = PAGE.lines().filter_map(|line| line.strip_prefix("| **")?.split_once("** |"));
    cells.map(|(id, _)| id).filter(|id| is_rule(id)).collect()
}

fn is_rule(word: &str) -> bool {
    word.strip_prefix(['F', 'S', 'U', 'L', 'M', 'R', 'N', 'Q'])
        .is_some_and(|number| (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns the rule ids in the comments of a source text.
fn named(source: &str) -> BTreeSet<&str> {
    let comments = source.lines().filter_map(|line| line.split_once("//").map(|(_, comment)| comment));
    comments
        .flat_map(|comment| comment.split(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| is_rule(word))
        .collect()
}

/// Returns all `.rs` files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Returns the lines in the page's `wire` blocks that start with `mark`, without the mark and without a `#` comment.
fn examples(mark: &str) -> Vec<&'static str> {
    let blocks = PAGE.split("```wire\n").skip(1).filter_map(|block| block.split_once("```"));
    let lines = blocks.flat_map(|(block, _)| block.lines()).filter_map(|line| line.strip_prefix(mark));
    lines.map(|line| line.split("  #").next().unwrap_or(line).trim_end()).collect()
}

#[test]
fn every_rule_in_a_comment_is_on_the_page() {
    let defined: BTreeSet<_> = defined().into_iter().collect();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files: Vec<_> =
        sources(&crates).into_iter().filter(|path| path.components().any(|part| part.as_os_str() == "src")).collect();
    assert!(files.len() >= 8, "this crate alone has 8 files: {files:?}");
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let unknown: Vec<_> = named(&source).into_iter().filter(|id| !defined.contains(id)).collect();
        assert!(unknown.is_empty(), "{} cites rules that are not in PROTOCOL.md: {unknown:?}", file.display());
    }
}

#[test]
fn every_rule_is_defined_once_and_none_is_missing() {
    let expected = [('F', 6), ('S', 6), ('U', 6), ('L', 4), ('M', 6), ('R', 7), ('N', 5), ('Q', 7)];
    let expected: Vec<_> =
        expected.iter().flat_map(|&(letter, last)| (1..=last).map(move |n| format!("{letter}{n}"))).collect();
    assert_eq!(defined(), expected);
}

#[test]
fn every_framing_rule_is_cited_by_this_crate() {
    let here = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let text: String = here.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let missing: Vec<_> =
        defined().into_iter().filter(|id| id.starts_with('F') && !named(&text).contains(id)).collect();
    assert!(missing.is_empty(), "no comment cites {missing:?}");
}

#[test]
fn the_table_of_codes_equals_the_enum() {
    for code in ErrorCode::ALL {
        let row = format!("| `{}` | {} |", code.digits(), code.text().replace('|', "\\|"));
        assert!(PAGE.contains(&row), "the page lacks the row that begins {row}");
    }
    assert_eq!(PAGE.lines().filter(|line| line.starts_with("| `") && line.as_bytes()[3].is_ascii_digit()).count(), 9);
}

#[test]
fn every_example_parses_or_fails_as_its_mark_says() {
    assert!(examples("> ").len() > 10 && examples("< ").len() > 10, "the examples are found");
    let is_command = |line: &str| {
        let bytes = line.as_bytes();
        Command::parse(bytes).is_ok() || ExtensionCommand::parse(bytes).is_ok()
    };
    for line in examples("> ") {
        assert!(is_command(line), "not a command: {line}");
    }
    for line in examples("< ") {
        let bytes = line.as_bytes();
        assert!(Reply::parse(bytes).is_ok() || ExtensionReply::parse(bytes).is_ok(), "not a reply: {line}");
    }
    for line in examples("! ") {
        assert!(!is_command(line), "a valid command: {line}");
    }
}
