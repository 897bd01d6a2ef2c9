//! Bytes that are not what the protocol says.

use super::{quiet_end, survives};

#[test]
fn bytes_one_at_a_time() {
    let arena = survives(&[], |arena| {
        let mut eva = arena.connect();
        b"CONNECT|eva\nMESSAGE|eva|hola\n".iter().for_each(|byte| eva.send(&[*byte]));
        eva.hears("CONNECT_ACK|OK");
        eva.hears("MESSAGE|eva|hola");
    });
    quiet_end(arena);
}

#[test]
fn a_thousand_frames_in_one_write_and_a_hundred_thousand_empty_lines() {
    let arena = survives(&[], |arena| {
        let mut eva = arena.join("eva");
        eva.send((0..1000).map(|k| format!("MESSAGE|eva|{k}\n")).collect::<Vec<_>>().concat().as_bytes());
        (0..1000).for_each(|k| eva.hears(&format!("MESSAGE|eva|{k}")));
        eva.send("\n".repeat(100_000).as_bytes());
        eva.hears_nothing();
    });
    quiet_end(arena);
}

#[test]
fn ten_mebibytes_without_an_end() {
    let arena = survives(&[], |arena| {
        use std::io::Write;
        let mut eva = arena.join("eva");
        // The connection is given up after 64 KiB (rule F5), so the rest need not arrive.
        let _ = eva.socket.write_all(&vec![b'x'; 10 << 20]);
        drop(eva);
    });
    quiet_end(arena);
}

#[test]
fn silence_after_half_a_frame_and_a_byte_at_a_time_end_at_the_handshake_deadline() {
    let arena = survives(&["--handshake-timeout", "300ms"], |arena| {
        let (mut silent, mut loris) = (arena.connect(), arena.connect());
        silent.send(&[b'x'; 600]);
        loris.socket.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
        let slow = std::iter::repeat_with(|| {
            use std::io::{Read, Write};
            let _ = loris.socket.write(b"C");
            let mut byte = [0];
            // The answer 401 begins, or the connection is gone; before that there is nothing to read.
            loris.socket.read(&mut byte)
        });
        let ended = slow.take(1000).any(|read| !matches!(&read, Err(error) if is_timeout(error)));
        assert!(ended, "nothing that a peer sends extends the deadline");
        silent.hears_error("401");
        silent.hears_end();
    });
    quiet_end(arena);
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

#[test]
fn other_protocols_on_the_port() {
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0xa5; 501]].concat();
    let arena = survives(&[], |arena| {
        let mut tls = arena.connect();
        tls.send(&hello);
        tls.half_close();
        tls.hears_end();
        let mut http = arena.connect();
        http.send(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n");
        (0..2).for_each(|_| http.hears_error("400"));
    });
    quiet_end(arena);
}

#[test]
fn invalid_utf8_of_every_kind() {
    let bad: [&[u8]; 9] = [
        b"\xff",
        b"\x80",
        b"\xc0\x80",
        b"\xc3",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
    ];
    let arena = survives(&[], |arena| {
        let mut eva = arena.join("eva");
        for bytes in bad {
            eva.send(&[b"BROADCAST|x", bytes, b"\n"].concat());
            eva.hears_error("400");
            eva.send(&[bytes, b"|\n"].concat());
            eva.hears_error("400");
        }
        eva.hears_nothing();
    });
    quiet_end(arena);
}

#[test]
fn characters_that_terminals_obey_are_content_and_never_names() {
    let signs = ["\0", "\x1b[2J", "\u{202e}", "\u{2028}", "\u{85}", "\u{200b}", "\u{7f}"];
    let arena = survives(&["--log-level", "info"], |arena| {
        let mut eva = arena.join("eva");
        for sign in signs {
            eva.say(&format!("MESSAGE|eva|a{sign}b"));
            eva.hears(&format!("MESSAGE|eva|a{sign}b"));
            let mut bad = arena.connect();
            bad.say(&format!("CONNECT|a{sign}b"));
            bad.is_refused("422");
        }
    });
    let said = quiet_end(arena);
    assert!(!signs.iter().any(|sign| said.contains(sign)), "{said:?}");
}

#[test]
fn every_bad_name_and_server_only_commands() {
    let long = "x".repeat(65);
    let arena = survives(&[], |arena| {
        let mut eva = arena.connect();
        for name in ["", " a", "a ", "a,b", "a|b", "\u{a0}a", "a\tb", &long] {
            eva.say(&format!("CONNECT|{name}"));
            eva.is_refused("422");
        }
        for frame in ["CONNECT_ACK|OK", "USER_LIST|eva", "ERROR|503|bye", "MESSAGE", "connect|eva", "CONNECT "] {
            eva.say(frame);
            eva.hears_error("400");
        }
    });
    quiet_end(arena);
}

#[test]
fn nothing_smuggles_a_frame() {
    let arena = survives(&[], |arena| {
        let (mut eva, mut leo) = (arena.join("eva"), arena.join("leo"));
        eva.send(b"MESSAGE|leo|a\rBROADCAST|forged\r\nMESSAGE|leo|b|MESSAGE|eva|c\nMESSAGE|leo|d\r\r\n");
        leo.hears("MESSAGE|eva|a\rBROADCAST|forged");
        leo.hears("MESSAGE|eva|b|MESSAGE|eva|c");
        leo.hears("MESSAGE|eva|d\r\r");
        eva.say("CONNECT|x\rERROR|1|2");
        eva.is_refused("409");
        eva.hears_nothing();
        leo.hears_nothing();
    });
    quiet_end(arena);
}
