//! Tests of rooms on a terminal, with the reference server.

use crate::reference_server::ReferenceServer;
use crate::term::Term;
use crate::test_server::TestServer;

fn joined(server: &ReferenceServer, name: &str, args: &[&str]) -> Term {
    let mut term = Term::start(&[&[&*server.addr(), "--name", name], args].concat());
    term.sees(&format!("{name}> "));
    term
}

#[test]
fn two_users_talk_in_rooms() {
    let server = ReferenceServer::start();
    let mut ana = joined(&server, "Ana", &[]);
    ana.enters("/join garden").sees("1 in #garden: Ana").has_row("Ana #garden> ");
    let mut bob = joined(&server, "Bob", &["--lang", "es"]);
    bob.enters("/entrar #garden").sees("2 en #garden: Ana, Bob").has_row("Bob #garden> ");
    bob.enters("hola a todas").sees("› Bob           hola a todas");
    ana.sees("  Bob           hola a todas");
    // What comes while another conversation is shown waits, and is counted.
    ana.enters("/join #shed").sees("1 in #shed").has_row("Ana #shed> ");
    bob.enters("¿Ana?").enters("/todos buenas");
    ana.has_row("Ana #shed [+2!]> ").types("\t").has_row("Ana [#garden 1!]> ").sees("  Bob           buenas");
    ana.types("\t").has_row("Ana #garden> ").sees("* Bob           ¿Ana?");
    ana.enters("#shed from afar").sees("› #shed         from afar").enters("/mode quiet");
    bob.sees("hizo #garden callada").enters("puedo?").sees("solo hablan los operadores; pídelo a Ana");
    ana.enters("/kick Bob").sees("Ana removed Bob");
    bob.sees("Ana te sacó de #garden").has_row("Bob #garden (no estás)> ");
    bob.enters("secreto").sees("no estás en #garden").has_row("Bob #garden (no estás)> secreto");
    // The row scrolls when the program has seen the new size. Keys that come together with it may wait for the next key.
    let draft = "0123456789".repeat(4);
    ana.types(&draft).sees(&draft).resizes(40).sees("‹").types("\x15");
    ana.enters("/rooms").sees("> #garden  1 here").has_row("Ana #garden> ");
}

#[test]
fn tab_still_completes_names_and_rooms() {
    let server = ReferenceServer::start();
    let mut ana = joined(&server, "Ana", &[]);
    ana.enters("/join garden").sees("1 in #garden").types("@a\t").has_row("Ana #garden> @Ana");
    ana.types("\x15#g\t").has_row("Ana #garden> #garden").types("\x15/inv\t").has_row("Ana #garden> /invite");
    ana.types("an\t").has_row("Ana #garden> /invite Ana").types("\x15draft\x1b[Z").has_row("Ana> draft");
}

#[test]
fn a_server_without_rooms_is_reported_once_and_offers_none() {
    let server = TestServer::start();
    let mut term = Term::joined(&server.addr(), &["--name", "Alice"]);
    term.types("/\t").sees("/msg  /reply  /users  /help  /quit").types("\x15");
    server.drop_all();
    term.sees("reconnected").enters("hola").sees("› Alice         hola");
    assert_eq!(term.screen().matches("no rooms").count(), 1);
    term.enters("#garden secret").sees("not sent: this server has no rooms").has_row("Alice> #garden secret");
    term.types("\x15/he\t\r").sees("marks:").has_row("Alice> ");
    assert!(!term.screen().contains("/join"), "{}", term.screen());
}

#[test]
fn a_reconnection_joins_the_rooms_again_also_under_another_name() {
    let server = TestServer::with_rooms();
    let mut term = Term::start(&[&server.addr(), "--name", "Alice"]);
    term.sees(" 1 here: ").enters("/join garden").sees("1 in #garden: Alice").types("draft");
    server.drop_all();
    term.sees("joined #garden again").has_row("Alice #garden> draft");
    // Text for a room stays text for this room.
    server.refuse_next("422");
    server.drop_all();
    term.sees("your name: ").enters("Alicia").sees("1 in #garden: Alicia").has_row("Alicia #garden> draft");
}
