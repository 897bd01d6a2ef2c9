//! A server that dies, or lets nobody in any more, fails the run: in every format, with its exit status and last words.

use mychat_tests::faulty_server::{FaultyServer, LoadFault};

use super::{STAYS_UP, broken};
use crate::conformance::faulty_server;
use crate::run;

const TEN_LINES: &str = "
name: survival
users: { bots: { count: 5, rate: 20/s, do: [ { broadcast: {} } ] } }
load: [ { hold: 1s } ]
expect: [ \"delivered >= 0\" ]
";

#[test]
fn a_server_that_crashes_fails_the_run_in_every_format() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let outcome = run(TEN_LINES)
        .arg("--spawn")
        .arg(faulty_server("load:crash:3"))
        .arg("--out")
        .arg(folder.path().display())
        .declared()
        .go();
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    assert_eq!(broken(&outcome), [STAYS_UP, "nobody is disconnected"], "{}", outcome.output());
    let end = &outcome.json["server_end"];
    assert_eq!(end["status"], "exit status 1", "{}", outcome.output());
    assert!(end["seconds"].as_f64().is_some_and(|seconds| seconds < outcome.json["seconds"].as_f64().unwrap()));
    let file = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a report");
    let page = file("report.html").replace("&quot;", "\"");
    for (text, name) in [
        (outcome.stdout.clone(), "terminal"),
        (page, "HTML"),
        (file("summary.md"), "Markdown"),
        (file("junit.xml"), "JUnit"),
    ] {
        for part in
            ["FAIL", STAYS_UP, "s into the run: exit status 1", "Traceback (most recent call last)", "KeyError:"]
        {
            assert!(text.contains(part), "{part} in {name}:\n{text}");
        }
    }
    assert!(file("junit.xml").contains("failures=\"2\""), "{}", file("junit.xml"));
}

#[test]
fn a_server_that_lets_nobody_new_in_fails_the_run() {
    for fault in [LoadFault::Shut, LoadFault::Crash] {
        let server = FaultyServer::start(fault, 3);
        let outcome =
            run(&TEN_LINES.replace("users:", "timeout: 300ms\nusers:")).target(server.address()).declared().go();
        assert_eq!(outcome.code, 1, "{}", outcome.output());
        assert!(broken(&outcome).contains(&STAYS_UP.to_owned()), "{}", outcome.output());
        let why = if fault == LoadFault::Shut { "the server answered CONNECT_ACK|FAIL" } else { "cannot connect: " };
        assert!(
            outcome.stdout.contains(&format!("a new user was not let in after the load: {why}")),
            "{}",
            outcome.stdout
        );
    }
}
