//! What can be asked for: which checks, what is known, what is declared, and what the exit codes say.

use std::process::Command;

use super::{TOOL, conformance, liar};

/// A few checks, quickly.
fn some<'a>(server: &'a str, more: &[&'a str]) -> super::Done {
    conformance(&[&["--spawn", server, "--timeout", "500ms"][..], more].concat())
}

#[test]
fn only_and_skip_take_globs_and_refuse_what_names_no_check() {
    let server = liar("none");
    let done = some(&server, &["--only", "msg.*", "--skip", "msg.no-*"]);
    assert!(done.of("id").keys().all(|id| id.starts_with("msg.") && !id.starts_with("msg.no-")), "{}", done.said);
    assert_eq!(done.exit, 0);
    for wrong in [["--only", "msg.delivr"], ["--skip", "framme.*"]] {
        let done = some(&server, &wrong);
        assert_eq!(done.exit, 2);
        assert!(done.said.contains("no check is called") && done.said.contains("nearest"), "{}", done.said);
    }
    assert!(some(&server, &["--only", "msg.delivr"]).said.contains("msg.deliver"));
    let done = some(&server, &["--only", "msg.*", "--skip", "msg.*"]);
    assert_eq!(done.exit, 2, "no check at all is never a success: {}", done.said);
}

#[test]
fn a_should_counts_when_strict() {
    let server = liar("carriage-return-kept");
    assert_eq!(some(&server, &["--only", "frame.crlf"]).exit, 0);
    assert_eq!(some(&server, &["--only", "frame.crlf", "--strict"]).exit, 1);
}

#[test]
fn a_baseline_accepts_what_is_known_and_nothing_else() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a path");
    let (broken, sound) = (liar("recipient-as-sender"), liar("none"));
    let only = ["--only", "msg.deliver", "--only", "msg.self"];
    assert_eq!(some(&broken, &only).exit, 1);
    assert_eq!(some(&broken, &[&only[..], &["--baseline", path, "--update-baseline"]].concat()).exit, 0);
    let written = std::fs::read_to_string(path).expect("the baseline");
    assert!(written.contains("msg.deliver: "), "{written}");
    let done = some(&broken, &[&only[..], &["--baseline", path]].concat());
    assert_eq!(done.exit, 0, "{}", done.said);
    assert!(done.said.contains("known msg.deliver") && done.said.contains("1 of them known"), "{}", done.said);
    let done = some(&sound, &[&only[..], &["--baseline", path]].concat());
    assert_eq!(done.exit, 1, "{}", done.said);
    assert!(done.said.contains("it passes now"), "{}", done.said);
    std::fs::write(path, "msg.delver: \"it was never there\"\n").expect("written");
    let done = some(&sound, &[&only[..], &["--baseline", path]].concat());
    assert_eq!(done.exit, 2);
    assert!(
        done.said.contains("no check is called `msg.delver`") && done.said.contains("msg.deliver"),
        "{}",
        done.said
    );
}

#[test]
fn a_profile_is_held_to_what_it_declares() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a path");
    let declare = |text: &str| std::fs::write(path, text).expect("written");
    let silent = liar("unknown-recipient-ignored");
    let done = some(&silent, &["--only", "msg.unknown-404", "--strict"]);
    assert_eq!(done.exit, 1);
    assert!(done.said.contains("declare `unknown_user: silent` in a profile"), "{}", done.said);
    declare("unknown_user: silent\nbroadcast_echo: true\n");
    let done = some(&silent, &["--only", "msg.unknown-404", "--strict", "--profile", path]);
    assert_eq!(done.exit, 0, "{}", done.said);
    assert_eq!(done.result["profile"]["declared"].as_array().map(Vec::len), Some(2));
    declare("fail_keeps_connection: \"false\"\n");
    let done = some(&liar("none"), &["--only", "conn.retry-after-fail", "--profile", path]);
    assert_eq!(done.exit, 1, "a declared reading that is not taken fails, a may too: {}", done.said);
    declare("unknown_users: silent\n");
    let done = some(&silent, &["--only", "msg.*", "--profile", path]);
    assert_eq!(done.exit, 2, "{}", done.said);
}

