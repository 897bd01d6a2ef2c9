//! Checks that written commands and replies parse back, and that no input causes a panic.

use mychat_proto::{AckStatus, Command, EncodeError, ErrorCode, Frame, MAX_FRAME, Reply, UserList, UserName};
use proptest::prelude::*;

use crate::any;

/// Words that begin frames, or stand in them.
const WORDS: &[&str] = &["CONNECT", "CONNECT_ACK", "DISCONNECT", "MESSAGE", "BROADCAST", "USER_LIST", "ERROR", "OK"];

fn command<'a>(kind: u8, one: &'a str, two: &'a str) -> Command<'a> {
    match kind {
        0 => Command::Connect { name: one },
        1 => Command::Disconnect,
        2 => Command::Message { recipient: one, content: two },
        _ => Command::Broadcast { content: one },
    }
}

fn reply<'a>(kind: u8, one: &'a str, two: &'a str) -> Reply<'a> {
    match kind {
        0 => Reply::ConnectAck(AckStatus::Ok),
        1 => Reply::ConnectAck(AckStatus::Fail),
        2 => Reply::UserList(UserList::new(one)),
        3 => Reply::Message { sender: one, content: two },
        4 => Reply::Broadcast { sender: one, content: two },
        _ => Reply::Error { code: one, text: two },
    }
}

/// Returns true if `frame` has at most 1024 bytes and no line feed.
fn is_well_formed(frame: &[u8]) -> bool {
    frame.len() <= MAX_FRAME && !frame.contains(&b'\n')
}

proptest! {
    #[test]
    fn legal_commands_parse_back(kind in 0..4_u8, name in any::name(), content in any::content(900)) {
        let sent = command(kind, if kind == 3 { &content } else { &name }, &content);
        let mut wire = Vec::new();
        prop_assert_eq!(sent.write(&mut wire), Ok(()));
        prop_assert!(is_well_formed(&wire));
        prop_assert_eq!(Command::parse(&wire), Ok(sent));
    }

    #[test]
    fn legal_replies_parse_back(kind in 0..6_u8, name in any::name(), content in any::content(900)) {
        let sent = reply(kind, &name, &content);
        let mut wire = Vec::new();
        prop_assert_eq!(sent.write(&mut wire), Ok(()));
        prop_assert!(is_well_formed(&wire));
        prop_assert_eq!(Reply::parse(&wire), Ok(sent));
    }

    #[test]
    fn any_command_parses_back_or_leaves_the_output_unchanged(kind in 0..4_u8, one in any::field(), two in any::field()) {
        let sent = command(kind, &one, &two);
        let mut wire = b"before\n".to_vec();
        if sent.write(&mut wire).is_ok() {
            prop_assert!(is_well_formed(&wire[7..]));
            prop_assert_eq!(Command::parse(&wire[7..]), Ok(sent));
        } else {
            prop_assert_eq!(wire, b"before\n");
        }
    }

    #[test]
    fn any_reply_parses_back_or_leaves_the_output_unchanged(kind in 0..6_u8, one in any::field(), two in any::field()) {
        let sent = reply(kind, &one, &two);
        let mut wire = b"before\n".to_vec();
        if sent.write(&mut wire).is_ok() {
            prop_assert!(is_well_formed(&wire[7..]));
            prop_assert_eq!(Reply::parse(&wire[7..]), Ok(sent));
        } else {
            prop_assert_eq!(wire, b"before\n");
        }
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in any::frame_like(WORDS)) {
        if let Ok(command) = Command::parse(&bytes) {
            // Every parsed command can be written, except a name with a line feed, which raw framing lets through.
            let written = command.write(&mut Vec::new());
            prop_assert!(written.is_ok() || bytes.contains(&b'\n') || bytes.len() > MAX_FRAME, "{written:?}");
        }
        if let Ok(Reply::UserList(list)) = Reply::parse(&bytes) {
            prop_assert_eq!(list.names().count() == 0, matches!(list.text(), "" | ","));
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = (UserName::new(text), ErrorCode::from_text(text));
        }
        prop_assert_eq!(Frame::new(&bytes).is_ok(), std::str::from_utf8(&bytes).is_ok());
    }

    #[test]
    fn a_legal_name_is_valid_in_every_field(text: String) {
        if let Ok(name) = UserName::new(&text) {
            prop_assert_eq!(name.as_str(), text.as_str());
            prop_assert!((1..=64).contains(&text.len()) && !text.contains([',', '|', '\n', '\r']));
            prop_assert_eq!(text.trim(), text.as_str());
            prop_assert_eq!(UserList::new(&text).names().collect::<Vec<_>>(), vec![text.as_str()]);
        }
    }
}

#[test]
fn m4_a_longer_name_can_make_a_frame_too_long_to_forward() {
    let content = "x".repeat(MAX_FRAME - "MESSAGE|Bob|".len());
    let arrived = format!("MESSAGE|Bob|{content}");
    assert!(Command::parse(arrived.as_bytes()).is_ok());
    let forwarded = Reply::Message { sender: "Alice", content: &content };
    assert_eq!(forwarded.write(&mut Vec::new()), Err(EncodeError::TooLong { bytes: MAX_FRAME + 2 }));
}
