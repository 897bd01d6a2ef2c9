//! Tests of the framing rules, one by one. `tests/it/framing.rs` has the properties of arbitrary bytes.

use super::*;

/// Feeds `bytes` and returns a text for each frame or violation.
fn all(deframer: &mut Deframer, bytes: &[u8]) -> Vec<String> {
    let mut feed = deframer.feed(bytes);
    let mut out = Vec::new();
    while let Some(inbound) = feed.next() {
        out.push(match inbound {
            Inbound::Frame(frame) if frame.len() > 100 => format!("frame of {}", frame.len()),
            Inbound::Frame(frame) => String::from_utf8_lossy(frame).into_owned(),
            other => format!("{other:?}"),
        });
    }
    out
}

fn terminated(pieces: &[&[u8]]) -> Vec<String> {
    let mut deframer = Deframer::new(Framing::Lf);
    pieces.iter().flat_map(|piece| all(&mut deframer, piece)).collect()
}

fn x(count: usize) -> Vec<u8> {
    vec![b'x'; count]
}

#[test]
fn f2_segment_boundaries_have_no_meaning() {
    assert_eq!(terminated(&[b"a\nb", b"", b"c\nd\n\n", b"e"]), ["a", "bc", "d", ""]);
}

#[test]
fn f2_one_carriage_return_belongs_to_the_terminator() {
    assert_eq!(terminated(&[b"a\r\nb\r\r\n\rc\n\r\n"]), ["a", "b\r", "\rc", ""]);
    assert_eq!(terminated(&[b"a\r", b"\n", b"b\r", b"\r", b"\n", b"\r", b"c", b"\n"]), ["a", "b\r", "\rc"]);
}

#[test]
fn f3_1024_bytes_are_a_frame_and_1025_are_not() {
    for end in [b"\n".as_slice(), b"\r\n"] {
        assert_eq!(terminated(&[&x(1024), end, b"a\n"]), ["frame of 1024", "a"]);
        assert_eq!(terminated(&[&x(1025), end, b"a\n"]), ["Oversize", "a"]);
        assert_eq!(terminated(&[&[x(1025), end.to_vec()].concat(), b"a\n"]), ["Oversize", "a"]);
    }
}

#[test]
fn f3_a_carriage_return_that_turns_out_to_be_content_counts() {
    assert_eq!(terminated(&[&x(1024), b"\r", b"\n"]), ["frame of 1024"]);
    assert_eq!(terminated(&[&x(1024), b"\r", b"x", b"\n", b"a\n"]), ["Oversize", "a"]);
    assert_eq!(terminated(&[&x(1024), b"\r", b"\r", b"\n", b"a\n"]), ["Oversize", "a"]);
    assert_eq!(terminated(&[&x(1023), b"\r", b"\r", b"\n", b"a\n"]), ["frame of 1024", "a"]);
}

#[test]
fn f5_oversize_is_reported_once_and_immediately() {
    assert_eq!(terminated(&[&x(1025)]), ["Oversize"]);
    assert_eq!(terminated(&[&x(1025), &x(9000), &x(9000), b"\r\n\na\n"]), ["Oversize", "", "a"]);
    assert_eq!(terminated(&[&x(1025), b"\n", &x(1025), b"\na\n"]), ["Oversize", "Oversize", "a"]);
}

#[test]
fn f5_64_kib_without_a_line_feed_are_allowed_and_one_more_byte_is_an_overrun() {
    assert_eq!(terminated(&[&x(MAX_UNTERMINATED), b"\na\n"]), ["Oversize", "a"]);
    assert_eq!(terminated(&[&x(MAX_UNTERMINATED), b"x", b"\na\n"]), ["Oversize", "Overrun"]);
    assert_eq!(terminated(&[&x(MAX_UNTERMINATED + 1), b"\na\n"]), ["Oversize", "Overrun"]);
    assert_eq!(terminated(&[&[x(MAX_UNTERMINATED + 1), b"\na\n".to_vec()].concat()]), ["Oversize", "Overrun"]);
    assert_eq!(terminated(&[&x(1000), &x(MAX_UNTERMINATED - 1000), b"\r\na\n"]), ["Oversize", "Overrun"]);
}

#[test]
fn a_lenient_deframer_lets_long_frames_through_and_stays_bounded() {
    let mut lenient = Deframer::for_replies(Framing::Lf).lenient();
    assert_eq!(all(&mut lenient, &[x(1025), b"\n".to_vec()].concat()), ["frame of 1025"]);
    assert_eq!(all(&mut lenient, &[x(MAX_UNTERMINATED), b"\na\n".to_vec()].concat()), ["frame of 65536", "a"]);
    assert_eq!(all(&mut lenient, &x(MAX_UNTERMINATED + 1)), ["Oversize", "Overrun"]);
    assert_eq!(all(&mut lenient, b"a\n"), [""; 0]);
}

#[test]
fn a_caller_that_stops_early_feeds_the_rest_again() {
    let mut deframer = Deframer::default();
    let input = [b"a\nb\n".to_vec(), x(2000), b"\nc\nd".to_vec()].concat();
    let (mut rest, mut taken) = (input.as_slice(), Vec::new());
    while !rest.is_empty() {
        let mut feed = deframer.feed(rest);
        taken.extend(feed.next().map(|inbound| matches!(inbound, Inbound::Oversize)));
        rest = feed.rest();
    }
    assert_eq!(taken, [false, false, true, false]);
    assert_eq!(all(&mut deframer, b"e\n"), ["de"]);
}

