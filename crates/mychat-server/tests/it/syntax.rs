//! Rules S: what a frame says.

use crate::kit::serve;

#[test]
fn s1_commands_are_upper_case() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.say("broadcast|hola");
    ana.hears_error("400");
    ana.say(" BROADCAST|hola");
    ana.hears_error("400");
}

#[test]
fn s2_the_last_parameter_takes_pipes() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.say("MESSAGE|bob|a|b||");
    bob.hears("MESSAGE|ana|a|b||");
    ana.say("BROADCAST||");
    bob.hears("BROADCAST|ana||");
}

#[test]
fn s3_disconnect_may_have_a_pipe() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.say("DISCONNECT|");
    ana.hears_end();
}

#[test]
fn s4_malformed_frames_are_answered_and_the_session_goes_on() {
    let server = serve();
    let mut ana = server.join("ana");
    let bad =
        ["FOO", "|", "BROADCAST", "BROADCAST|", "MESSAGE", "MESSAGE|ana", "MESSAGE|ana|", "MESSAGE||x", "CONNECT"];
    let from_server = ["USER_LIST|ana", "CONNECT_ACK|OK", "ERROR|404|x", "DISCONNECT|x"];
    for frame in bad.into_iter().chain(from_server) {
        ana.say(frame);
        ana.hears_error("400");
    }
    ana.hears_nothing();
}

#[test]
fn s5_content_is_forwarded_byte_for_byte() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    for content in ["  blanks  ", "tab\tand\0nul", "\u{1b}[31mrot", "\u{202e}bidi", "\u{2028}", "¿cómo estás? 👋"]
    {
        ana.say(&format!("MESSAGE|bob|{content}"));
        bob.hears(&format!("MESSAGE|ana|{content}"));
    }
}

#[test]
fn s6_the_first_broken_rule_is_the_one_answered() {
    let server = serve();
    let mut ana = server.connect();
    for (frame, code) in [("FOO|\u{1}", "400"), ("MESSAGE|nobody|x", "401"), ("CONNECT", "400")] {
        ana.say(frame);
        ana.hears_error(code);
    }
    for name in ["", "a|b"] {
        ana.say(&format!("CONNECT|{name}"));
        ana.is_refused("422");
    }
    let mut ana = ana.named("ana");
    ana.say("CONNECT|");
    ana.is_refused("409");
    ana.say(&format!("MESSAGE|nobody|{}", "x".repeat(1009)));
    ana.hears_error("404");
}
