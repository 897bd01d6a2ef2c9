//! Rules S: the syntax of commands.

use crate::support::serve;

#[test]
fn s1_commands_are_upper_case() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.send_frame("broadcast|hola");
    ana.expect_error("400");
    ana.send_frame(" BROADCAST|hola");
    ana.expect_error("400");
}

#[test]
fn s2_the_last_parameter_takes_pipes() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send_frame("MESSAGE|bob|a|b||");
    bob.expect_frame("MESSAGE|ana|a|b||");
    ana.send_frame("BROADCAST||");
    bob.expect_frame("BROADCAST|ana||");
}

#[test]
fn s3_disconnect_may_have_a_pipe() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.send_frame("DISCONNECT|");
    ana.expect_end();
}

#[test]
fn s4_malformed_frames_get_400_and_the_session_continues() {
    let server = serve();
    let mut ana = server.join("ana");
    let bad =
        ["FOO", "|", "BROADCAST", "BROADCAST|", "MESSAGE", "MESSAGE|ana", "MESSAGE|ana|", "MESSAGE||x", "CONNECT"];
    let from_server = ["USER_LIST|ana", "CONNECT_ACK|OK", "ERROR|404|x", "DISCONNECT|x"];
    for frame in bad.into_iter().chain(from_server) {
        ana.send_frame(frame);
        ana.expect_error("400");
    }
    ana.expect_nothing();
}

#[test]
fn s5_content_is_forwarded_byte_for_byte() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    for content in ["  blanks  ", "tab\tand\0nul", "\u{1b}[31mrot", "\u{202e}bidi", "\u{2028}", "¿cómo estás? 👋"]
    {
        ana.send_frame(&format!("MESSAGE|bob|{content}"));
        bob.expect_frame(&format!("MESSAGE|ana|{content}"));
    }
}

#[test]
fn s6_the_first_broken_rule_decides_the_error() {
    let server = serve();
    let mut ana = server.connect();
    for (frame, code) in [("FOO|\u{1}", "400"), ("MESSAGE|nobody|x", "401"), ("CONNECT", "400")] {
        ana.send_frame(frame);
        ana.expect_error(code);
    }
    for name in ["", "a|b"] {
        ana.send_frame(&format!("CONNECT|{name}"));
        ana.expect_connect_fail("422");
    }
    let mut ana = ana.log_in("ana");
    ana.send_frame("CONNECT|");
    ana.expect_connect_fail("409");
    ana.send_frame(&format!("MESSAGE|nobody|{}", "x".repeat(1009)));
    ana.expect_error("404");
}
