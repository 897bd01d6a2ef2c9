use proptest::prelude::*;

use super::*;

/// Writes as a socket that takes at most `capacity` bytes.
fn flush(outbox: &mut Outbox, log: &TurnLog, roster: &[u8], capacity: usize, wire: &mut Vec<u8>) -> bool {
    let all = outbox.parts(log, roster).0.concat();
    let sent = capacity.min(all.len());
    wire.extend_from_slice(&all[..sent]);
    outbox.record_sent(sent, log, roster, Instant::now(), &mut LocalCounts::default())
}

fn enqueue(outbox: &mut Outbox, log: &TurnLog, text: &str) {
    outbox
        .enqueue(log, FrameKind::Message, |out| {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        })
        .unwrap();
}

#[test]
fn m5_a_private_frame_follows_the_broadcasts_before_it() {
    let (mut log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    log.append(b"before the login;", 1);
    outbox.subscribe(&log);
    log.append(b"one;", 1);
    enqueue(&mut outbox, &log, "private;");
    log.append(b"two;", 1);
    assert!(flush(&mut outbox, &log, b"", usize::MAX, &mut wire));
    assert_eq!(wire, b"one;private;two;");
    assert!(outbox.parts(&log, b"").is_empty());
}

#[test]
fn unsubscribing_keeps_earlier_broadcasts_and_stops_later_ones() {
    let (mut log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    outbox.subscribe(&log);
    log.append(b"one;", 1);
    outbox.unsubscribe(&log);
    outbox.request_roster();
    log.append(b"two;", 1);
    assert!(flush(&mut outbox, &log, b"roster;", usize::MAX, &mut wire));
    assert_eq!(wire, b"one;");
}

#[test]
fn l3_a_blocked_session_gets_the_newest_roster() {
    let (log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    outbox.subscribe(&log);
    enqueue(&mut outbox, &log, "12345678");
    outbox.request_roster();
    assert!(!flush(&mut outbox, &log, b"old roster", 4, &mut wire));
    assert_eq!(outbox.queued_bytes(), 4, "the roster is due, not copied");
    assert!(flush(&mut outbox, &log, b";new roster", usize::MAX, &mut wire));
    assert_eq!(wire, b"12345678;new roster");
}

#[test]
fn l4_a_roster_that_was_begun_is_finished_unchanged() {
    let (log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    outbox.subscribe(&log);
    outbox.request_roster();
    assert!(!flush(&mut outbox, &log, b"old roster", 4, &mut wire));
    outbox.request_roster();
    assert!(flush(&mut outbox, &log, b";new roster", usize::MAX, &mut wire));
    assert_eq!(wire, b"old roster;new roster");
}

#[test]
fn a_raw_peer_gets_a_roster_between_frames_and_not_twice_in_a_row() {
    let (mut counts, log) = (LocalCounts::default(), TurnLog::default());
    let (mut outbox, mut wire) = (Outbox::default(), Vec::new());
    outbox.subscribe(&log);
    enqueue(&mut outbox, &log, "CONNECT_ACK|OK\nMESSAGE|a|1\nMESSAGE|a|2\n");
    for capacity in [15, 12, 4, 8, 12] {
        outbox.request_roster();
        outbox.insert_roster_before_queue(b"USER_LIST|a\n", &mut counts);
        flush(&mut outbox, &log, b"", capacity, &mut wire);
    }
    let wire = String::from_utf8(wire).unwrap();
    assert_eq!(wire, "CONNECT_ACK|OK\nUSER_LIST|a\nMESSAGE|a|1\nUSER_LIST|a\n");
}

#[test]
fn an_outbox_is_idle_only_when_nothing_waits_in_it() {
    let (log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), Vec::new());
    assert!(!outbox.is_idle(), "it gets no broadcasts");
    outbox.subscribe(&log);
    assert!(outbox.is_idle() && !outbox.is_blocked());
    outbox.is_dirty = true;
    assert!(!outbox.is_idle());
    outbox.is_dirty = false;
    outbox.request_roster();
    assert!(!outbox.is_idle(), "a roster is due");
    assert!(flush(&mut outbox, &log, b"roster;", usize::MAX, &mut wire) && outbox.is_idle());
    enqueue(&mut outbox, &log, "two;");
    assert!(!outbox.is_idle() && !outbox.is_blocked(), "it has a queue");
    assert!(!flush(&mut outbox, &log, b"", 3, &mut wire));
    assert!(outbox.is_blocked() && !outbox.is_idle());
    assert!(flush(&mut outbox, &log, b"", usize::MAX, &mut wire));
    assert!(!outbox.is_blocked() && outbox.is_idle());
    enqueue(&mut outbox, &log, "three;");
    assert!(!flush(&mut outbox, &log, b"", 0, &mut wire) && outbox.is_blocked());
    assert!(outbox.last_progress().is_some(), "it became full");
    outbox.unblock();
    assert!(!outbox.is_blocked());
    outbox.enqueue_frames(&log, b"four;five;", 2);
    assert!(flush(&mut outbox, &log, b"", usize::MAX, &mut wire));
    assert_eq!(wire, b"roster;two;three;four;five;");
}

proptest! {
    #[test]
    fn partial_writes_lose_duplicate_and_reorder_nothing(
        steps in proptest::collection::vec((0..3u8, 0..12usize, 0..20usize), 0..60)
    ) {
        let (mut log, mut outbox, mut wire) = (TurnLog::default(), Outbox::default(), vec![]);
        let mut expected = String::new();
        outbox.subscribe(&log);
        for (k, (step, size, capacity)) in steps.into_iter().enumerate() {
            let text = format!("{k}:{};", "x".repeat(size));
            match step {
                0 => log.append(text.as_bytes(), 1),
                1 => enqueue(&mut outbox, &log, &text),
                _ => {
                    flush(&mut outbox, &log, b"", capacity, &mut wire);
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
