//! Options of the suite: selection, baseline and profile, with the exit codes.

use std::process::Command;

use super::{TOOL, conformance, faulty_server};

/// A few checks, quickly.
fn some<'a>(server: &'a str, more: &[&'a str]) -> super::Done {
    conformance(&[&["--spawn", server, "--timeout", "500ms"][..], more].concat())
}

#[test]
fn only_and_skip_take_globs_and_refuse_what_names_no_check() {
    let server = faulty_server("none");
    let done = some(&server, &["--only", "msg.*", "--skip", "msg.no-*"]);
    assert!(done.of("id").keys().all(|id| id.starts_with("msg.") && !id.starts_with("msg.no-")), "{}", done.output);
    assert_eq!(done.exit, 0);
    for wrong in [["--only", "msg.delivr"], ["--skip", "framme.*"]] {
        let done = some(&server, &wrong);
        assert_eq!(done.exit, 2);
        assert!(done.output.contains("no check is called") && done.output.contains("nearest"), "{}", done.output);
    }
    assert!(some(&server, &["--only", "msg.delivr"]).output.contains("msg.deliver"));
    let done = some(&server, &["--only", "msg.*", "--skip", "msg.*"]);
    assert_eq!(done.exit, 2, "no check at all is never a success: {}", done.output);
}

#[test]
fn a_should_counts_when_strict() {
    let server = faulty_server("carriage-return-kept");
    assert_eq!(some(&server, &["--only", "frame.crlf"]).exit, 0);
    assert_eq!(some(&server, &["--only", "frame.crlf", "--strict"]).exit, 1);
}

#[test]
fn a_baseline_accepts_what_is_known_and_nothing_else() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a path");
    let (broken, sound) = (faulty_server("recipient-as-sender"), faulty_server("none"));
    let only = ["--only", "msg.deliver", "--only", "msg.self"];
    assert_eq!(some(&broken, &only).exit, 1);
    assert_eq!(some(&broken, &[&only[..], &["--baseline", path, "--update-baseline"]].concat()).exit, 0);
    let written = std::fs::read_to_string(path).expect("the baseline");
    assert!(written.contains("msg.deliver: "), "{written}");
    let done = some(&broken, &[&only[..], &["--baseline", path]].concat());
    assert_eq!(done.exit, 0, "{}", done.output);
    assert!(done.output.contains("known msg.deliver") && done.output.contains("1 of them known"), "{}", done.output);
    let done = some(&sound, &[&only[..], &["--baseline", path]].concat());
    assert_eq!(done.exit, 1, "{}", done.output);
    assert!(done.output.contains("it passes now"), "{}", done.output);
    std::fs::write(path, "msg.delver: \"it was never there\"\n").expect("written");
    let done = some(&sound, &[&only[..], &["--baseline", path]].concat());
    assert_eq!(done.exit, 2);
    assert!(
        done.output.contains("no check is called `msg.delver`") && done.output.contains("msg.deliver"),
        "{}",
        done.output
    );
}

#[test]
fn a_declared_profile_is_checked() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a path");
    let declare = |text: &str| std::fs::write(path, text).expect("written");
    let silent = faulty_server("unknown-recipient-ignored");
    let done = some(&silent, &["--only", "msg.unknown-404", "--strict"]);
    assert_eq!(done.exit, 1);
    assert!(done.output.contains("declare `unknown_user: silent` in a profile"), "{}", done.output);
    declare("unknown_user: silent\nbroadcast_echo: true\n");
    let done = some(&silent, &["--only", "msg.unknown-404", "--strict", "--profile", path]);
    assert_eq!(done.exit, 0, "{}", done.output);
    assert_eq!(done.result["profile"]["declared"].as_array().map(Vec::len), Some(2));
    declare("fail_keeps_connection: \"false\"\n");
    let done = some(&faulty_server("none"), &["--only", "conn.retry-after-fail", "--profile", path]);
    assert_eq!(done.exit, 1, "a declared reading that is not taken fails, a may too: {}", done.output);
    declare("unknown_users: silent\n");
    let done = some(&silent, &["--only", "msg.*", "--profile", path]);
    assert_eq!(done.exit, 2, "{}", done.output);
}

