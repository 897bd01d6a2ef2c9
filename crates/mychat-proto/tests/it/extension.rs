//! Checks that written extension frames parse back, that no input causes a panic or an allocation, and that pages hold every
//! name.

use allocation_counter::measure;
use mychat_proto::{
    Capability, Command, EncodeError, ExtensionCommand, ExtensionReply, Framing, MAX_FRAME, Moderation, PageWriter,
    ParseCommandError, Reply, RoomMode, RosterReader, UserList, extension,
};
use proptest::prelude::*;

use crate::any;

/// Words that begin the frames of extensions, or stand in them.
const WORDS: &[&str] =
    &["CAPABILITIES", "JOIN", "LEAVE", "SAY", "ROOMS", "MEMBERS", "TOPIC", "KICK", "MODE", "quiet", "MESSAGE"];

const COMMANDS: u8 = 9;
const REPLIES: u8 = 10;

fn command<'a>(kind: u8, choice: usize, one: &'a str, two: &'a str) -> ExtensionCommand<'a> {
    match kind {
        0 => ExtensionCommand::Capabilities { list: one },
        1 => ExtensionCommand::Join { room: one },
        2 => ExtensionCommand::Leave { room: one },
        3 => ExtensionCommand::Say { room: one, content: two },
        4 => ExtensionCommand::Rooms,
        5 => ExtensionCommand::Members { room: one },
        6 => ExtensionCommand::Topic { room: one, text: two },
        7 => ExtensionCommand::Moderate { action: Moderation::ALL[choice], room: one, user: two },
        _ => ExtensionCommand::Mode { room: one, mode: RoomMode::ALL[choice] },
    }
}

fn reply<'a>(kind: u8, choice: usize, one: &'a str, two: &'a str, three: &'a str) -> ExtensionReply<'a> {
    match kind {
        0 => ExtensionReply::Capabilities { list: one },
        1 => ExtensionReply::Join { room: one, user: two },
        2 => ExtensionReply::Leave { room: one, user: two },
        3 => ExtensionReply::Say { room: one, sender: two, content: three },
        4 => ExtensionReply::Rooms(UserList::new(one)),
        5 => ExtensionReply::Members { room: one, users: UserList::new(two) },
        6 => ExtensionReply::Operators { room: one, users: UserList::new(two) },
        7 => ExtensionReply::Topic { room: one, by: two, text: three },
        8 => ExtensionReply::Moderated { action: Moderation::ALL[choice], room: one, by: two, user: three },
        _ => ExtensionReply::Mode { room: one, by: two, mode: three },
    }
}

