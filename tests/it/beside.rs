//! Cases and users in one scenario: one result, one verdict, and the same reports from a stored result.

use std::process::Command;

use crate::{TOOL, run};

fn scenario(code: &str) -> String {
    format!(
        "
name: beside
seed: 3
cases:
  - case: greet
    steps:
      - connect: [alice, bob]
      - send: {{ alice: \"MESSAGE|{{bob}}|hello\" }}
      - gets: {{ bob: \"MESSAGE|{{alice}}|hello\" }}
  - case: a stranger
    level: should
    steps:
      - connect: alice
      - send: {{ alice: \"MESSAGE|ghost|x\" }}
      - gets: {{ alice: \"ERROR|{code}|*\" }}
users:
  bots: {{ count: 5, rate: 50/s, do: [ {{ broadcast: {{}} }} ] }}
load: [ {{ hold: 1s }} ]
expect: [ \"lost == 0\", \"cases.failed == 0\" ]
"
    )
}

#[test]
fn one_result_has_the_cases_and_the_load() {
    let good = run(&scenario("404")).go();
    assert!(good.expectations_hold(), "{}", good.output());
    assert_eq!(good.json["schema"], "mychat-bench/run@1");
    let ids: Vec<_> = good.json["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["greet", "a-stranger"]);
    assert_eq!((good.count("lost"), good.count("delivered") > 0), (0, true));
}

#[test]
fn a_case_that_fails_decides_with_its_wire() {
    let bad = run(&scenario("499")).go();
    assert_eq!((bad.code, bad.json["verdict"].as_str()), (1, Some("fail")), "{}", bad.output());
    let case = &bad.json["cases"][1];
    assert_eq!(case["status"], "fail");
    assert!(
        case["wire"].as_array().unwrap().iter().any(|line| line["text"].as_str().unwrap().contains("MESSAGE|ghost"))
    );
    assert!(bad.stdout.contains("ERROR|499|*") && bad.stdout.contains("1 of 2 passed"), "{}", bad.stdout);
}

#[test]
fn reports_of_a_stored_result_are_those_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (then, later) = (folder.path().join("then"), folder.path().join("later"));
    let ran = run(&scenario("499")).arg("--out").arg(then.display()).go();
    let file = folder.path().join("stored.json");
    std::fs::write(&file, ran.json.to_string()).unwrap();
    let report = |more: &[&std::ffi::OsStr]| Command::new(TOOL).arg("report").arg(&file).args(more).output().unwrap();
    assert!(report(&["--out".as_ref(), later.as_os_str()]).status.success());
    for name in ["report.html", "junit.xml", "summary.md", "latency.hlog", "timeline.ndjson"] {
        let read = |folder: &std::path::Path| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read(&then), read(&later), "{name}");
    }
    assert_eq!(String::from_utf8(report(&[]).stdout).unwrap(), ran.stdout);
}