#[test]
fn a_server_that_dies_is_started_again_and_the_input_is_made_small() {
    let done = some(
        &faulty_server("invalid-utf8-crashes"),
        &["--only", "utf8.*", "--only", "robust.fuzz", "--only", "robust.alive", "--seed", "7"],
    );
    assert_eq!(done.exit, 1);
    let (status, got) = (done.of("status"), done.of("got"));
    assert_eq!((status["utf8.content"].as_str(), status["utf8.bom"].as_str()), ("pass", "pass"), "{}", done.output);
    assert!(got["robust.alive"].starts_with("after utf8."), "{got:?}");
    let words = &got["robust.fuzz"];
    assert!(words.contains("smallest input") && words.contains("seed 7"), "{words}");
    // One byte that is not UTF-8 is all it takes.
    let input = words.split("causes it: ").nth(1).and_then(|rest| rest.split(" (seed").next()).expect("an input");
    assert!(input.len() <= "\"\\xff\"".len() && input.contains("\\x"), "{input}");
}

#[test]
fn a_probe_reports_framing_and_readings() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(TOOL)
        .args(["probe", "--spawn", &faulty_server("broadcast-without-echo"), "--json"])
        .arg(file.path())
        .output()
        .expect("the tool runs");
    assert_eq!(output.status.code(), Some(0));
    let output = String::from_utf8_lossy(&output.stdout);
    assert!(output.contains("framing: lf") && output.contains("broadcast_echo: false"), "{output}");
    let result = super::read(file.path());
    assert_eq!(result["profile"]["values"]["broadcast_echo"], "false");
    assert_eq!(result["profile"]["values"]["unknown_user"], "error404");
    let output = Command::new(TOOL)
        .args(["probe", "--spawn", &faulty_server("n1"), "--timeout", "200ms"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_server_that_drops_incomplete_frames_is_reported_first() {
    let done = some(&faulty_server("remainder-dropped"), &["--only", "frame.single"]);
    assert_eq!(done.exit, 0, "{}", done.output);
    assert!(
        done.output.contains("it answered a CONNECT in one piece, and none whose line end came later"),
        "{}",
        done.output
    );
    assert!(done.output.contains("keep what was read until its line end comes"), "{}", done.output);
}

#[test]
fn cases_in_a_users_file_are_checks_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, json) = (directory.path().join("own.yaml"), directory.path().join("own.json"));
    let text = "name: own\ncases:\n  - case: both at once\n    steps:\n      - connect: [ana, bob]\n      - together:\n          - send: { ana: \"MESSAGE|{bob}|one\" }\n          - send: { bob: \"MESSAGE|{ana}|two\" }\n          - gets: { ana: \"MESSAGE|{bob}|two\" }\n          - gets: { bob: \"MESSAGE|{ana}|one\" }\n          - connect: cat\n      - alive: [ana, cat]\n  - case: wrong\n    steps:\n      - connect: ana\n      - send: { ana: \"FOO\" }\n      - gets: { ana: \"BAR\" }\n";
    std::fs::write(&file, text).expect("written");
    let run = |path: &std::path::Path| {
        Command::new(TOOL)
            .arg("run")
            .arg(path)
            .args(["--spawn", &faulty_server("none"), "--json"])
            .arg(&json)
            .output()
            .expect("runs")
    };
    let output = run(&file);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let result = super::read(&json);
    let ended: Vec<&str> =
        result["checks"].as_array().expect("checks").iter().filter_map(|check| check["status"].as_str()).collect();
    assert_eq!(ended, ["pass", "fail"]);
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("BAR") && output.contains("mychat-bench run"), "{output}");
}

/// A bad name that is accepted does not overwrite a user.
#[test]
fn an_accepted_bad_name_is_not_reported_as_overwriting() {
    let likely = |fault: &str, check: &str| {
        let done = conformance(&["--spawn", &faulty_server(fault), "--only", check, "--timeout", "800ms"]);
        done.of("likely")[check].clone()
    };
    assert_eq!(likely("empty-name-accepted", "name.empty"), "names are not checked");
    assert!(likely("duplicate-name-overwrites", "conn.duplicate").contains("overwrites the first"));
}
