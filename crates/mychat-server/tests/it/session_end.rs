//! The end of sessions and of the server.

use std::io::Write as _;

use crate::support::serve;

#[test]
fn frames_before_disconnect_are_delivered_and_later_ones_are_not() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send_bytes(b"BROADCAST|uno\nMESSAGE|bob|dos\nDISCONNECT\nBROADCAST|tres\n");
    bob.expect_frame("BROADCAST|ana|uno");
    bob.expect_frame("MESSAGE|ana|dos");
    bob.expect_roster(&["bob"]);
    bob.expect_nothing();
    ana.expect_frame("BROADCAST|ana|uno");
    ana.expect_end();
}

#[test]
fn replies_arrive_although_input_continues_after_disconnect() {
    let server = serve();
    let mut ana = server.join("ana");
    let script = "FOO\n".repeat(200) + "DISCONNECT\n" + &"BROADCAST|x\n".repeat(20_000);
    ana.send_bytes(script.as_bytes());
    (0..200).for_each(|_| ana.expect_error("400"));
    ana.expect_end();
}

#[test]
fn input_after_the_end_is_read_up_to_a_limit() {
    // The server reads 1 MiB after the end; the rest is what the kernel holds for both sides. Without the limit a second's
    // worth of input would be read: far more.
    const MOST: usize = 64 * 1024 * 1024;
    let server = serve();
    let mut ana = server.join("ana");
    ana.send_frame("DISCONNECT");
    let (noise, mut sent) = (vec![b'x'; 64 * 1024], 0);
    while sent < MOST {
        match ana.socket.write(&noise) {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    assert!(sent < MOST, "the server still reads after {sent} bytes");
}

#[test]
fn a_half_close_ends_the_session_after_its_frames_are_processed() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send_bytes(b"MESSAGE|bob|adios\nMESSAGE|nobody|x\nBROADCAST|unfinished");
    ana.half_close();
    bob.expect_frame("MESSAGE|ana|adios");
    bob.expect_roster(&["bob"]);
    bob.expect_nothing();
    ana.expect_error("404");
    ana.expect_end();
}

#[test]
fn a_stopping_server_flushes_replies_503_and_closes() {
    let mut server = serve();
    let (mut ana, mut unnamed) = (server.join("ana"), server.connect());
    ana.send_bytes("BROADCAST|x\n".repeat(100).as_bytes());
    ana.expect_frame("BROADCAST|ana|x");
    unnamed.send_frame("FOO");
    unnamed.expect_error("400");
    server.begin_stop();
    while ana.next().expect("a reason before the end") == "BROADCAST|ana|x" {}
    ana.expect_end();
    unnamed.expect_error("503");
    unnamed.expect_end();
    drop((ana, unnamed));
    server.wait().unwrap();
    std::net::TcpStream::connect(server.address).unwrap_err();
}

#[test]
fn a_stop_does_not_wait_for_a_peer_that_never_reads() {
    let mut server = serve();
    let _stuck = server.connect_narrow().log_in("stuck");
    let mut ana = server.join("ana");
    let content = "x".repeat(1000);
    for _ in 0..300 {
        ana.send_bytes(format!("BROADCAST|{content}\n").repeat(16).as_bytes());
        (0..16).for_each(|_| ana.expect_frame(&format!("BROADCAST|ana|{content}")));
    }
    server.begin_stop();
    server.wait().unwrap();
}
