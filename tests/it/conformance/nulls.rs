//! Null servers, which implement no chat protocol, pass no must check. Every check still has an outcome.

use super::{conformance, each, faulty_server};

#[test]
fn a_null_server_passes_no_must_check() {
    each(&["n1", "n2", "n3", "n4", "n5", "n6", "n7"], |null| {
        let done = conformance(&["--spawn", &faulty_server(null), "--timeout", "300ms"]);
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

/// The check of the login runs and fails, with one instance or with more instances than checks.
#[test]
fn a_server_without_logins_fails_the_check_of_the_login() {
    let closed = ["ack-lowercase", "n1", "n3"];
    let cases: Vec<_> = ["1", "2", "4"].into_iter().flat_map(|jobs| closed.map(|closed| (jobs, closed))).collect();
    each(&cases, |(jobs, closed)| {
        let only = ["--only", "conn.ack-ok", "--only", "frame.out-grammar", "--jobs", jobs, "--timeout", "100ms"];
        let done = conformance(&[&["--spawn", &faulty_server(closed)][..], &only].concat());
        assert_eq!(done.of("status")["conn.ack-ok"], "fail", "{closed} with {jobs}: {}", done.output);
    });
}

#[test]
fn an_absent_server_is_reported_at_once() {
    let done = conformance(&["--target", "127.0.0.1:1"]);
    assert_eq!(done.exit, 3);
    assert!(done.output.contains("is the server running there?"), "{}", done.output);
    let done = conformance(&["--spawn", "exec false {port}"]);
    assert_eq!(done.exit, 3);
    let done = conformance(&["--spawn", "exec true"]);
    assert_eq!(done.exit, 2, "{}", done.output);
}

#[test]
fn an_unknown_fault_is_an_error_that_lists_the_names() {
    let faulty_server = std::process::Command::new(env!("CARGO_BIN_EXE_mychat-faulty-server"))
        .args(["0", "list-befor-ack"])
        .output()
        .expect("the faulty server runs");
    let output = String::from_utf8_lossy(&faulty_server.stderr);
    assert_eq!(faulty_server.status.code(), Some(1), "{output}");
    for name in ["`list-befor-ack`", "none", "n7", "list-before-ack", "reset-after-flood"] {
        assert!(output.contains(name), "{output}");
    }
}
