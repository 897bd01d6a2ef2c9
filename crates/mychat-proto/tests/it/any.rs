//! Generators of test data: legal values, and arbitrary bytes with many edge cases of framing.

use mychat_proto::{Deframer, Framing, Inbound, UserName};
use proptest::prelude::*;
use proptest::sample::select;

/// An [`Inbound`] that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Frame(Vec<u8>),
    Oversize,
    Overrun,
}

/// Feeds one piece and returns all results.
pub(crate) fn feed(deframer: &mut Deframer, piece: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut feed = deframer.feed(piece);
    while let Some(inbound) = feed.next() {
        found.push(owned(inbound));
    }
    found
}

pub(crate) fn owned(inbound: Inbound<'_>) -> Found {
    match inbound {
        Inbound::Frame(frame) => Found::Frame(frame.to_vec()),
        Inbound::Oversize => Found::Oversize,
        Inbound::Overrun => Found::Overrun,
    }
}

/// Splits `bytes` at the positions in `cuts`, which are in thousandths of the length.
pub(crate) fn split<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut * bytes.len() / 1000).collect();
    places.sort_unstable();
    places.push(bytes.len());
    places.iter().scan(0, |from, &to| Some(&bytes[std::mem::replace(from, to)..to])).collect()
}

/// Generates positions for [`split`].
pub(crate) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..=1000_usize, 0..12)
}

/// Generates a stream of bytes: lines with lengths near the limits, all kinds of line ends, and random bytes.
pub(crate) fn stream() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        8 => 0..40_usize,
        4 => 1020..1030_usize,
        1 => 65_530..65_545_usize,
        1 => 2000..4000_usize,
    ];
    let line = (length, select(b"x|\r".to_vec())).prop_map(|(length, byte)| vec![byte; length]);
    let end = select(vec!["\n", "\r\n", "\r\r\n", "\r", "", "\n\n"]).prop_map(|end| end.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..20);
    let piece = prop_oneof![4 => (line, end).prop_map(|(line, end)| [line, end].concat()), 1 => noise];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// Generates a framing.
pub(crate) fn framing() -> impl Strategy<Value = Framing> {
    select(vec![Framing::Lf, Framing::CrLf, Framing::Raw])
}

/// Generates content of 1 to `max` bytes without a line feed, often with pipes, control characters and a CR at the end.
pub(crate) fn content(max: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec!["|", "\r", "\0", "\u{1b}[2J", "ñ", "👩🏽", "\u{202e}", " ", "MESSAGE|a|b", ","])
            .prop_map(str::to_owned),
        "[a-z]{1,9}",
        any::<char>().prop_map(String::from),
    ];
    let text = prop::collection::vec(piece, 1..200).prop_map(|pieces| pieces.concat().replace('\n', "\r"));
    text.prop_map(move |text| at_most(text, max))
}

/// Generates a legal name.
pub(crate) fn name() -> impl Strategy<Value = String> {
    let letters = select(vec!["a", "B", "7", "é", "名", "👩", ".", "_", "a b"]);
    let any_length =
        prop::collection::vec(letters, 1..40).prop_map(|letters| at_most(letters.concat(), 64).trim_end().to_owned());
    prop_oneof![any_length, "[a-z]{8}", "[a-z]{64}", "[a-z]"].prop_filter("legal", |name| UserName::new(name).is_ok())
}

/// Truncates `text` to at most `max` bytes, between two characters.
fn at_most(mut text: String, max: usize) -> String {
    while text.len() > max {
        text.pop();
    }
    text
}

/// Generates bytes that often resemble a frame with these words and so pass the first checks of a parser.
pub(crate) fn frame_like(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        3 => Just(b"|".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
        1 => content(20).prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Generates text for a field, legal or illegal, sometimes longer than a frame.
pub(crate) fn field() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), content(60), content(1024), any::<String>(), Just("a\nb".to_owned())]
}
