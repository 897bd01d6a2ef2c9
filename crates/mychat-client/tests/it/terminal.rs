//! Tests of the chat on a terminal.

use crate::term::Term;
use crate::test_server::TestServer;

#[test]
fn a_message_in_the_middle_of_typing_does_not_tear_the_line() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.types("half a sen").has_row("Alice> half a sen");
    server.tell("Alice", "BROADCAST|Bob|hola, how are you?");
    term.sees("how are you?").types("tence").has_row("Alice> half a sentence");
    let port = server.addr();
    insta::assert_snapshot!(term.screen().replace(&port, "ADDR"));
}

#[test]
fn a_typed_line_is_sent_and_shown_once() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.enters("hola a todos").sees("› Alice         hola a todos").has_row("Alice> ");
    server.hears("BROADCAST|hola a todos");
    assert_eq!(term.screen().matches("hola a todos").count(), 1);
}

#[test]
fn private_messages_replies_and_history() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    server.tell("Alice", "USER_LIST|Alice,Ana María,Bob");
    term.sees("Ana María, Bob joined").types("@an\t").has_row("Alice> @\"Ana María\"");
    term.enters("hola Ana").sees("→ Ana María     hola Ana");
    server.hears("MESSAGE|Ana María|hola Ana");
    // The test server knows only users who have joined.
    term.sees("no such user");
    term.enters("/reply too early").sees("nobody has written").types("\x15");
    server.tell("Alice", "MESSAGE|Bob|psst");
    term.sees("← Bob           psst").types("/re\tyes?").enters("").sees("→ Bob           yes?");
    server.hears("MESSAGE|Bob|yes?");
    term.sees_twice("no such user")
        .types("@\x1b[A")
        .has_row("Alice> @\"Ana María\" hola Ana")
        .types("\x03")
        .has_row("Alice> ");
    insta::assert_snapshot!(term.screen().replace(&server.addr(), "ADDR"));
}

#[test]
fn a_paste_of_3000_characters_takes_one_row_and_is_refused_whole() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.pastes(&"palabra ".repeat(375)).sees("+1992");
    server.tell("Alice", "BROADCAST|Bob|meanwhile");
    term.sees("meanwhile").types("\r").sees("not sent: 1992 bytes too many").sees("+1992");
    insta::assert_snapshot!(term.screen().replace(&server.addr(), "ADDR"));
}

#[test]
fn a_paste_of_lines_is_one_message_a_line() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.pastes("uno\ndos\ntres\n").has_row("Alice> uno⏎dos⏎tres").types("\r").sees("› Alice         tres");
    for text in ["uno", "dos", "tres"] {
        server.hears(&format!("BROADCAST|{text}"));
    }
}

#[test]
fn a_name_in_use_asks_for_another() {
    let server = TestServer::start();
    let _holder = Term::joined(&server.addr(), &["--name", "Alice"]);
    let mut term = Term::start(&[&server.addr(), "--name", "Alice", "--lang", "es"]);
    term.sees("está en uso").has_row("tu nombre: ").enters("a,b").sees("contiene ,").types("\x15");
    term.enters("Zoë").sees("2 aquí: Alice, Zoë").sees("no tiene salas").has_row("Zoë> ");
    insta::assert_snapshot!(term.screen().replace(&server.addr(), "ADDR"));
}

#[test]
fn a_restarted_server_is_found_again() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.types("draft").has_row("Alice> draft");
    server.go_down();
    term.sees("connection lost").has_row("Alice (offline)> draft").types("\r").sees("not sent: not connected");
    server.come_up();
    term.sees("reconnected").has_row("Alice> draft").types("\r").sees("› Alice         draft");
    server.hears("BROADCAST|draft");
}

#[test]
fn a_name_that_is_gone_after_the_restart_asks_for_another() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.types("draft").has_row("Alice> draft");
    server.refuse_next("422");
    server.drop_all();
    term.sees("your name: ").enters("Alicia").has_row("Alicia> draft");
}

