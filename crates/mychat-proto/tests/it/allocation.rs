//! Counts allocations: none while frames arrive complete, and one shared buffer while they arrive in pieces.

use allocation_counter::measure;
use mychat_proto::{Command, Deframer, Framing, Inbound, Reply, RosterReader, UserName};

const FRAMES: usize = 10_000;

/// Feeds `wire` in pieces of `size` bytes and counts the frames for which `accept` returns true.
fn count(deframer: &mut Deframer, wire: &[u8], size: usize, mut accept: impl FnMut(&[u8]) -> bool) -> usize {
    let mut accepted = 0;
    for piece in wire.chunks(size) {
        let mut feed = deframer.feed(piece);
        while let Some(inbound) = feed.next() {
            accepted += usize::from(matches!(inbound, Inbound::Frame(frame) if accept(frame)));
        }
    }
    accepted
}

#[test]
fn the_counter_counts_one_allocation() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 1);
}

#[test]
fn complete_commands_need_no_allocation() {
    let wire = "MESSAGE|María|hola|qué tal\r\n".repeat(FRAMES);
    let mut deframer = Deframer::new(Framing::Lf);
    let info = measure(|| {
        let taken = count(&mut deframer, wire.as_bytes(), wire.len() / 10, |frame| Command::parse(frame).is_ok());
        assert_eq!(taken, FRAMES);
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn complete_replies_need_no_allocation_in_either_framing() {
    for (framing, end) in [(Framing::Lf, "\n"), (Framing::Raw, "")] {
        let wire = format!("BROADCAST|Ana|hola{end}USER_LIST|Ana,Bob{end}").repeat(FRAMES);
        let (mut deframer, mut reader) = (Deframer::for_replies(framing), RosterReader::default());
        let info = measure(|| {
            let taken = count(&mut deframer, wire.as_bytes(), wire.len(), |frame| match Reply::parse(frame) {
                Ok(Reply::UserList(list)) => reader.push(list).is_some_and(|roster| roster.names().count() == 2),
                reply => reply.is_ok(),
            });
            assert_eq!(taken, 2 * FRAMES);
        });
        assert_eq!(info.count_total, 0, "{framing:?}");
    }
}

#[test]
fn input_that_always_ends_inside_a_frame_shares_one_buffer() {
    let wire = "BROADCAST|0123456789\n".repeat(FRAMES);
    let mut deframer = Deframer::new(Framing::Lf);
    let info = measure(|| {
        assert_eq!(count(&mut deframer, &wire.as_bytes()[1..], 25 * 21, |_| true), FRAMES);
    });
    assert!((1..10).contains(&info.count_total), "{info:?}");
}

#[test]
fn a_deframer_between_two_frames_owns_no_heap_memory() {
    let mut deframer = Deframer::new(Framing::Lf);
    let info = measure(|| {
        assert_eq!(count(&mut deframer, b"BROADCAST|hola\n", 4, |_| true), 1);
    });
    assert!(info.count_total > 0, "the frame came in pieces");
    assert_eq!(info.bytes_current, 0);
}

#[test]
fn an_oversize_frame_is_not_collected() {
    let wire = vec![b'x'; 60_000];
    let mut deframer = Deframer::new(Framing::Lf);
    let info = measure(|| assert_eq!(count(&mut deframer, &wire, 100, |_| true), 0));
    assert!(info.bytes_max <= 4096 && info.bytes_current == 0, "{info:?}");
}

#[test]
fn a_name_is_checked_without_an_allocation() {
    let info = measure(|| {
        assert!(mychat_proto::name::check("María José").is_ok());
        assert!(UserName::new("no|name").is_err());
    });
    assert_eq!(info.count_total, 0);
}
