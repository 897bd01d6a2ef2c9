//! Checks that any list of legal names is read back from its frames, and that no frame exceeds 1024 bytes.

use mychat_proto::{Deframer, Framing, Inbound, MAX_FRAME, Reply, RosterReader, RosterWriter};
use proptest::prelude::*;

use crate::any;

fn write(names: &[String], framing: Framing) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut writer = RosterWriter::new(&mut wire, |out, start| framing.end(out, start));
    for name in names {
        writer.push(name);
    }
    writer.finish();
    wire
}

/// Returns the names of each list in `wire`, and the length of each frame.
fn read(wire: &[u8], framing: Framing) -> (Vec<Vec<String>>, Vec<usize>) {
    let (mut deframer, mut reader) = (Deframer::for_replies(framing), RosterReader::default());
    let (mut lists, mut lengths) = (Vec::new(), Vec::new());
    let mut feed = deframer.feed(wire);
    while let Some(inbound) = feed.next() {
        let Inbound::Frame(frame) = inbound else { panic!("{inbound:?}") };
        let Ok(Reply::UserList(list)) = Reply::parse(frame) else { panic!("no list") };
        lengths.push(frame.len());
        lists.extend(reader.push(list).map(|roster| roster.names().map(str::to_owned).collect()));
    }
    assert!(!reader.is_partial(), "the last list has ended");
    (lists, lengths)
}

proptest! {
    #[test]
    fn any_list_is_read_back(
        one in prop::collection::vec(any::name(), 0..300),
        two in prop::collection::vec(any::name(), 0..30),
        framing in any::framing(),
    ) {
        let wire = [write(&one, framing), write(&two, framing)].concat();
        let (lists, lengths) = read(&wire, framing);
        prop_assert!(lengths.iter().all(|&length| length <= MAX_FRAME), "{lengths:?}");
        prop_assert_eq!(lists, vec![one, two]);
    }

    #[test]
    fn a_list_takes_no_more_frames_than_it_needs(
        names in prop::collection::vec(any::name(), 1..120),
    ) {
        let whole = "USER_LIST|".len() + names.join(",").len();
        let (_, lengths) = read(&write(&names, Framing::Lf), Framing::Lf);
        prop_assert_eq!(lengths.len() == 1, whole <= MAX_FRAME);
        // No frame but the last has space for another name of the maximum length and two commas.
        prop_assert!(lengths.iter().rev().skip(1).all(|&length| length + 65 + 64 > MAX_FRAME), "{lengths:?}");
    }
}