#[test]
fn a_server_that_dies_is_started_again_and_the_input_is_made_small() {
    let done = some(
        &liar("invalid-utf8-crashes"),
        &["--only", "utf8.*", "--only", "robust.fuzz", "--only", "robust.alive", "--seed", "7"],
    );
    assert_eq!(done.exit, 1);
    let (status, got) = (done.of("status"), done.of("got"));
    assert_eq!((status["utf8.content"].as_str(), status["utf8.bom"].as_str()), ("pass", "pass"), "{}", done.said);
    assert!(got["robust.alive"].starts_with("after utf8."), "{got:?}");
    let words = &got["robust.fuzz"];
    assert!(words.contains("smallest input") && words.contains("seed 7"), "{words}");
    // One byte that is not UTF-8 is all it takes.
    let input = words.split("does it: ").nth(1).and_then(|rest| rest.split(" (seed").next()).expect("an input");
    assert!(input.len() <= "\"\\xff\"".len() && input.contains("\\x"), "{input}");
}

#[test]
fn a_probe_says_how_a_server_talks() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(TOOL)
        .args(["probe", "--spawn", &liar("broadcast-without-echo"), "--json"])
        .arg(file.path())
        .output()
        .expect("the tool runs");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("framing: lf") && said.contains("broadcast_echo: false"), "{said}");
    let result = super::read(file.path());
    assert_eq!(result["profile"]["values"]["broadcast_echo"], "false");
    assert_eq!(result["profile"]["values"]["unknown_user"], "error404");
    let output =
        Command::new(TOOL).args(["probe", "--spawn", &liar("n1"), "--timeout", "200ms"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_server_that_forgets_unfinished_pieces_is_told_so_in_the_first_lines() {
    let done = some(&liar("remainder-dropped"), &["--only", "frame.single"]);
    assert_eq!(done.exit, 0, "{}", done.said);
    assert!(
        done.said.contains("it answered a CONNECT in one piece, and none whose line end came later"),
        "{}",
        done.said
    );
    assert!(done.said.contains("keep what was read until its line end comes"), "{}", done.said);
}

#[test]
fn cases_of_ones_own_are_checks_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, json) = (directory.path().join("own.yaml"), directory.path().join("own.json"));
    let text = "name: own\ncases:\n  - case: both at once\n    steps:\n      - connect: [ana, bob]\n      - together:\n          - send: { ana: \"MESSAGE|{bob}|one\" }\n          - send: { bob: \"MESSAGE|{ana}|two\" }\n          - gets: { ana: \"MESSAGE|{bob}|two\" }\n          - gets: { bob: \"MESSAGE|{ana}|one\" }\n          - connect: cat\n      - alive: [ana, cat]\n  - case: wrong\n    steps:\n      - connect: ana\n      - send: { ana: \"FOO\" }\n      - gets: { ana: \"BAR\" }\n";
    std::fs::write(&file, text).expect("written");
    let run = |path: &std::path::Path| {
        Command::new(TOOL)
            .arg("run")
            .arg(path)
            .args(["--spawn", &liar("none"), "--json"])
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
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("BAR") && said.contains("mychat-bench run"), "{said}");
}

/// A bad name that is let in takes nobody's place.
#[test]
fn who_gets_a_name_that_nobody_has_overwrites_nobody() {
    let likely = |fault: &str, check: &str| {
        let done = conformance(&["--spawn", &liar(fault), "--only", check, "--timeout", "800ms"]);
        done.of("likely")[check].clone()
    };
    assert_eq!(likely("empty-name-accepted", "name.empty"), "names are not checked");
    assert!(likely("duplicate-name-overwrites", "conn.duplicate").contains("overwrites the first"));
}
