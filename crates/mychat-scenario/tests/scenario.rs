//! Error messages of wrong scenario files, and validity of the shipped files.

mod schema;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mychat_scenario::diagnostic::MAX_SHOWN;
use proptest::prelude::*;

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).collect();
    files.sort();
    files
}

#[test]
fn bad_files_are_explained() {
    let files = yaml_files("tests/bad");
    assert!(files.len() >= 60);
    insta::allow_duplicates! {
        for file in files {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            // Snapshots must not contain paths of this machine.
            let shown = format!("{name}.yaml");
            let errors = mychat_scenario::load(&file).expect_err(&shown);
            assert!(errors.iter().count() <= MAX_SHOWN);
            let text = errors.to_string().replace(&file.display().to_string(), &shown);
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(name, text);
            });
        }
    }
}

#[test]
fn shipped_files_are_right() {
    let files = yaml_files("../../scenarios");
    assert!(files.len() >= 5);
    for file in files {
        let loaded = mychat_scenario::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(loaded.text.starts_with("# yaml-language-server: $schema=scenario.schema.json\n"), "{}", loaded.file);
        assert_eq!(loaded.scenario.target, None, "{}: a shipped file names no server", loaded.file);
        assert!(loaded.scenario.seed.is_some(), "{}: two runs must be comparable", loaded.file);
    }
}

#[test]
fn a_path_that_is_no_file_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let reason = |path: &Path| {
        mychat_scenario::load(path).expect_err("no scenario").iter().next().map(|error| error.message.clone())
    };
    let missing = reason(&folder.path().join("missing.yaml"));
    assert_eq!(missing.as_deref(), Some("cannot read the scenario: there is no such file"));
    assert_eq!(reason(folder.path()).as_deref(), Some("cannot read the scenario: it is a directory"));
    let large = folder.path().join("large.yaml");
    fs::write(&large, vec![b'#'; 2 << 20]).expect("a file");
    let large = reason(&large);
    assert_eq!(large.as_deref(), Some("cannot read the scenario: it is larger than 1 MiB"));
}

#[test]
fn colours_come_only_when_asked_for() {
    let errors = mychat_scenario::parse("x.yaml", "nam: x").expect_err("no scenario");
    assert!(!errors.render(false).contains('\u{1b}'));
    assert!(errors.render(true).contains('\u{1b}'));
}

/// Asserts that the errors of a text can be shown, and that their positions are inside the text.
fn assert_handled(text: &str) {
    if let Err(errors) = mychat_scenario::parse("x.yaml", text) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        assert!(!errors.to_string().is_empty() && errors.count() > 0);
        for error in &errors {
            assert!(error.span.as_ref().is_none_or(|span| text.get(span.clone()).is_some()), "{error:?}");
        }
    }
}

fn material() -> Vec<String> {
    let mut files = yaml_files("../../scenarios");
    files.extend(yaml_files("tests/bad"));
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_handled(text in "\\PC{0,200}", yaml in "([a-z{}\\[\\],:&*!|>'\"#%@`?\\- \n\t]|- |: |\n  ){0,120}") {
        assert_handled(&text);
        assert_handled(&yaml);
        assert_handled(&format!("name: x\n{yaml}"));
    }

    #[test]
    fn any_condition_is_handled(text in "[a-z0-9.\\[\\], <>=!%x\u{e4}-]{0,40}", tail in "\\PC{0,20}") {
        let quoted = format!("{text}{tail}").replace('\'', "''");
        assert_handled(&format!(
            "name: x\nusers: {{ a: {{ count: 1 }} }}\nload: [ hold: 1s ]\nexpect:\n  - '{quoted}'\n  - 'delivery[{quoted}'\n  - 'lost {quoted}'\n"
        ));
    }

    #[test]
    fn any_value_is_handled(text in "([0-9.]{1,4}|[a-z/%{}|*]|\\.\\.|\\PC){0,12}") {
        let quoted = text.replace('\'', "''");
        let keys = "count name join rate think session leave read hostile";
        let group: Vec<String> = keys.split(' ').map(|key| format!("{key}: '{quoted}'")).collect();
        assert_handled(&format!(
            "name: '{quoted}'\ntarget: '{quoted}'\ntimeout: '{quoted}'\nusers: {{ a: {{ {} }} }}\nload: [ spike: {{ to: '{quoted}', for: '{quoted}' }} ]\n\
             cases: [ {{ case: a, steps: [ connect: b, send: {{ b: '{quoted}' }}, bytes: {{ b: '{quoted}' }}, gets: {{ b: '{quoted}' }} ] }} ]\n",
            group.join(", ")
        ));
    }

    #[test]
    fn any_mutation_is_handled(
        file in 0..1000_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, "[a-z0-9 :{}\\[\\]\"'\n\u{e4}&*-]{0,4}"), 1..6),
    ) {
        let files = material();
        let mut chars: Vec<char> = files[file % files.len()].chars().collect();
        for (place, cut, insert) in edits {
            let from = place.index(chars.len() + 1);
            let to = (from + cut).min(chars.len());
            chars.splice(from..to, insert.chars());
        }
        assert_handled(&chars.into_iter().collect::<String>());
    }
}

