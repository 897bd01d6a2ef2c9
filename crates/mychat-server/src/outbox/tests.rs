use proptest::prelude::*;

use super::*;

/// Writes as a socket that takes `room` bytes.
fn flush(outbox: &mut Outbox, log: &TurnLog, list: &[u8], room: usize, wire: &mut Vec<u8>) -> bool {
    let all = outbox.parts(log, list).0.concat();
    let sent = room.min(all.len());
    wire.extend_from_slice(&all[..sent]);
    outbox.sent(sent, log, list, Instant::now(), &mut LocalCounts::default())
}

fn post(outbox: &mut Outbox, log: &TurnLog, text: &str) {
    outbox
        .post(log, FrameKind::Message, |out| {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        })
        .unwrap();
}

#[test]
fn m5_a_private_frame_follows_the_broadcasts_before_it() {
    let (mut log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    log.append(b"before the join;", 1);
    outbox.join(&log);
    log.append(b"one;", 1);
    post(&mut outbox, &log, "private;");
    log.append(b"two;", 1);
    assert!(flush(&mut outbox, &log, b"", usize::MAX, &mut wire));
    assert_eq!(wire, b"one;private;two;");
    assert!(outbox.parts(&log, b"").is_empty());
}

#[test]
fn a_leaver_gets_what_came_before_and_nothing_after() {
    let (mut log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    outbox.join(&log);
    log.append(b"one;", 1);
    outbox.leave(&log);
    outbox.owe_list();
    log.append(b"two;", 1);
    assert!(flush(&mut outbox, &log, b"list;", usize::MAX, &mut wire));
    assert_eq!(wire, b"one;");
}

#[test]
fn l3_a_blocked_reader_keeps_the_debt_and_gets_the_newest_list() {
    let (log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    outbox.join(&log);
    post(&mut outbox, &log, "12345678");
    outbox.owe_list();
    assert!(!flush(&mut outbox, &log, b"old list", 4, &mut wire));
    assert_eq!(outbox.waiting(), 4, "the list is owed, not copied");
    assert!(flush(&mut outbox, &log, b";new list", usize::MAX, &mut wire));
    assert_eq!(wire, b"12345678;new list");
}

#[test]
fn l4_a_list_that_was_begun_is_ended_as_it_was() {
    let (log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    outbox.join(&log);
    outbox.owe_list();
    assert!(!flush(&mut outbox, &log, b"old list", 4, &mut wire));
    outbox.owe_list();
    assert!(flush(&mut outbox, &log, b";new list", usize::MAX, &mut wire));
    assert_eq!(wire, b"old list;new list");
}

#[test]
fn a_list_goes_around_what_a_raw_peer_has_waiting_between_frames_and_every_other_time() {
    let (mut tally, log, mut outbox, mut wire) =
        (LocalCounts::default(), TurnLog::default(), Outbox::default(), Vec::new());
    outbox.join(&log);
    post(&mut outbox, &log, "CONNECT_ACK|OK\nMESSAGE|a|1\nMESSAGE|a|2\n");
    for room in [15, 12, 4, 8, 12] {
        outbox.owe_list();
        outbox.list_first(b"USER_LIST|a\n", &mut tally);
        flush(&mut outbox, &log, b"", room, &mut wire);
    }
    let wire = String::from_utf8(wire).unwrap();
    assert_eq!(wire, "CONNECT_ACK|OK\nUSER_LIST|a\nMESSAGE|a|1\nUSER_LIST|a\n");
}

proptest! {
    #[test]
    fn whatever_the_socket_takes_nothing_is_lost_doubled_or_swapped(
        steps in proptest::collection::vec((0..3u8, 0..12usize, 0..20usize), 0..60)
    ) {
        let (mut log, mut outbox, mut wire, mut expected) = (TurnLog::default(), Outbox::default(), vec![], String::new());
        outbox.join(&log);
        for (k, (kind, size, room)) in steps.into_iter().enumerate() {
            let text = format!("{k}:{};", "x".repeat(size));
            match kind {
                0 => log.append(text.as_bytes(), 1),
                1 => post(&mut outbox, &log, &text),
                _ => {
                    flush(&mut outbox, &log, b"", room, &mut wire);
                    log.clear();
                    continue;
                }
            }
            expected += &text;
        }
        flush(&mut outbox, &log, b"", usize::MAX, &mut wire);
        prop_assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }
}
