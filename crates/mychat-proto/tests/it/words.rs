//! Commands and replies: what is written is read back, whatever it holds, and no bytes make a reader panic.

use mychat_proto::{Command, EncodeError, ErrorCode, Frame, MAX_FRAME, Reply, Status, UserList, UserName};
use proptest::prelude::*;
use proptest::sample::select;

use crate::any;

/// Bytes that look like the protocol often enough to get past its first checks.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let word = select(vec!["CONNECT", "CONNECT_ACK", "DISCONNECT", "MESSAGE", "BROADCAST", "USER_LIST", "ERROR", "OK"]);
    let piece = prop_oneof![
        3 => word.prop_map(|word| word.as_bytes().to_vec()),
        3 => Just(b"|".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
        1 => any::content(20).prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Any text for a field, legal or not, sometimes far too long.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), any::content(60), any::content(1024), any::<String>(), Just("a\nb".to_owned())]
}

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
        0 => Reply::ConnectAck(Status::Ok),
        1 => Reply::ConnectAck(Status::Fail),
        2 => Reply::UserList(UserList::new(one)),
        3 => Reply::Message { sender: one, content: two },
        4 => Reply::Broadcast { sender: one, content: two },
        _ => Reply::Error { code: one, text: two },
    }
}

/// Whether `frame` obeys what a writer promises: at most 1024 bytes and no line feed.
fn is_sound(frame: &[u8]) -> bool {
    frame.len() <= MAX_FRAME && !frame.contains(&b'\n')
}

proptest! {
    #[test]
    fn legal_commands_come_back(kind in 0..4_u8, name in any::name(), content in any::content(900)) {
        let sent = command(kind, if kind == 3 { &content } else { &name }, &content);
        let mut wire = Vec::new();
        prop_assert_eq!(sent.write(&mut wire), Ok(()));
        prop_assert!(is_sound(&wire));
        prop_assert_eq!(Command::parse(&wire), Ok(sent));
    }

    #[test]
    fn legal_replies_come_back(kind in 0..6_u8, name in any::name(), content in any::content(900)) {
        let sent = reply(kind, &name, &content);
        let mut wire = Vec::new();
        prop_assert_eq!(sent.write(&mut wire), Ok(()));
        prop_assert!(is_sound(&wire));
        prop_assert_eq!(Reply::parse(&wire), Ok(sent));
    }

    #[test]
    fn any_command_comes_back_or_leaves_no_trace(kind in 0..4_u8, one in field(), two in field()) {
        let sent = command(kind, &one, &two);
        let mut wire = b"before\n".to_vec();
        if sent.write(&mut wire).is_ok() {
            prop_assert!(is_sound(&wire[7..]));
            prop_assert_eq!(Command::parse(&wire[7..]), Ok(sent));
        } else {
            prop_assert_eq!(wire, b"before\n");
        }
    }

    #[test]
    fn any_reply_comes_back_or_leaves_no_trace(kind in 0..6_u8, one in field(), two in field()) {
        let sent = reply(kind, &one, &two);
        let mut wire = b"before\n".to_vec();
        if sent.write(&mut wire).is_ok() {
            prop_assert!(is_sound(&wire[7..]));
            prop_assert_eq!(Reply::parse(&wire[7..]), Ok(sent));
        } else {
            prop_assert_eq!(wire, b"before\n");
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in bytes()) {
        if let Ok(command) = Command::parse(&bytes) {
            // All that is read can be written again, but for a name with a line feed, which raw framing lets through.
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
    fn a_legal_name_fits_every_place_it_has_to(text: String) {
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
