//! How sessions and the server end.

use crate::kit::serve;

#[test]
fn a_message_before_disconnect_in_one_write_is_delivered_and_what_follows_is_not() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send(b"BROADCAST|uno\nMESSAGE|bob|dos\nDISCONNECT\nBROADCAST|tres\n");
    bob.hears("BROADCAST|ana|uno");
    bob.hears("MESSAGE|ana|dos");
    bob.hears_list(&["bob"]);
    bob.hears_nothing();
    ana.hears("BROADCAST|ana|uno");
    ana.hears_end();
}

#[test]
fn a_leaver_gets_its_answers_however_much_it_still_says() {
    let server = serve();
    let mut ana = server.join("ana");
    let script = "FOO\n".repeat(200) + "DISCONNECT\n" + &"BROADCAST|x\n".repeat(20_000);
    ana.send(script.as_bytes());
    (0..200).for_each(|_| ana.hears_error("400"));
    ana.hears_end();
}

#[test]
fn a_fin_is_a_leave_and_what_was_said_before_is_done_and_answered() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send(b"MESSAGE|bob|adios\nMESSAGE|nobody|x\nBROADCAST|unfinished");
    ana.half_close();
    bob.hears("MESSAGE|ana|adios");
    bob.hears_list(&["bob"]);
    bob.hears_nothing();
    ana.hears_error("404");
    ana.hears_end();
}

#[test]
fn a_server_that_stops_flushes_says_why_and_closes() {
    let mut server = serve();
    let (mut ana, mut unnamed) = (server.join("ana"), server.connect());
    ana.send("BROADCAST|x\n".repeat(100).as_bytes());
    ana.hears("BROADCAST|ana|x");
    unnamed.say("FOO");
    unnamed.hears_error("400");
    server.start_stop();
    while ana.next().expect("a reason before the end") == "BROADCAST|ana|x" {}
    ana.hears_end();
    unnamed.hears_error("503");
    unnamed.hears_end();
    drop((ana, unnamed));
    server.wait().unwrap();
    std::net::TcpStream::connect(server.address).unwrap_err();
}

#[test]
fn a_stop_does_not_wait_for_a_peer_that_never_reads() {
    let mut server = serve();
    let _stuck = server.connect_narrow().named("stuck");
    let mut ana = server.join("ana");
    let content = "x".repeat(1000);
    for _ in 0..300 {
        ana.send(format!("BROADCAST|{content}\n").repeat(16).as_bytes());
        (0..16).for_each(|_| ana.hears(&format!("BROADCAST|ana|{content}")));
    }
    server.start_stop();
    server.wait().unwrap();
}