#[test]
fn text_of_other_users_is_sanitized() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    server.tell("Alice", "BROADCAST|Mallory|\x1b[2J\x1b[1;1Hgone\x07\u{9b}31m \u{202e}desrever\u{200b}!");
    server.tell("Alice", "MESSAGE|\x1b[31mEve|\x1b]0;title\x07x\ry");
    server.tell("Alice", "ERROR|777|\x1b[5mblink");
    term.sees("blink").has_row("Alice> ");
    insta::assert_snapshot!(term.screen().replace(&server.addr(), "ADDR"));
}

#[test]
fn wide_characters_and_emoji_line_up() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    for from in ["Bob", "日本語", "Ñandú", "👍👍"] {
        server.tell("Alice", &format!("BROADCAST|{from}|text"));
    }
    term.sees("👍👍")
        .types("日本語 é")
        .has_row("Alice> 日本語 é")
        .types("\x1b[D\x1b[D\x1b[DX")
        .has_row("Alice> 日本X語 é");
    insta::assert_snapshot!(term.screen().replace(&server.addr(), "ADDR"));
}

#[test]
fn a_resize_redraws_the_row() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    let text = "0123456789 ".repeat(5);
    term.types(&text).sees("0123456789 0123456789").resizes(30);
    server.tell("Alice", "BROADCAST|Bob|after");
    term.has_row("Alice> ‹23456789 0123456789").resizes(80).has_row(&format!("Alice> {text}"));
}

#[test]
fn commands_help_and_leave() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.types("/u\t").has_row("Alice> /users").types("\r").enters("/dance").sees("no such command: /dance");
    term.types("\x15/\t").sees("/msg  /reply  /users  /help  /quit").types("\x15").enters("/quit");
    let (code, screen) = term.ends();
    server.hears("DISCONNECT");
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(screen.replace(&server.addr(), "ADDR"));
}

#[test]
fn keys_that_leave() {
    let server = TestServer::start();
    for key in ["\x03", "\x04"] {
        let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
        assert_eq!(term.types(key).ends().0, Some(0));
        server.hears("DISCONNECT");
    }
}

#[test]
fn every_signal_that_ends_the_program_restores_the_terminal() {
    use rustix::process::Signal;

    let server = TestServer::start();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
        assert!(!term.has_echo(), "the program draws what is typed");
        term.types("draft").has_row("Alice> draft").signal(signal);
        assert_eq!(term.ends().0, Some(130), "{signal:?}");
        server.hears("DISCONNECT");
    }
}

#[test]
fn ctrl_z_suspends_and_fg_continues() {
    let server = TestServer::start();
    let mut term = Term::start_in_shell(&[&server.addr(), "--name", "Alice"]);
    term.sees(" 1 here: ").sees("no rooms").types("draft").has_row("Alice> draft").types("\x1a").sees("stopped");
    server.tell("Alice", "BROADCAST|Bob|meanwhile");
    term.sees("meanwhile").has_row("Alice> draft").types(" two\r").sees("› Alice         draft two");
    server.hears("BROADCAST|draft two");
    term.enters("/quit");
    term.ends();
}

#[test]
fn a_raw_server_is_spoken_to_without_terminators() {
    let server = TestServer::raw();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice", "--framing", "raw"]);
    term.enters("a | b").sees("a server with raw framing does not accept |").types("\x15").enters("hola");
    server.hears("BROADCAST|hola");
    term.sees("› Alice         hola").enters("/quit");
    server.hears("DISCONNECT");
    assert_eq!(term.ends().0, Some(0));
}

#[test]
fn an_unreachable_server_is_reported() {
    let mut term = Term::start(&["127.0.0.1:1", "--name", "Alice"]);
    let (code, screen) = term.ends();
    assert_eq!(code, Some(3));
    insta::assert_snapshot!(screen);
}

#[test]
fn without_reconnect_a_loss_ends() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice", "--no-reconnect"]);
    server.drop_all();
    assert_eq!(term.sees("connection lost").ends().0, Some(3));
}

#[test]
fn waiting_for_a_silent_server_can_be_ended() {
    // The system's queue accepts the connection, and no server answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let mut term = Term::start(&[&addr, "--name", "Alice"]);
    term.sees("connecting… ").types("early").has_row("connecting… early").types("\x03\x03");
    assert_eq!(term.ends().0, Some(130));
}
