//! Chat rooms: servers without the extension are judged as before, and correct servers with it pass every check of it.

use std::process::Command;

use super::{Done, conformance, each, faulty_server, python};

const GROUPS: [&str; 4] = ["--only", "ext.*", "--only", "room.*"];

/// Returns the command of a server, or `None` with a line on standard error where its language is not installed.
#[expect(clippy::print_stderr, reason = "a test that does not run must be visible")]
fn installed(name: &str) -> Option<String> {
    let servers = concat!(env!("CARGO_MANIFEST_DIR"), "/servers");
    let (program, command) = match name {
        "python" => ("python3", python("rooms")?),
        "java" => {
            let options = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
            ("javac", format!("exec java {options} {servers}/RoomServer.java {{port}}"))
        }
        _ => ("node", format!("exec node {servers}/rooms.js {{port}}")),
    };
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        eprintln!("skipped: the {name} server with chat rooms needs {program}, which is not installed");
    }
    is_there.then_some(command)
}

fn not_passed(done: &Done) -> Vec<String> {
    let bad = ["must", "should"].map(|level| done.with(level, &["fail", "inconclusive"]));
    bad.concat()
}

#[test]
fn the_server_with_chat_rooms_and_no_fault_passes_every_check_of_them() {
    let done = conformance(&[&["--spawn", &faulty_server("rooms"), "--strict", "--jobs", "2"][..], &GROUPS].concat());
    assert_eq!(not_passed(&done), Vec::<String>::new(), "{}", done.output);
    assert_eq!(done.with("must", &["skipped"]), ["ext.raw"], "it serves no users without terminators: {}", done.output);
    assert_eq!(done.exit, 0);
}

#[test]
#[ignore = "takes a minute: `.ci/run` runs it"]
fn correct_servers_of_other_authors_with_chat_rooms_pass() {
    each(&["python", "java", "node"], |name| {
        let Some(server) = installed(name) else { return };
        let done = conformance(&[&["--spawn", &server, "--strict"][..], &GROUPS].concat());
        assert_eq!(not_passed(&done), Vec::<String>::new(), "{name}\n{}", done.output);
        let base = conformance(&["--spawn", &server, "--skip", "robust.idle", "--skip", "frame.partial-hold"]);
        let failed = base.with("must", &["fail", "inconclusive"]);
        assert!(failed.is_empty() && base.exit == 0, "{name} fails {failed:?}\n{}", base.output);
    });
}

/// A server of MyChat/1 refuses `CAPABILITIES`, closes at it or ignores it: nothing but the skipped checks tells the difference.
#[test]
fn a_server_without_chat_rooms_is_judged_as_before() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "\"*\": 1\n").expect("written");
    let points = file.path().to_str().expect("a path");
    for (fault, answer) in [
        ("none", "it answers CAPABILITIES with an ERROR"),
        ("malformed-disconnects", "it closes the connection at CAPABILITIES"),
    ] {
        let server = faulty_server(fault);
        let base = ["--spawn", &server, "--strict", "--jobs", "1", "--points", points, "--only", "msg.deliver"];
        let (alone, with) = (conformance(&base), conformance(&[&base[..], &GROUPS].concat()));
        for key in ["verdict", "exit_code", "statements", "points"] {
            assert_eq!(alone.result[key], with.result[key], "{fault}: {key}\n{}", with.output);
        }
        let reasons = with.of("reason");
        let skipped: Vec<&String> = reasons.values().filter(|reason| !reason.is_empty()).collect();
        assert_eq!(skipped.len(), reasons.len() - 1, "{}", with.output);
        let reason = format!("the server does not announce the extension `rooms`: {answer}");
        assert!(skipped.iter().all(|skipped| **skipped == reason), "{fault}: {skipped:?}");
        assert_eq!(
            with.output.matches(&reason).count(),
            2,
            "one line for the first and one for the others: {}",
            with.output
        );
    }
}
