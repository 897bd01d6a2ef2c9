//! A server that dies: the first finding of every report, with the check, the exit status and what it printed.

use std::process::{Child, Command, Stdio};

use super::{Done, conformance, python};

const EXCEPTION: &str = "IndexError: list index out of range (fragile.py, line 34, in handle)";

fn assert_finding(done: &Done, finding: &str) {
    assert_eq!(done.exit, 1, "{}", done.output);
    let (top, first_card) = (done.output.find(finding), done.output.find("\n  When "));
    assert!(top.is_some() && first_card.is_none_or(|card| top < Some(card)), "not at the top: {}", done.output);
    let first = done.output.rsplit("Fix first").next().expect("a last part");
    assert!(first.contains(finding), "not what to fix first: {}", done.output);
    assert_eq!(done.result["notes"][0], finding, "the other reports begin with the notes");
}

#[test]
fn a_traceback_is_the_cause_and_the_check_that_provoked_it_is_named() {
    let Some(server) = python("fragile") else { return };
    let only = ["--only", "msg.deliver", "--only", "msg.missing-content", "--only", "cmd.unknown", "--jobs", "1"];
    let done = conformance(&[&["--spawn", &server][..], &only].concat());
    assert_finding(&done, "The server died in msg.missing-content: its process ended with exit status 1");
    let first = done.output.rsplit("Fix first").next().expect("a last part");
    assert!(first.contains(EXCEPTION) && first.contains("--only msg.missing-content"), "{}", done.output);
    let likely = &done.of("likely")["msg.missing-content"];
    assert_eq!(likely, &format!("the server printed an exception during this check: {EXCEPTION}"), "{}", done.output);
    // It was started again.
    assert_eq!(done.of("status")["cmd.unknown"], "pass", "{}", done.output);
    assert!(done.output.contains("it wrote: Traceback (most recent call last):"), "{}", done.output);
}

/// The second card has the output of its own check, not of the first one.
#[test]
fn each_card_has_the_output_of_its_own_check() {
    let Some(server) = python("fragile") else { return };
    let only = ["--only", "msg.missing-content", "--only", "utf8.invalid-content", "--jobs", "1"];
    let done = conformance(&[&["--spawn", &server][..], &only].concat());
    let checks = done.result["checks"].as_array().expect("checks");
    let output = |id: &str| {
        let check = checks.iter().find(|check| check["id"] == id).expect(id);
        check["server_output"].to_string()
    };
    assert!(output("msg.missing-content").contains("IndexError"), "{}", done.output);
    let second = output("utf8.invalid-content");
    assert!(second.contains("UnicodeDecodeError") && !second.contains("IndexError"), "{second}");
    assert!(done.output.contains("The same happened in 2 checks"), "{}", done.output);
}

/// A server that the tool did not start; it is killed when this is dropped.
struct Fragile(Child);

impl Drop for Fragile {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_kills_servers_comes_last_where_nobody_starts_them_again() {
    let Some(command) = python("fragile") else { return };
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    let command = command.replace("{port}", &port.to_string());
    let server = Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).spawn().expect("sh runs");
    let _server = Fragile(server);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    let target = format!("127.0.0.1:{port}");
    // The check that kills it stands before the others in the catalogue.
    let only =
        ["--only", "utf8.invalid-content", "--only", "msg.deliver", "--only", "list.join-others", "--timeout", "1s"];
    let done = conformance(&[&["--target", &target][..], &only].concat());
    assert_finding(&done, "The server died in utf8.invalid-content: the server no longer accepts connections");
    let status = done.of("status");
    assert_eq!(
        (status["msg.deliver"].as_str(), status["list.join-others"].as_str()),
        ("pass", "pass"),
        "{}",
        done.output
    );
    assert!(done.output.contains("With --spawn 'COMMAND' instead of --target"), "{}", done.output);
}
