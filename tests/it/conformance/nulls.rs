//! Servers that are none pass no must check, and every check has its outcome all the same.

use super::{conformance, each, liar};

#[test]
fn a_server_that_is_none_passes_no_must() {
    each(&["n1", "n2", "n3", "n4", "n5", "n6", "n7"], |null| {
        let done = conformance(&["--spawn", &liar(null), "--timeout", "300ms"]);
        assert_eq!(
            done.of("id").len(),
            mychat_conformance::suite::catalogue().len(),
            "{null}: one outcome for every check"
        );
        let passed = done.with("must", &["pass"]);
        assert!(passed.is_empty(), "{null} passes {passed:?}");
        assert_eq!(done.exit, 1, "{null}");
    });
}

/// However few the checks and many the instances: the check that says so is played, and fails.
#[test]
fn who_lets_nobody_in_fails_the_check_for_that() {
    let closed = ["ack-lowercase", "n1", "n3"];
    let cases: Vec<_> = ["1", "2", "4"].into_iter().flat_map(|jobs| closed.map(|closed| (jobs, closed))).collect();
    each(&cases, |(jobs, closed)| {
        let only = ["--only", "conn.ack-ok", "--only", "frame.out-grammar", "--jobs", jobs, "--timeout", "100ms"];
        let done = conformance(&[&["--spawn", &liar(closed)][..], &only].concat());
        assert_eq!(done.of("status")["conn.ack-ok"], "fail", "{closed} with {jobs}: {}", done.said);
    });
}

#[test]
fn nobody_there_is_said_at_once() {
    let done = conformance(&["--target", "127.0.0.1:1"]);
    assert_eq!(done.exit, 3);
    assert!(done.said.contains("is the server running there?"), "{}", done.said);
    let done = conformance(&["--spawn", "exec false {port}"]);
    assert_eq!(done.exit, 3);
    let done = conformance(&["--spawn", "exec true"]);
    assert_eq!(done.exit, 2, "{}", done.said);
}
