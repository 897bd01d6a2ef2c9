//! Checks that every split of a stream gives the frames that a simple reader of the complete input finds.

use std::iter;

use mychat_proto::{Deframer, Framing, FramingChoice, MAX_FRAME, MAX_UNTERMINATED};
use proptest::prelude::*;

use crate::any::{self, Found};

/// The reference implementation: splits the complete input at LF and checks each line.
fn naive(input: &[u8], limit: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let lines: Vec<_> = input.split(|&byte| byte == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let frame = line.strip_suffix(b"\r").unwrap_or(line);
        let whole = index + 1 < lines.len();
        if frame.len() > limit {
            found.push(Found::Oversize);
            if line.len() > MAX_UNTERMINATED {
                found.push(Found::Overrun);
                return found;
            }
        } else if whole {
            found.push(Found::Frame(frame.to_vec()));
        }
    }
    found
}

fn incremental<'a>(mut deframer: Deframer, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Found> {
    pieces.into_iter().flat_map(|piece| any::feed(&mut deframer, piece)).collect()
}

proptest! {
    #[test]
    fn any_split_gives_what_the_naive_reader_finds(input in any::stream(), cuts in any::cuts()) {
        let found = incremental(Deframer::new(Framing::Lf), any::split(&input, &cuts));
        prop_assert_eq!(found, naive(&input, MAX_FRAME));
    }

    #[test]
    fn single_bytes_give_what_the_naive_reader_finds(input in any::stream()) {
        let found = incremental(Deframer::for_replies(Framing::CrLf), input.chunks(1));
        prop_assert_eq!(found, naive(&input, MAX_FRAME));
    }

    #[test]
    fn lenient_differs_only_in_the_limit(input in any::stream(), cuts in any::cuts()) {
        let found = incremental(Deframer::new(Framing::Lf).lenient(), any::split(&input, &cuts));
        prop_assert_eq!(found, naive(&input, MAX_UNTERMINATED));
    }

    #[test]
    fn a_caller_that_stops_early_and_feeds_the_rest_loses_nothing(input in any::stream(), cuts in any::cuts()) {
        let mut deframer = Deframer::new(Framing::Lf);
        let mut found = Vec::new();
        for piece in any::split(&input, &cuts) {
            let mut rest = piece;
            while !rest.is_empty() {
                let mut feed = deframer.feed(rest);
                found.extend(feed.next().map(any::owned));
                rest = feed.rest();
            }
        }
        prop_assert_eq!(found, naive(&input, MAX_FRAME));
    }

    #[test]
    fn no_input_causes_a_panic_or_unbounded_memory(
        pieces in prop::collection::vec(any::stream(), 0..4),
        framing in any::framing(),
        replies: bool,
        lenient: bool,
    ) {
        let mut deframer = if replies { Deframer::for_replies(framing) } else { Deframer::new(framing) };
        if lenient {
            deframer = deframer.lenient();
        }
        let limit = if lenient { MAX_UNTERMINATED } else { MAX_FRAME };
        for piece in pieces {
            for found in any::feed(&mut deframer, &piece) {
                prop_assert!(!matches!(found, Found::Frame(frame) if frame.len() > limit));
            }
            prop_assert!(deframer.pending() <= MAX_UNTERMINATED + 1);
        }
    }

    #[test]
    fn raw_returns_every_byte_once(input in any::stream(), replies: bool) {
        let mut raw = if replies { Deframer::for_replies(Framing::Raw) } else { Deframer::new(Framing::Raw) };
        raw = raw.lenient();
        let bytes = any::feed(&mut raw, &input).into_iter().flat_map(|found| match found {
            Found::Frame(frame) => frame,
            other => panic!("{other:?}"),
        });
        prop_assume!(input.len() <= MAX_UNTERMINATED);
        prop_assert_eq!(bytes.collect::<Vec<_>>(), input);
    }

    #[test]
    fn written_frames_are_read_back(frames in prop::collection::vec(any::content(MAX_FRAME), 0..9), crlf: bool, cuts in any::cuts()) {
        let framing = if crlf { Framing::CrLf } else { Framing::Lf };
        let mut wire = Vec::new();
        for frame in &frames {
            let start = wire.len();
            wire.extend_from_slice(frame.as_bytes());
            framing.end(&mut wire, start);
        }
        let found = incremental(Deframer::new(framing), any::split(&wire, &cuts));
        let sent: Vec<_> = frames.into_iter().map(|frame| Found::Frame(frame.into_bytes())).collect();
        prop_assert_eq!(found, sent);
    }
}

#[test]
fn every_cut_near_the_limits_gives_the_same_frames() {
    for size in [MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, MAX_UNTERMINATED, MAX_UNTERMINATED + 1] {
        for end in ["\n", "\r\n", "\r\r\n", "\r"] {
            let input: Vec<u8> = iter::repeat_n(b'x', size).chain(end.bytes()).chain(*b"ab\n").collect();
            for cut in (0..4).chain(MAX_FRAME - 2..MAX_FRAME + 4).chain(size - 2..input.len()) {
                let (one, two) = input.split_at(cut.min(input.len()));
                let found = incremental(Deframer::new(Framing::Lf), [one, two]);
                assert_eq!(found, naive(&input, MAX_FRAME), "{size} bytes, then {end:?}, cut at {cut}");
            }
        }
    }
}

#[test]
fn each_choice_of_a_framing_has_its_name_and_its_framing() {
    let choices = [
        (FramingChoice::Lf, "lf", Some(Framing::Lf)),
        (FramingChoice::CrLf, "crlf", Some(Framing::CrLf)),
        (FramingChoice::Raw, "raw", Some(Framing::Raw)),
        (FramingChoice::Auto, "auto", None),
    ];
    for (choice, name, fixed) in choices {
        assert_eq!((choice.name(), choice.fixed()), (name, fixed));
    }
    let terminated = [Framing::Lf, Framing::CrLf, Framing::Raw].map(Framing::is_terminated);
    assert_eq!(terminated, [true, true, false]);
}
