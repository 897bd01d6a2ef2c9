//! JUnit files are valid against a schema, by an independent parser.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{TOOL, run};

const NASTY: &str = "
name: 'junit <&> \"quoted\"'
seed: 3
cases:
  - case: greets with <&>
    steps:
      - connect: alice
  - case: wants what never comes
    steps:
      - connect: alice
      - send: { alice: \"MESSAGE|ghost|]]><\" }
      - gets: { alice: \"ERROR|499|*\" }
users:
  bots: { count: 5, rate: 50/s, do: [ { broadcast: {} } ] }
load: [ { hold: 1s } ]
expect: [ \"lost == 0\", \"delivery.p99.9 < 1us\", \"cases.failed == 0\" ]
";

/// Returns a command that validates XML against a schema: xmllint, or Python with lxml.
fn validator(schema: &Path, file: &Path) -> Option<Command> {
    const PYTHON: &str = "import sys; from lxml import etree as e; s = e.XMLSchema(e.parse(sys.argv[1])); \
                          s.assertValid(e.parse(sys.argv[2]))";
    let runs = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if runs(Command::new("xmllint").arg("--version")) {
        let mut xmllint = Command::new("xmllint");
        xmllint.arg("--noout").arg("--schema").args([schema, file]);
        return Some(xmllint);
    }
    runs(Command::new("python3").args(["-c", "import lxml.etree"])).then(|| {
        let mut python = Command::new("python3");
        python.args(["-c", PYTHON]).args([schema, file]);
        python
    })
}

/// Asserts that a file is valid. Without a validator it prints a note and returns.
#[expect(clippy::print_stderr, reason = "a test that could not look must not look like one that did")]
pub(crate) fn assert_valid(file: &Path) {
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/junit.xsd");
    match validator(&schema, file) {
        Some(mut validator) => {
            let output = validator.output().expect("it has just run");
            let text = std::fs::read_to_string(file).expect("the tool wrote it");
            assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
        }
        None => eprintln!("neither xmllint nor Python's lxml is here: {} was not validated", file.display()),
    }
}

#[test]
fn a_run_with_cases_is_valid_whatever_its_texts_hold() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml");
    let outcome = run(NASTY).arg("--junit").arg(file.display()).go();
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    assert_valid(&file);
    let text = std::fs::read_to_string(&file).unwrap();
    // Three expectations, the validity of the run, two cases.
    // A machine that does much else may make the run itself an error, and then that is what the file says.
    let errors = u8::from(outcome.json["validity"] == "invalid");
    assert!(text.contains(&format!("tests=\"6\" failures=\"3\" errors=\"{errors}\" skipped=\"0\"")), "{text}");
}

#[test]
fn a_broken_file_is_refused() {
    // The schema and its reader are worth something only if they refuse something.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.xml");
    std::fs::write(&file, "<testsuites><testsuite name='x'/></testsuites>").unwrap();
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/junit.xsd");
    if let Some(mut validator) = validator(&schema, &file) {
        assert!(!validator.output().unwrap().status.success());
    }
}

#[test]
fn a_stored_result_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, again) = (folder.path().join("junit.xml"), folder.path().join("again.xml"));
    let outcome = run(NASTY).arg("--junit").arg(file.display()).go();
    let stored = folder.path().join("stored.json");
    std::fs::write(&stored, outcome.json.to_string()).unwrap();
    assert!(Command::new(TOOL).arg("report").arg(&stored).arg("--junit").arg(&again).status().unwrap().success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), std::fs::read_to_string(&again).unwrap());
}
