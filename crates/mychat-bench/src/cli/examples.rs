//! Every command that the help and the handbooks show, held against the command line as it is.

use clap::{CommandFactory as _, Parser as _};

use super::Cli;

const HANDBOOKS: [(&str, &str); 4] = [
    ("README.md", include_str!("../../../../README.md")),
    ("scenarios/README.md", include_str!("../../../../scenarios/README.md")),
    (".packaging/Dockerfile", include_str!("../../../../.packaging/Dockerfile")),
    ("first.yaml", include_str!("../first.yaml")),
];

/// What one types before the tool's arguments.
const NAMES: [&str; 3] = ["mychat-bench ", "cargo run --release -p mychat-bench -- ", "docker run --rm mychat "];

/// The commands of a text: lines that begin with one, whatever prompt stands before it.
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

/// As a shell would take it apart: up to a redirection, a comment, or the column of explanations beside it.
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
fn what_the_handbooks_show_is_right() {
    for (place, text) in HANDBOOKS {
        assert_all_parse(place, text, 1);
    }
}

#[test]
fn every_command_has_an_example_that_is_right() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert_all_parse(command.get_name(), &help, 1);
    }
}

#[test]
fn what_is_wrong_is_found() {
    assert_eq!(commands("$ mychat-bench run a.yaml && mychat-bench probe")[1], "probe");
    assert_eq!(
        words("run a.yaml --spawn 'x {port}' > y   # z"),
        ["mychat-bench", "run", "a.yaml", "--spawn", "x {port}"]
    );
    assert!(Cli::try_parse_from(words("run a.yaml --tagret x")).is_err());
}
