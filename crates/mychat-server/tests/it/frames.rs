//! Rules F: what a frame is.

use crate::kit::serve;

#[test]
fn f2_frames_may_come_byte_by_byte_or_all_at_once() {
    let server = serve();
    let mut ana = server.connect();
    for byte in "CONNECT|ana\nBROADCAST|uno\n".bytes() {
        ana.send(&[byte]);
    }
    ana.hears("CONNECT_ACK|OK");
    ana.hears("BROADCAST|ana|uno");
    let many: Vec<String> = (0..1000).map(|k| format!("BROADCAST|{k}")).collect();
    ana.send((many.join("\n") + "\n").as_bytes());
    (0..1000).for_each(|k| ana.hears(&format!("BROADCAST|ana|{k}")));
}

#[test]
fn f2_one_cr_belongs_to_the_terminator() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.send(b"BROADCAST|uno\r\nBROADCAST|dos\r\r\n");
    ana.hears("BROADCAST|ana|uno");
    ana.hears("BROADCAST|ana|dos\r\r");
}

#[test]
fn f3_a_frame_of_1024_bytes_passes_and_one_more_does_not() {
    let server = serve();
    let mut ana = server.join("ana");
    let content = "x".repeat(1024 - "BROADCAST|ana|".len());
    ana.say(&format!("BROADCAST|{content}"));
    ana.hears(&format!("BROADCAST|ana|{content}"));
    ana.say(&format!("BROADCAST|{}", "x".repeat(1024 - "BROADCAST|".len() + 1)));
    ana.hears_error("413");
    ana.hears_nothing();
}

#[test]
fn f4_empty_frames_are_ignored() {
    let server = serve();
    let mut ana = server.connect();
    ana.send(b"\n\r\n\nCONNECT|ana\n\n\n");
    ana.hears("CONNECT_ACK|OK");
    ana.hears_nothing();
}

#[test]
fn f5_an_oversize_frame_is_one_error_and_the_session_goes_on() {
    let server = serve();
    let mut ana = server.join("ana");
    let nested = format!("BROADCAST|{}BROADCAST|inside", "x".repeat(60_000));
    ana.say(&nested);
    ana.hears_error("413");
    ana.say("BROADCAST|after");
    ana.hears("BROADCAST|ana|after");
}

#[test]
fn f5_64_kib_without_a_terminator_end_the_connection() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send(&vec![b'x'; 65 * 1024]);
    ana.hears_error("413");
    ana.hears_end();
    bob.hears_list(&["bob"]);
}

#[test]
fn f6_not_utf8_is_one_error_and_the_session_goes_on() {
    let server = serve();
    let mut ana = server.join("ana");
    for bad in [&b"BROADCAST|\xff"[..], b"\xc0\xaf", b"BROADCAST|\xed\xa0\x80", b"BROADCAST|\xf4\x90\x80\x80"] {
        ana.send(bad);
        ana.send(b"\n");
        ana.hears_error("400");
    }
    ana.hears_nothing();
}
