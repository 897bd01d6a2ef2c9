//! Error messages of wrong scenario files, and validity of the shipped files.

mod schema;

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
            // As if started in the folder: snapshots must not hold this machine's paths.
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
        assert_eq!(loaded.scenario.target, None, "{}: the machine's own business", loaded.file);
        assert!(loaded.scenario.seed.is_some(), "{}: two runs are to be comparable", loaded.file);
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
    assert_eq!(large.as_deref(), Some("cannot read the scenario: it has more than 1 MiB, which no scenario needs"));
}

#[test]
fn colours_come_only_when_asked_for() {
    let errors = mychat_scenario::parse("x.yaml", "nam: x").expect_err("no scenario");
    assert!(!errors.render(false).contains('\u{1b}'));
    assert!(errors.render(true).contains('\u{1b}'));
}

/// Whatever is wrong with a text, its errors can be shown, and point into it.
fn is_handled(text: &str) {
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
        is_handled(&text);
        is_handled(&yaml);
        is_handled(&format!("name: x\n{yaml}"));
    }

    #[test]
    fn any_condition_is_handled(text in "[a-z0-9.\\[\\], <>=!%x\u{e4}-]{0,40}", tail in "\\PC{0,20}") {
        let quoted = format!("{text}{tail}").replace('\'', "''");
        is_handled(&format!(
            "name: x\nusers: {{ a: {{ count: 1 }} }}\nload: [ hold: 1s ]\nexpect:\n  - '{quoted}'\n  - 'delivery[{quoted}'\n  - 'lost {quoted}'\n"
        ));
    }

    #[test]
    fn any_value_is_handled(text in "([0-9.]{1,4}|[a-z/%{}|*]|\\.\\.|\\PC){0,12}") {
        let quoted = text.replace('\'', "''");
        let keys = "count name join rate think session leave read hostile";
        let group: Vec<String> = keys.split(' ').map(|key| format!("{key}: '{quoted}'")).collect();
        is_handled(&format!(
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
        is_handled(&chars.into_iter().collect::<String>());
    }
}

/// The README's scenarios are read as they stand there: those that start with a name are whole files.
#[test]
fn the_readme_shows_files_that_are_right() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/README.md");
    let readme = fs::read_to_string(readme).expect("the README is there");
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let files: Vec<&str> = blocks.filter(|block| block.starts_with("name:")).collect();
    assert!(files.len() >= 6);
    for file in files {
        mychat_scenario::parse("README.md", file).unwrap_or_else(|errors| panic!("{errors}"));
    }
}