fn readme() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/README.md");
    fs::read_to_string(readme).expect("the README is there")
}

/// YAML blocks of the README that start with a name are whole files.
#[test]
fn the_readme_shows_files_that_are_right() {
    let readme = readme();
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let files: Vec<&str> = blocks.filter(|block| block.starts_with("name:")).collect();
    assert!(files.len() >= 6);
    for file in files {
        mychat_scenario::parse("README.md", file).unwrap_or_else(|errors| panic!("{errors}"));
    }
}

#[test]
fn the_readme_lists_every_shipped_file() {
    let readme = readme();
    for file in yaml_files("../../scenarios") {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(readme.contains(&format!("| [{name}]({name}) |")), "scenarios/README.md does not list {name}");
    }
}

#[test]
fn the_readme_names_every_key_and_metric_and_calls_none_unsupported() {
    let readme = readme();
    let lower = readme.to_lowercase();
    for phrase in ["not supported yet", "unsupported", "not implemented"] {
        assert!(
            !lower.contains(phrase),
            "scenarios/README.md says `{phrase}`, but the parser accepts the whole language"
        );
    }
    let metrics = mychat_scenario::model::Metric::ALL.iter().map(|(name, _)| (*name).to_owned());
    let known: BTreeSet<String> = keys_of_the_schema().into_iter().chain(metrics).collect();
    assert!(known.len() > 100, "{}", known.len());
    for word in &known {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut places = readme.match_indices(word.as_str());
        let named =
            places.any(|(at, _)| !readme[..at].ends_with(is_word) && !readme[at + word.len()..].starts_with(is_word));
        assert!(named, "scenarios/README.md does not name `{word}`");
    }
    for word in words_of_the_tables(&readme) {
        assert!(known.contains(&word), "scenarios/README.md explains `{word}`, which does not exist");
    }
}

#[test]
fn the_readme_links_to_files_that_exist() {
    let readme = readme();
    let targets: Vec<&str> =
        readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|to| !to.contains("://")).collect();
    assert!(targets.len() > 9, "{targets:?}");
    for target in targets {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(target);
        assert!(file.exists(), "scenarios/README.md links to {target}");
    }
}

/// Returns the names of all keys that a scenario file can have.
fn keys_of_the_schema() -> BTreeSet<String> {
    let schema: serde_json::Value =
        serde_json::from_str(&mychat_scenario::schema::text().expect("a schema")).expect("JSON");
    let (mut keys, mut places) = (BTreeSet::new(), vec![&schema]);
    while let Some(place) = places.pop() {
        let properties = place["properties"].as_object().into_iter().flatten();
        keys.extend(properties.map(|(key, _)| key.clone()));
        places.extend(place.as_object().into_iter().flat_map(|map| map.values()));
        places.extend(place.as_array().into_iter().flatten());
    }
    keys
}

/// Returns the words in the first column of the README's tables of keys, actions, stages, metrics, steps and procedures.
fn words_of_the_tables(readme: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut title = "";
    let mut is_table = false;
    for line in readme.lines() {
        let Some(cell) = line.strip_prefix('|').and_then(|rest| rest.split('|').next()) else {
            is_table = false;
            continue;
        };
        if !is_table {
            title = cell.trim();
        } else if ["key", "action", "stage", "metric", "step", "procedure"].contains(&title) {
            let spans = cell.split('`').skip(1).step_by(2);
            let is_word = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '.');
            words.extend(spans.map(|span| span.chars().take_while(|c| is_word(*c)).collect::<String>()));
        }
        is_table = true;
    }
    assert!(words.len() > 80, "{words:?}");
    words
}

#[test]
fn byte_order_marks_before_the_first_key_are_skipped() {
    let file = "name: x\nusers: { a: { count: 1 } }\nload: [ hold: 1s ]\n";
    for prefix in
        ["\u{feff}", "---\n\u{feff}", "\u{feff}# a comment\n---\n\u{feff}", "\u{feff}\r\n\u{feff}%YAML 1.2\n---\n"]
    {
        let loaded = mychat_scenario::parse("x.yaml", &format!("{prefix}{file}"));
        assert!(loaded.is_ok(), "{prefix:?}: {}", loaded.unwrap_err());
    }
    let inside = mychat_scenario::parse("x.yaml", &file.replace("load", "\u{feff}load"));
    assert!(inside.is_err(), "a mark between keys is a mistake");
}

#[test]
fn a_name_may_have_emoji_but_nothing_hidden() {
    let named = |name: &str| {
        mychat_scenario::parse(
            "x.yaml",
            &format!("name: '{name}'\nusers: {{ a: {{ count: 1 }} }}\nload: [ hold: 1s ]\n"),
        )
    };
    for name in ["👩\u{200d}👩\u{200d}👧 storm", "❤\u{fe0f}\u{200d}🔥", "می\u{200c}خواهم"] {
        assert_eq!(named(name).unwrap_or_else(|errors| panic!("{errors}")).scenario.name, name);
    }
    for name in ["ad\u{200d}min", "abc\u{202e}fed", "zero\u{200b}width"] {
        assert!(named(name).is_err(), "{name}");
    }
}