#[test]
fn a_returned_frame_is_cleared_even_without_another_call_of_next() {
    let mut deframer = Deframer::default();
    assert_eq!(deframer.feed(b"a").next(), None);
    assert_eq!(deframer.feed(b"b\n").next(), Some(Inbound::Frame(b"ab")));
    assert_eq!(deframer.pending(), 0);
    assert_eq!(deframer.feed(b"c\n").next(), Some(Inbound::Frame(b"c")));
}

#[test]
fn pending_counts_the_bytes_of_an_incomplete_frame() {
    for (input, pending) in [("", 0), ("a\n", 0), ("a\nb\r", 2), ("\r", 1)] {
        let mut deframer = Deframer::default();
        all(&mut deframer, input.as_bytes());
        assert_eq!(deframer.pending(), pending, "{input:?}");
    }
    let mut oversize = Deframer::default();
    all(&mut oversize, &x(3000));
    assert_eq!(oversize.pending(), 3000);
}

#[test]
fn is_between_frames_after_each_input() {
    for (input, between) in [("", true), ("a\n", true), ("a", false), ("b\n", true), ("\r", false), ("\n", true)] {
        let mut deframer = Deframer::default();
        all(&mut deframer, input.as_bytes());
        assert_eq!(deframer.is_between_frames(), between, "{input:?}");
    }
    // Reported as oversize before any of it is discarded.
    let mut deframer = Deframer::default();
    let long = x(3000);
    assert_eq!(deframer.feed(&long).next(), Some(Inbound::Oversize));
    assert!(!deframer.is_between_frames());
}

#[test]
fn an_unfinished_frame_can_be_taken_out() {
    let mut deframer = Deframer::default();
    all(&mut deframer, b"a\nCONNECT|b");
    assert_eq!(deframer.into_unfinished(), b"CONNECT|b");
    assert_eq!(Deframer::default().into_unfinished(), b"");
    let mut spent = Deframer::default();
    all(&mut spent, b"a");
    assert_eq!(spent.feed(b"b\n").next(), Some(Inbound::Frame(b"ab")));
    assert_eq!(spent.into_unfinished(), b"", "the frame was returned");
}

#[test]
fn f5_an_overrun_discards_all_further_input() {
    let mut deframer = Deframer::default();
    assert_eq!(all(&mut deframer, &x(MAX_UNTERMINATED + 1)), ["Oversize", "Overrun"]);
    let mut feed = deframer.feed(b"a\n");
    assert_eq!(feed.next(), None);
    assert_eq!(feed.rest(), b"");
}

#[test]
fn r1_a_segment_of_a_client_is_one_frame() {
    let mut raw = Deframer::new(Framing::Raw);
    assert_eq!(all(&mut raw, b"MESSAGE|Bob|say ERROR|404 to me"), ["MESSAGE|Bob|say ERROR|404 to me"]);
    assert_eq!(all(&mut raw, b""), [""; 0]);
    assert_eq!(all(&mut raw, &x(1024)), ["frame of 1024"]);
    assert_eq!(all(&mut raw, &x(1025)), ["Oversize"]);
    assert_eq!(all(&mut raw, b"DISCONNECT|"), ["DISCONNECT|"]);
}

#[test]
fn r3_a_segment_of_a_server_is_split_where_a_reply_starts() {
    let mut raw = Deframer::for_replies(Framing::Raw);
    let segment = b"CONNECT_ACK|OKUSER_LIST|A,BBROADCAST|A|ERRORs, a MESSAGE...MESSAGE|B|x|yERROR|404|no";
    let replies =
        ["CONNECT_ACK|OK", "USER_LIST|A,B", "BROADCAST|A|ERRORs, a MESSAGE...", "MESSAGE|B|x|y", "ERROR|404|no"];
    assert_eq!(all(&mut raw, segment), replies);
    assert_eq!(all(&mut raw, b"no reply|at all"), ["no reply|at all"]);
}

#[test]
fn each_framing_appends_its_terminator() {
    for (framing, frame, wire) in [
        (Framing::Lf, "a", "a\n"),
        (Framing::Lf, "a\r", "a\r\r\n"),
        (Framing::Lf, "", "\n"),
        (Framing::CrLf, "a", "a\r\n"),
        (Framing::CrLf, "a\r", "a\r\r\n"),
        (Framing::Raw, "a\r", "a\r"),
    ] {
        let mut out = format!("before\r{frame}").into_bytes();
        framing.end(&mut out, "before\r".len());
        assert_eq!(out, format!("before\r{wire}").into_bytes(), "{framing:?} {frame:?}");
    }
}

#[test]
fn raw_reads_a_segment_of_many_replies_once() {
    let started = std::time::Instant::now();
    let segment = b"ERROR|404|x".repeat(100_000);
    let mut raw = Deframer::for_replies(Framing::Raw);
    assert_eq!(all(&mut raw, &segment).len(), 100_000);
    assert!(started.elapsed().as_secs() < 5, "quadratic: {:?}", started.elapsed());
}
