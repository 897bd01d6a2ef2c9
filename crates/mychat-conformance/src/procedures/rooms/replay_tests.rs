//! The comparison of members' frames, on frames of a race that are written down here.

use super::replay::{Difference, ReceivedFrames, Replay};

fn received(name: &str, frames: &[&str]) -> ReceivedFrames {
    ReceivedFrames {
        name: name.as_bytes().to_vec(),
        frames: frames.iter().map(|frame| frame.as_bytes().to_vec()).collect(),
    }
}

fn compare(order: &[&str], bob: &[&str]) -> Result<(), Difference> {
    let members = ["ana", "bob"].map(|name| name.as_bytes().to_vec());
    let replay = Replay { room: "r", nonce: "7", members: &members };
    replay.compare(&received("ana", order), &received("bob", bob))
}

const ORDER: [&str; 7] = [
    "SAY|r|ana|one",
    "LEAVE|r|bob",
    "SAY|r|ana|two",
    "BROADCAST|ana|all7",
    "JOIN|r|bob",
    "SAY|r|bob|three",
    "KICK|r|ana|bob",
];

#[test]
fn a_member_gets_exactly_its_part_of_the_order() {
    let right = [
        "SAY|r|ana|one",
        "LEAVE|r|bob",
        "BROADCAST|ana|all7",
        "JOIN|r|bob",
        "MEMBERS|r|bob,ana",
        "OPERATORS|r|ana",
        "SAY|r|bob|three",
        "KICK|r|ana|bob",
        "ERROR|404|no such room",
    ];
    assert_eq!(compare(&ORDER, &right), Ok(()));
    for (missing, frame) in right.iter().enumerate().filter(|(_, frame)| !frame.starts_with("ERR")) {
        if frame.starts_with("OPERATORS") {
            continue;
        }
        let mut frames = right.to_vec();
        frames.remove(missing);
        assert!(compare(&ORDER, &frames).is_err(), "without {frame}");
    }
    for (place, extra) in [(2, "SAY|r|ana|two"), (8, "SAY|r|ana|four"), (1, "SAY|r|ana|one")] {
        let mut frames = right.to_vec();
        frames.insert(place, extra);
        assert!(compare(&ORDER, &frames).is_err(), "with {extra} at {place}");
    }
    let mut swapped = right.to_vec();
    swapped.swap(2, 3);
    assert!(compare(&ORDER, &swapped).is_err(), "the broadcast after the join");
}

#[test]
fn the_list_after_a_join_is_that_of_its_place() {
    let order = ["LEAVE|r|bob", "JOIN|r|cat", "JOIN|r|bob", "LEAVE|r|cat"];
    let bob = |list| ["LEAVE|r|bob", "JOIN|r|bob", list, "LEAVE|r|cat"];
    assert_eq!(compare(&order, &bob("MEMBERS|r|cat,ana,bob")), Ok(()));
    for wrong in ["MEMBERS|r|ana,bob", "MEMBERS|r|cat,ana", "MEMBERS|other|cat,ana,bob"] {
        assert!(compare(&order, &bob(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn whoever_was_kicked_is_heard_by_nobody() {
    let order = ["KICK|r|ana|bob", "SAY|r|bob|late"];
    let found = compare(&order, &["KICK|r|ana|bob", "ERROR|404|no such room"]).unwrap_err();
    assert!(found.want.contains("no member any more"), "{found:?}");
}

#[test]
fn frames_of_others_and_own_echoes_of_broadcasts_do_not_count() {
    let order = ["BROADCAST|bob|mine7", "BROADCAST|eve|of somebody else", "SAY|r|ana|one"];
    assert_eq!(compare(&order, &["SAY|r|ana|one"]), Ok(()));
    assert_eq!(compare(&order, &["SAY|r|ana|one", "BROADCAST|bob|mine7", "SAY|other|ana|x"]), Ok(()));
}
