//! Servers that interpret the protocol differently are driven accordingly and lose nothing.

use mychat_tests::TestServer;

use crate::run;

const SOME: &str = "
name: some
users:
  talkers: { count: 6, rate: 60/s, do: [ { broadcast: {} }, { private: { to: talkers } }, { private: { to: nobody } } ] }
  movers: { count: 4, session: 300ms..600ms, think: 50ms, leave: [disconnect, fin], do: [ { private: { to: talkers } } ] }
load: [ { hold: 1500ms } ]
expect: [ \"lost == 0\", \"duplicated == 0\", \"corrupted == 0\", \"wrong_replies == 0\", \"errors == 0%\", \"disconnects == 0\" ]
";

fn python(server: &str) -> Option<String> {
    let found =
        std::process::Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    found.then(|| format!("python3 {}/servers/{server}.py {{port}}", env!("CARGO_MANIFEST_DIR")))
}

#[test]
fn a_server_without_line_ends_echo_and_errors_is_found_out_and_loses_nothing() {
    let Some(command) = python("raw") else { return };
    // To this server, two messages that it reads at once are one. On a busy machine it reads late, so no user sends twice within
    // 100 ms, or sends DISCONNECT behind a message.
    let text = SOME.replace("rate: 60/s", "rate: 8/s each, arrivals: even").replace("think: 50ms", "think: 150ms");
    let text = text.replace("[disconnect, fin]", "[fin]");
    let outcome = run(&text).arg("--spawn").arg(command).go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    assert_eq!(outcome.json["target"]["framing"], "raw");
    assert!(outcome.stdout.contains("uses raw framing"), "{}", outcome.stdout);
    assert!(outcome.count("delivered") > 100);
}

#[test]
fn every_python_server_of_ours_is_driven_as_it_reads() {
    for server in ["threads", "loop", "terse"] {
        let Some(command) = python(server) else { return };
        let outcome = run(SOME).arg("--spawn").arg(command).go();
        assert!(outcome.expectations_hold(), "{server}: {}", outcome.output());
    }
}

#[test]
fn crlf_is_spoken_where_it_is_asked_for() {
    let server = TestServer::start();
    let outcome = run(SOME).target(server.address()).arg("--framing").arg("crlf").go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    assert_eq!(outcome.json["target"]["framing"], "crlf");
}

#[test]
fn the_reference_server_serves_raw_users_that_come_and_go() {
    let server = TestServer::with(|config| config.framing = mychat_server::ServerFraming::Raw);
    let outcome = run(SOME).target(server.address()).go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    assert_eq!(outcome.json["target"]["framing"], "raw");
}

#[test]
fn half_frames_make_no_sense_without_line_ends() {
    let Some(command) = python("raw") else { return };
    let text = SOME.replace("{ private: { to: nobody } }", "{ half_frame: { stall: 100ms } }");
    let outcome = run(&text).arg("--spawn").arg(command).go();
    assert_eq!(outcome.code, 2, "{}", outcome.output());
    assert!(outcome.stderr.contains("half_frame"), "{}", outcome.stderr);
}

#[test]
fn a_profile_that_is_none_is_a_usage_error_with_its_reason() {
    let server = TestServer::start();
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "broadcast_echo: sometimes\n").expect("it can be written");
    let outcome = run(SOME).target(server.address()).arg("--profile").arg(file.path().display()).go();
    assert_eq!(outcome.code, 2, "{}", outcome.output());
    assert!(outcome.stderr.contains("one of true, false, not `sometimes`"), "{}", outcome.stderr);
}

/// A frame as it stands, with an answer that fits, one that does not, and one that closes the connection.
#[test]
fn frames_as_they_stand_are_answered_or_found_out() {
    let server = TestServer::start();
    let text = |action: &str| {
        format!(
            "name: frames\nusers:\n  odd: {{ count: 3, rate: 60/s, do: [ {{ frame: {action} }} ] }}\n\
             load: [ {{ hold: 1s }} ]\nexpect: [ \"wrong_replies == 0\", \"errors == 0%\" ]\n"
        )
    };
    let fits = run(&text("{ text: \"NONSENSE|x\", gets: [\"ERROR|*|*\", closed] }")).target(server.address()).go();
    assert!(fits.expectations_hold(), "{}", fits.output());
    assert!(fits.json["latency"]["ack"]["count"].as_u64().unwrap() >= 30, "{}", fits.output());

    let other = run(&text("{ text: \"NONSENSE|x\", gets: \"ERROR|999|*\" }")).target(server.address()).go();
    assert_eq!(other.code, 1, "{}", other.output());
    assert_eq!(other.count("wrong_replies"), other.count("sent"), "{}", other.output());

    let closes = run(&text("{ text: DISCONNECT, gets: closed }")).target(server.address()).go();
    assert!(closes.expectations_hold(), "{}", closes.output());
    assert_eq!(closes.count("disconnects"), 0);
    assert!(closes.count("connected") > 3, "they come back: {}", closes.output());
}
