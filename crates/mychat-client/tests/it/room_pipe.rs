//! Tests of rooms in a pipe, with the reference server.

use std::io::Write as _;

use crate::pipe::{Bot, next_line, run, start_bot};
use crate::reference_server::ReferenceServer;

fn type_line(bot: &mut Bot, line: &str) {
    bot.0.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[test]
fn lines_for_a_room_reach_its_members_alone() {
    let server = ReferenceServer::start();
    let (mut ana, mut heard) = start_bot(&server.addr(), "Ana");
    type_line(&mut ana, "/join #\"my room\"");
    assert_eq!(next_line(&mut heard, "operators"), "operators\tmy room\tAna\n");
    let (code, output, errors) = run(&[&server.addr(), "-n", "Bob"], "#\"my room\" hola | todos\n#shed alone\n##all\n");
    assert_eq!((code, errors.as_str()), (0, ""), "{output}");
    assert!(output.contains("\nsay\tshed\tBob\talone\n"), "{output}");
    assert_eq!(next_line(&mut heard, "say"), "say\tmy room\tBob\thola | todos\n");
    assert_eq!(next_line(&mut heard, "broadcast"), "broadcast\tBob\t#all\n");
    assert_eq!(next_line(&mut heard, "room_left"), "room_left\tmy room\tBob\n");
}

#[test]
fn every_command_of_operators_is_within_reach() {
    let server = ReferenceServer::start();
    let (_bob, mut heard) = start_bot(&server.addr(), "Bob");
    let commands = "/join #r\n/topic #r spring\n/mode private #r\n/mode public #r\n/mode quiet #r\n/mode open #r\n\
                    /invite Bob #r\n/ban Bob #r\n/unban Bob #r\n/grant Ana #r\n/revoke Ana #r\n/members #r\n/rooms\n\
                    /kick Ana #r\n";
    let (code, output, errors) = run(&[&server.addr(), "-n", "Ana", "--json"], commands);
    assert_eq!((code, errors.as_str()), (0, ""), "{output}");
    assert_eq!(next_line(&mut heard, "invite"), "invite\tr\tAna\tBob\n");
    let lines: Vec<_> = output.lines().filter(|line| line.contains("\"room") && line.contains("\"r\"")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn one_message_to_a_room_has_its_exit_code() {
    let server = ReferenceServer::start();
    let (mut ana, mut heard) = start_bot(&server.addr(), "Ana");
    for line in ["/join r", "/ban Eve #r", "/mode quiet #r"] {
        type_line(&mut ana, line);
    }
    next_line(&mut heard, "mode\t");
    let addr = server.addr();
    let once = |name: &str, lang: &str, text: &str| run(&[&addr, "-n", name, "--lang", lang, "--once", text], "");
    let (code, _, errors) = once("Bob", "en", "#r hola");
    assert_eq!((code, errors.as_str()), (1, "mychat: not sent: #r is quiet, only operators may speak\n"));
    let (code, _, errors) = once("Eve", "es", "#r hola");
    assert_eq!(code, 1);
    assert!(errors.starts_with("mychat: #r no te deja entrar"), "{errors}");
    type_line(&mut ana, "/mode open #r");
    next_line(&mut heard, "mode\t");
    assert_eq!(once("Bob", "en", "#r hola"), (0, String::new(), String::new()));
    assert_eq!(next_line(&mut heard, "say"), "say\tr\tBob\thola\n");
}

#[test]
fn a_server_without_rooms_gets_nothing_that_was_meant_for_a_room() {
    let server = crate::test_server::TestServer::start();
    let input = "#garden secret\n/join garden\n/leave\n##tag\n";
    let (code, output, errors) = run(&[&server.addr(), "-n", "Ana"], input);
    assert_eq!(code, 1);
    assert!(!output.contains("secret") && output.contains("broadcast\tAna\t#tag"), "{output}");
    insta::assert_snapshot!(errors);
    let (code, _, errors) = run(&[&server.addr(), "-n", "Ana", "--once", "#garden secret"], "");
    assert_eq!(code, 1);
    assert!(errors.contains("this server has no rooms"), "{errors}");
}
