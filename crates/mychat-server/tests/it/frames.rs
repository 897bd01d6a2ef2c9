//! Rules F: frames and their terminators.

use crate::support::serve;

#[test]
fn f2_frames_may_arrive_byte_by_byte_or_all_at_once() {
    let server = serve();
    let mut ana = server.connect();
    for byte in "CONNECT|ana\nBROADCAST|uno\n".bytes() {
        ana.send_bytes(&[byte]);
    }
    ana.expect_frame("CONNECT_ACK|OK");
    ana.expect_frame("BROADCAST|ana|uno");
    let many: Vec<String> = (0..1000).map(|k| format!("BROADCAST|{k}")).collect();
    ana.send_bytes((many.join("\n") + "\n").as_bytes());
    (0..1000).for_each(|k| ana.expect_frame(&format!("BROADCAST|ana|{k}")));
}

#[test]
fn f2_one_cr_belongs_to_the_terminator() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.send_bytes(b"BROADCAST|uno\r\nBROADCAST|dos\r\r\n");
    ana.expect_frame("BROADCAST|ana|uno");
    ana.expect_frame("BROADCAST|ana|dos\r\r");
}

#[test]
fn f3_a_frame_of_1024_bytes_passes_and_one_more_does_not() {
    let server = serve();
    let mut ana = server.join("ana");
    let content = "x".repeat(1024 - "BROADCAST|ana|".len());
    ana.send_frame(&format!("BROADCAST|{content}"));
    ana.expect_frame(&format!("BROADCAST|ana|{content}"));
    ana.send_frame(&format!("BROADCAST|{}", "x".repeat(1024 - "BROADCAST|".len() + 1)));
    ana.expect_error("413");
    ana.expect_nothing();
}

#[test]
fn f4_empty_frames_are_ignored() {
    let server = serve();
    let mut ana = server.connect();
    ana.send_bytes(b"\n\r\n\nCONNECT|ana\n\n\n");
    ana.expect_frame("CONNECT_ACK|OK");
    ana.expect_nothing();
}

#[test]
fn f5_an_oversize_frame_gets_one_error_and_the_session_continues() {
    let server = serve();
    let mut ana = server.join("ana");
    let nested = format!("BROADCAST|{}BROADCAST|inside", "x".repeat(60_000));
    ana.send_frame(&nested);
    ana.expect_error("413");
    ana.send_frame("BROADCAST|after");
    ana.expect_frame("BROADCAST|ana|after");
}

#[test]
fn f5_64_kib_without_a_terminator_end_the_connection() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send_bytes(&vec![b'x'; 65 * 1024]);
    ana.expect_error("413");
    ana.expect_end();
    bob.expect_roster(&["bob"]);
}

#[test]
fn f6_invalid_utf8_gets_one_error_and_the_session_continues() {
    let server = serve();
    let mut ana = server.join("ana");
    for bad in [&b"BROADCAST|\xff"[..], b"\xc0\xaf", b"BROADCAST|\xed\xa0\x80", b"BROADCAST|\xf4\x90\x80\x80"] {
        ana.send_bytes(bad);
        ana.send_bytes(b"\n");
        ana.expect_error("400");
    }
    ana.expect_nothing();
}
