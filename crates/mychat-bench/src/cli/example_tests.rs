//! Checks that every command in the help texts and in the documents is a valid command line.

use std::fs;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};

use super::Cli;

/// Documents of the repository, relative to its root.
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "crates/mychat-bench/README.md",
    "crates/mychat-conformance/README.md",
    "scenarios/README.md",
    ".packaging/Dockerfile",
    "crates/mychat-bench/src/commands/first.yaml",
];

/// Commands that start the tool in documents.
const NAMES: [&str; 3] = ["mychat-bench ", "cargo run --release -p mychat-bench -- ", "docker run --rm mychat "];

/// Returns the commands of a text: the lines that start with one of [`NAMES`], with or without a prompt.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().flat_map(|line| line.split("&&")) {
        let typed = line.trim_start_matches(|c: char| c == '#' || c.is_whitespace());
        let typed =
            typed.split_once("$ ").filter(|(prompt, _)| !prompt.contains(' ')).map_or(typed, |(_, typed)| typed);
        found.extend(NAMES.iter().find_map(|name| typed.strip_prefix(name)).map(str::to_owned));
    }
    found
}

/// Splits a command like a shell, up to a redirection, a comment or a column of explanations.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (vec!["mychat-bench".to_owned()], String::new(), None);
    let command = command.split("   ").next().unwrap_or_default();
    for c in command.chars().chain([' ']) {
        match (quote, c) {
            (None, '>' | '#' | '|') => break,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, c) if c.is_whitespace() => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            (_, c) => word.push(c),
        }
    }
    words
}

fn assert_all_parse(place: &str, text: &str, at_least: usize) {
    let commands = commands(text);
    assert!(commands.len() >= at_least, "{place} shows {} commands: {commands:?}", commands.len());
    for command in commands {
        if let Err(error) = Cli::try_parse_from(words(&command)) {
            panic!("{place}: mychat-bench {command}\n{error}");
        }
    }
}

#[test]
fn commands_in_the_documents_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for path in DOCUMENTS {
        let text = fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_all_parse(path, &text, 1);
    }
}

#[test]
fn every_command_has_a_valid_example() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert_all_parse(command.get_name(), &help, 1);
    }
}

#[test]
fn an_invalid_command_is_found() {
    assert_eq!(commands("$ mychat-bench run a.yaml && mychat-bench probe")[1], "probe");
    assert_eq!(
        words("run a.yaml --spawn 'x {port}' > y   # z"),
        ["mychat-bench", "run", "a.yaml", "--spawn", "x {port}"]
    );
    assert!(Cli::try_parse_from(words("run a.yaml --tagret x")).is_err());
}
