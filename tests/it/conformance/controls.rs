//! Effects of earlier checks on a server do not fail a later check.

use super::gone::Server;
use super::{Done, conformance, faulty_server};

const FAULT: &str = "invalid-utf8-ends-broadcasts";
const LATER: [&str; 3] = ["utf8.overlong", "utf8.surrogate", "utf8.above-10ffff"];

fn run(server: &[&str]) -> Done {
    let only = ["utf8.invalid-content", LATER[0], LATER[1], LATER[2], "robust.alive"];
    let only: Vec<&str> = only.iter().flat_map(|check| ["--only", check]).collect();
    conformance(&[server, &["--timeout", "600ms"], only.as_slice()].concat())
}

#[test]
fn checks_on_a_server_that_an_earlier_check_broke_are_not_judged() {
    let server = Server::start(FAULT);
    let done = run(&["--target", &server.address]);
    let reason = "already broken since utf8.invalid-content: broadcasts no longer arrive";
    for check in LATER {
        assert_eq!(done.of("status")[check], "inconclusive", "{check}: {}", done.output);
        assert_eq!(done.of("reason")[check], reason, "{check}");
    }
    // One line for the first, and one for the others.
    assert_eq!(done.output.matches(reason).count(), 2, "{}", done.output);
    assert!(done.output.contains("and 2 more for the same reason"), "{}", done.output);
    assert_eq!(done.of("status")["robust.alive"], "fail", "{}", done.output);
    assert_eq!(done.of("got")["robust.alive"], "after utf8.invalid-content: broadcasts no longer arrive");
    assert_eq!(done.exit, 1);
}

/// A server that this tool started is started again, so that the later checks are judged.
#[test]
fn a_started_server_is_started_again_once_it_is_broken() {
    let done = run(&["--spawn", &faulty_server(FAULT), "--jobs", "1"]);
    assert_eq!(done.of("status")["robust.alive"], "fail", "{}", done.output);
    for check in LATER {
        assert_eq!(done.of("status")[check], "pass", "{check}: {}", done.output);
    }
}

/// A server that never delivered a broadcast broke in no check.
#[test]
fn what_never_worked_is_said_so() {
    let done = conformance(&["--spawn", &faulty_server("new-user-skipped"), "--only", LATER[0], "--timeout", "600ms"]);
    let reason = &done.of("reason")[LATER[0]];
    assert!(reason.starts_with("broadcasts do not arrive, so nothing is known"), "{reason}: {}", done.output);
}
