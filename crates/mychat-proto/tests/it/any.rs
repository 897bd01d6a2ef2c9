//! Values to try: legal ones, and bytes of any kind with a liking for what framing trips over.

use mychat_proto::{Deframer, Framing, Inbound, UserName};
use proptest::prelude::*;
use proptest::sample::select;

/// What came out of a deframer, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Frame(Vec<u8>),
    Oversize,
    Overrun,
}

/// Feeds one piece and takes all that comes out.
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

/// Cuts at the places that `cuts` gives, in thousandths of the whole, and at those alone.
pub(crate) fn split<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut * bytes.len() / 1000).collect();
    places.sort_unstable();
    places.push(bytes.len());
    places.iter().scan(0, |from, &to| Some(&bytes[std::mem::replace(from, to)..to])).collect()
}

/// Where to cut.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..=1000_usize, 0..12)
}

/// A stream of bytes: lines of all lengths that matter, ended in all ways, and noise.
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

/// All framings.
pub(crate) fn framing() -> impl Strategy<Value = Framing> {
    select(vec![Framing::Lf, Framing::CrLf, Framing::Raw])
}

/// Content of 1 to `max` bytes: anything but a line feed, often with pipes, control characters and a CR at the end.
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

/// A legal name.
pub(crate) fn name() -> impl Strategy<Value = String> {
    let letters = select(vec!["a", "B", "7", "é", "名", "👩", ".", "_", "a b"]);
    let any_length =
        prop::collection::vec(letters, 1..40).prop_map(|letters| at_most(letters.concat(), 64).trim_end().to_owned());
    prop_oneof![any_length, "[a-z]{8}", "[a-z]{64}", "[a-z]"].prop_filter("legal", |name| UserName::new(name).is_ok())
}

/// Cuts between two characters, at `max` bytes or before.
fn at_most(mut text: String, max: usize) -> String {
    while text.len() > max {
        text.pop();
    }
    text
}
