//! Input that violates the protocol.

use super::{attack_twice, stop_and_check_stderr};

#[test]
fn bytes_one_at_a_time() {
    let arena = attack_twice(&[], |arena| {
        let mut eva = arena.connect();
        b"CONNECT|eva\nMESSAGE|eva|hola\n".iter().for_each(|byte| eva.send_bytes(&[*byte]));
        eva.expect_frame("CONNECT_ACK|OK");
        eva.expect_frame("MESSAGE|eva|hola");
    });
    stop_and_check_stderr(arena);
}

#[test]
fn a_thousand_frames_in_one_write_and_a_hundred_thousand_empty_lines() {
    let arena = attack_twice(&[], |arena| {
        let mut eva = arena.join("eva");
        eva.send_bytes((0..1000).map(|k| format!("MESSAGE|eva|{k}\n")).collect::<Vec<_>>().concat().as_bytes());
        (0..1000).for_each(|k| eva.expect_frame(&format!("MESSAGE|eva|{k}")));
        eva.send_bytes("\n".repeat(100_000).as_bytes());
        eva.expect_nothing();
    });
    stop_and_check_stderr(arena);
}

#[test]
fn ten_mebibytes_without_a_terminator() {
    let arena = attack_twice(&[], |arena| {
        use std::io::Write;
        let mut eva = arena.join("eva");
        // The server closes the connection after 64 KiB (rule F5), so the rest need not arrive.
        let _ = eva.socket.write_all(&vec![b'x'; 10 << 20]);
        drop(eva);
    });
    stop_and_check_stderr(arena);
}

#[test]
fn half_a_frame_and_slow_bytes_do_not_extend_the_handshake_timeout() {
    let arena = attack_twice(&["--handshake-timeout", "300ms"], |arena| {
        let (mut silent, mut loris) = (arena.connect(), arena.connect());
        silent.send_bytes(&[b'x'; 600]);
        loris.socket.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
        let slow = std::iter::repeat_with(|| {
            use std::io::{Read, Write};
            let _ = loris.socket.write(b"C");
            let mut byte = [0];
            // Until the reply 401 begins, or the connection is closed, there is nothing to read.
            loris.socket.read(&mut byte)
        });
        let ended = slow.take(1000).any(|read| !matches!(&read, Err(error) if is_timeout(error)));
        assert!(ended, "nothing that a peer sends extends the deadline");
        silent.expect_error("401");
        silent.expect_end();
    });
    stop_and_check_stderr(arena);
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

#[test]
fn other_protocols_on_the_port() {
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0xa5; 501]].concat();
    let arena = attack_twice(&[], |arena| {
        let mut tls = arena.connect();
        tls.send_bytes(&hello);
        tls.half_close();
        tls.expect_end();
        let mut http = arena.connect();
        http.send_bytes(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n");
        (0..2).for_each(|_| http.expect_error("400"));
    });
    stop_and_check_stderr(arena);
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
    let arena = attack_twice(&[], |arena| {
        let mut eva = arena.join("eva");
        for bytes in bad {
            eva.send_bytes(&[b"BROADCAST|x", bytes, b"\n"].concat());
            eva.expect_error("400");
            eva.send_bytes(&[bytes, b"|\n"].concat());
            eva.expect_error("400");
        }
        eva.expect_nothing();
    });
    stop_and_check_stderr(arena);
}

#[test]
fn control_characters_are_allowed_in_content_and_refused_in_names() {
    let signs = ["\0", "\x1b[2J", "\u{202e}", "\u{2028}", "\u{85}", "\u{200b}", "\u{7f}"];
    let arena = attack_twice(&["--log-level", "info"], |arena| {
        let mut eva = arena.join("eva");
        for sign in signs {
            eva.send_frame(&format!("MESSAGE|eva|a{sign}b"));
            eva.expect_frame(&format!("MESSAGE|eva|a{sign}b"));
            let mut bad = arena.connect();
            bad.send_frame(&format!("CONNECT|a{sign}b"));
            bad.expect_connect_fail("422");
        }
    });
    let output = stop_and_check_stderr(arena);
    assert!(!signs.iter().any(|sign| output.contains(sign)), "{output:?}");
}

#[test]
fn every_bad_name_and_server_only_commands() {
    let long = "x".repeat(65);
    let arena = attack_twice(&[], |arena| {
        let mut eva = arena.connect();
        for name in ["", " a", "a ", "a,b", "a|b", "\u{a0}a", "a\tb", &long] {
            eva.send_frame(&format!("CONNECT|{name}"));
            eva.expect_connect_fail("422");
        }
        for frame in ["CONNECT_ACK|OK", "USER_LIST|eva", "ERROR|503|bye", "MESSAGE", "connect|eva", "CONNECT "] {
            eva.send_frame(frame);
            eva.expect_error("400");
        }
    });
    stop_and_check_stderr(arena);
}

#[test]
fn content_cannot_forge_a_frame() {
    let arena = attack_twice(&[], |arena| {
        let (mut eva, mut leo) = (arena.join("eva"), arena.join("leo"));
        eva.send_bytes(b"MESSAGE|leo|a\rBROADCAST|forged\r\nMESSAGE|leo|b|MESSAGE|eva|c\nMESSAGE|leo|d\r\r\n");
        leo.expect_frame("MESSAGE|eva|a\rBROADCAST|forged");
        leo.expect_frame("MESSAGE|eva|b|MESSAGE|eva|c");
        leo.expect_frame("MESSAGE|eva|d\r\r");
        eva.send_frame("CONNECT|x\rERROR|1|2");
        eva.expect_connect_fail("409");
        eva.expect_nothing();
        leo.expect_nothing();
    });
    stop_and_check_stderr(arena);
}
