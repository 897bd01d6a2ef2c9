//! Correct servers of other authors pass every must check.

use super::{conformance, each, faulty_server, java, python};

/// Leaves out two checks that wait for seconds.
const BRIEF: [&str; 4] = ["--skip", "robust.idle", "--skip", "frame.partial-hold"];

#[test]
#[ignore = "takes a minute: `.ci/run` runs it"]
fn correct_servers_of_other_authors_pass_every_must() {
    let servers =
        ["threads", "loop", "terse", "forks", "java", "moods glued,lazy", "moods quiet,joiner", "moods closing,shout"];
    each(&servers, |name| {
        let server = if *name == "java" { java() } else { python(name) };
        let Some(server) = server else { return };
        let done = conformance(&[&["--spawn", &server][..], &BRIEF].concat());
        let failed = done.with("must", &["fail", "inconclusive"]);
        assert!(failed.is_empty(), "{name} fails {failed:?}\n{}", done.output);
        assert_eq!(done.exit, 0, "{name}");
    });
}

#[test]
#[ignore = "takes half a minute: `.ci/run` runs it"]
fn a_slow_server_is_given_time() {
    let Some(server) = python("moods delay") else { return };
    let groups = ["--only", "conn.a*", "--only", "list.*", "--only", "msg.*", "--only", "load.no-*"];
    let done = conformance(&[&["--spawn", &server][..], &groups].concat());
    let failed = done.with("must", &["fail", "inconclusive"]);
    assert!(failed.is_empty(), "it fails {failed:?}\n{}", done.output);
}

/// It answers the first message of many only when it has read them all.
#[test]
#[ignore = "takes half a minute: `.ci/run` runs it"]
fn a_server_that_works_through_what_it_read_first_is_given_time() {
    let Some(server) = python("moods pondering") else { return };
    let groups = ["--only", "frame.out-atomic", "--only", "load.no-*", "--only", "order.fifo-private"];
    let done = conformance(&[&["--spawn", &server][..], &groups].concat());
    let bad = [done.with("must", &["fail", "inconclusive"]), done.with("should", &["fail", "inconclusive"])].concat();
    assert!(bad.is_empty(), "{bad:?}\n{}", done.output);
}

/// Eight senders at once may write more to one user than a server queues. A server may disconnect that user.
#[test]
fn a_server_that_keeps_few_messages_for_one_may_close_it() {
    let Some(server) = python("moods hub") else { return };
    let groups = ["--only", "frame.out-atomic", "--only", "order.fifo-private", "--only", "load.*"];
    let done = conformance(&[&["--spawn", &server, "--strict"][..], &groups].concat());
    assert_eq!(done.exit, 0, "{}", done.output);
    assert!(done.with("must", &["pass"]).contains(&"frame.out-atomic".to_owned()), "{}", done.output);
}

/// A server may limit its users, and must serve those that it accepts.
#[test]
fn a_server_that_takes_twenty_users_is_full_with_twenty() {
    let Some(server) = python("moods few") else { return };
    let done = conformance(&["--spawn", &server, "--only", "conn.race-distinct", "--only", "bcast.everybody"]);
    assert_eq!(done.exit, 0, "{}", done.output);
    assert_eq!(done.of("observed")["conn.race-distinct"], "it takes 20 users and no more");
    assert_eq!(done.of("status")["bcast.everybody"], "skipped", "{}", done.output);
}

/// As `socketserver` and many a tutorial have it: `listen(5)`. A client that finds no place is accepted a second later.
#[test]
fn a_short_listen_queue_is_no_fault() {
    let Some(server) = python("moods narrow") else { return };
    let done = conformance(&["--spawn", &server, "--only", "conn.race-*"]);
    assert_eq!(done.exit, 0, "{}", done.output);
    assert_eq!(done.with("must", &["pass"]).len(), 2, "{}", done.output);
}

/// The shell is gone before the server that it started has given everything back.
#[test]
fn a_server_behind_a_shell_may_take_a_moment_to_end() {
    let Some(server) = python("moods heavy") else { return };
    let server = format!("{}; true", server.trim_start_matches("exec "));
    let done = conformance(&["--spawn", &server, "--only", "robust.restart"]);
    assert_eq!(done.with("should", &["pass"]), ["robust.restart"], "{}", done.output);
}

#[test]
#[ignore = "takes half a minute: `.ci/run` runs it"]
fn the_server_without_a_fault_passes_everything_with_any_jobs() {
    each(&["1", "3"], |jobs| {
        let done =
            conformance(&[&["--spawn", &faulty_server("none"), "--strict", "--jobs", jobs][..], &BRIEF].concat());
        let failed: Vec<String> =
            done.of("status").into_iter().filter(|(_, status)| status == "fail").map(|(id, _)| id).collect();
        assert!(failed.is_empty(), "{failed:?}\n{}", done.output);
        assert_eq!(done.exit, 0);
    });
}

/// Each job has an instance of the server. `private-to-all` multiplies the messages of `frame.out-atomic` by the number of users;
/// on a busy machine that took the processor from the other instances until their checks timed out, so it is not run there.
#[test]
fn the_outcome_is_the_same_for_any_jobs() {
    for (fault, skipped) in [("carriage-return-kept", "frame.rest-forgotten"), ("private-to-all", "frame.out-atomic")] {
        let ended = |jobs: &str| {
            let groups = ["--only", "frame.*", "--only", "msg.*", "--only", "utf8.*", "--skip", "frame.partial-hold"];
            let groups = [&groups[..], &["--skip", "frame.rest-forgotten", "--skip", skipped]].concat();
            let more = ["--timeout", "500ms", "--seed", "3", "--jobs", jobs];
            conformance(&[&["--spawn", &faulty_server(fault)][..], &groups, &more].concat()).of("status")
        };
        assert_eq!(ended("1"), ended("4"), "{fault}");
    }
}

/// A server with raw framing, as the first servers of this protocol. The tool detects the framing.
#[test]
fn a_raw_server_is_detected_and_gets_advice() {
    let Some(server) = python("raw") else { return };
    // This server takes two messages that it reads at once for one, and beside other work it reads late: the many messages of
    // `frame.out-atomic` show that, rightly.
    let only = ["--only", "conn.*", "--only", "frame.*", "--skip", "frame.out-atomic", "--timeout", "1s"];
    let done = conformance(&[&["--spawn", &server][..], &only].concat());
    assert_eq!(done.result["target"]["framing"], "raw", "{}", done.output);
    assert!(done.output.contains("framing  raw: your server sends no terminator."), "{}", done.output);
    assert!(done.output.contains("--explain frame.raw-coalesced"), "{}", done.output);
    assert!(!done.output.contains("Fix this first"), "{}", done.output);
    let reasons = done.of("reason");
    assert!(reasons["frame.two-in-one"].contains("raw framing"), "{reasons:?}");
    // As in the first implementation a second CONNECT leaves a name behind: the suite has to find it.
    assert_eq!(done.with("must", &["fail"]), ["conn.twice-other"], "{}", done.output);
}