proptest! {
    #[test]
    fn legal_commands_parse_back(
        kind in 0..COMMANDS, choice in 0..6_usize, name in any::name(), content in any::content(800),
    ) {
        let last = if kind == 7 { &name } else { &content };
        let sent = command(kind, choice, &name, last);
        let mut wire = Vec::new();
        prop_assert_eq!(sent.write(&mut wire), Ok(()));
        prop_assert_eq!(ExtensionCommand::parse(&wire), Ok(sent));
        prop_assert_eq!(Command::parse(&wire), Err(ParseCommandError::Unknown), "a base frame means one thing only");
    }

    #[test]
    fn legal_replies_parse_back(
        kind in 0..REPLIES, choice in 0..6_usize, room in any::name(), name in any::name(), content in any::content(800),
    ) {
        let sent = reply(kind, choice, &room, &name, &content);
        let mut wire = Vec::new();
        prop_assert_eq!(sent.write(&mut wire), Ok(()));
        prop_assert_eq!(ExtensionReply::parse(&wire), Ok(sent));
        prop_assert!(Reply::parse(&wire).is_err(), "a base frame means one thing only");
    }

    #[test]
    fn any_frame_parses_back_or_leaves_the_output_unchanged(
        kind in 0..REPLIES, choice in 0..6_usize, one in any::field(), two in any::field(), three in any::field(),
    ) {
        let (sent, mut wire) = (command(kind, choice, &one, &two), b"before\n".to_vec());
        if sent.write(&mut wire).is_ok() {
            prop_assert!(wire.len() <= 7 + MAX_FRAME && !wire[7..].contains(&b'\n'));
            prop_assert_eq!(ExtensionCommand::parse(&wire[7..]), Ok(sent));
        } else {
            prop_assert_eq!(&wire, b"before\n");
        }
        let (sent, mut wire) = (reply(kind, choice, &one, &two, &three), b"before\n".to_vec());
        if sent.write(&mut wire).is_ok() {
            prop_assert!(wire.len() <= 7 + MAX_FRAME && !wire[7..].contains(&b'\n'));
            prop_assert_eq!(ExtensionReply::parse(&wire[7..]), Ok(sent));
        } else {
            prop_assert_eq!(&wire, b"before\n");
        }
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in any::frame_like(WORDS)) {
        if let Ok(command) = ExtensionCommand::parse(&bytes) {
            let written = command.write(&mut Vec::new());
            prop_assert!(written.is_ok() || bytes.contains(&b'\n') || bytes.len() > MAX_FRAME, "{written:?}");
        }
        if let Ok(ExtensionReply::Capabilities { list }) = ExtensionReply::parse(&bytes) {
            prop_assert!(extension::capabilities(list).all(|offer: Capability<'_>| !offer.name.contains(',')));
        }
    }

    #[test]
    fn any_list_is_read_back_from_its_pages(room in any::name(), names in prop::collection::vec(any::name(), 0..300)) {
        let mut wire = Vec::new();
        let mut writer = PageWriter::new(&mut wire, &["MEMBERS", &room], |out, start| Framing::Lf.end(out, start));
        for name in &names {
            writer.push(name);
        }
        writer.finish();
        let (mut reader, mut lists) = (RosterReader::default(), Vec::new());
        for frame in wire.split_inclusive(|&byte| byte == b'\n') {
            let frame = &frame[..frame.len() - 1];
            prop_assert!(frame.len() <= MAX_FRAME);
            let Ok(ExtensionReply::Members { room: of, users }) = ExtensionReply::parse(frame) else { panic!("no page") };
            prop_assert_eq!(of, room.as_str());
            lists.extend(reader.push(users).map(|list| list.names().map(str::to_owned).collect::<Vec<_>>()));
        }
        prop_assert_eq!(lists, vec![names]);
    }
}

#[test]
fn a_command_that_would_not_parse_back_is_not_written() {
    for (command, fault) in [
        (ExtensionCommand::Join { room: "" }, EncodeError::Empty),
        (ExtensionCommand::Say { room: "r", content: "" }, EncodeError::Empty),
        (ExtensionCommand::Say { room: "a|b", content: "c" }, EncodeError::Pipe),
        (ExtensionCommand::Topic { room: "", text: "a" }, EncodeError::Empty),
        (ExtensionCommand::Capabilities { list: "a\nb" }, EncodeError::LineFeed),
    ] {
        assert_eq!(command.write(&mut Vec::new()), Err(fault));
    }
}

#[test]
fn extension_frames_need_no_allocation() {
    let frames = ["CAPABILITIES|rooms", "JOIN|r", "SAY|r|hola|qué tal", "KICK|r|bob", "MODE|r|quiet", "SAY", "FOO"];
    let replies = ["CAPABILITIES|rooms=50", "JOIN|r|ana", "SAY|r|ana|hola", "MEMBERS|r|a,b", "KICK|r|a|b", "FOO"];
    let info = measure(|| {
        assert_eq!(frames.iter().filter(|frame| ExtensionCommand::parse(frame.as_bytes()).is_ok()).count(), 5);
        assert_eq!(replies.iter().filter(|frame| ExtensionReply::parse(frame.as_bytes()).is_ok()).count(), 5);
        assert_eq!(extension::capabilities("rooms=50,ids").count(), 2);
    });
    assert_eq!(info.count_total, 0);
}
