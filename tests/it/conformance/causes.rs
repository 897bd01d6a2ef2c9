//! Causes follow from what was seen: each is said of a server with exactly this fault, and of no server without it.

use super::{Done, conformance, each, faulty_server};

/// A fault, a check that fails, and words of the cause that only this fault has.
const CAUSES: [(&str, &str, &str); 9] = [
    ("login-in-other-words", "conn.ack-ok", "answers CONNECT with \"Welcome, NAME!\""),
    ("closes-after-accept", "conn.ack-ok", "closes each connection right after it accepted it"),
    ("messages-numbered", "frame.out-grammar", "numbers its messages"),
    ("greeting-banner", "frame.out-grammar", "greets with \"WELCOME TO THE CHAT⏎\""),
    ("prompt-for-name", "frame.out-grammar", "prompts with \"Enter your name: \""),
    ("nul-in-place-of-newline", "frame.out-terminated", "ends its messages with \"\\0\""),
    ("tilde-in-place-of-newline", "frame.out-terminated", "ends its messages with \"|~\""),
    ("reads-up-to-nul", "conn.ack-ok", "reads up to \"\\0\""),
    ("line-ends-omitted", "frame.out-terminated", "without a line end after the message"),
];

fn run(fault: &str) -> Done {
    let only = ["conn.ack-ok", "conn.duplicate", "msg.deliver", "list.format", "frame.out-*"];
    let only: Vec<&str> = only.iter().flat_map(|check| ["--only", check]).collect();
    conformance(&[&["--spawn", &faulty_server(fault), "--timeout", "600ms", "--jobs", "2"], only.as_slice()].concat())
}

#[test]
fn each_cause_is_said_of_the_server_that_has_it_and_of_no_other() {
    each(&CAUSES, |(fault, check, words)| {
        let done = run(fault);
        assert_eq!(done.of("status")[*check], "fail", "{fault}: {}", done.output);
        let likely = &done.of("likely")[*check];
        assert!(likely.contains(words), "{fault}: {likely}\n{}", done.output);
        assert_eq!(done.exit, 1, "{fault}");
        for (other, _, words) in CAUSES.iter().filter(|(other, ..)| other != fault) {
            assert!(!done.output.contains(words), "{fault} is said to have {other}: {}", done.output);
        }
    });
}

#[test]
fn a_server_without_a_fault_is_told_no_cause() {
    each(&["none", "crlf"], |server| {
        let done = run(server);
        assert_eq!(done.exit, 0, "{server}: {}", done.output);
        for words in ["Fix", "Likely", "ends its messages with", "greets", "numbers"] {
            assert!(!done.output.contains(words), "{server}: {words}\n{}", done.output);
        }
    });
}

/// The notes at the head and the check agree.
#[test]
fn a_server_that_ends_nothing_it_sends_breaks_a_must() {
    let done = run("line-ends-omitted");
    assert!(done.output.contains("frame.out-terminated reports the fault"), "{}", done.output);
    assert_eq!(done.of("status")["frame.out-terminated"], "fail", "{}", done.output);
    assert_eq!(done.result["target"]["framing"], "lf");
    assert_eq!(done.exit, 1);
}

/// A server that ends lines in CR LF keeps the protocol.
#[test]
fn a_server_with_cr_lf_is_recognised() {
    let done = run("crlf");
    assert_eq!(done.result["target"]["framing"], "crlf", "{}", done.output);
    assert!(done.output.contains("framing  crlf (it answered \"CONNECT_ACK|OK\\r⏎"), "{}", done.output);
}
