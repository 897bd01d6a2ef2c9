//! Reads the items of `do` into actions.

use super::fields::{Fields, many, scalar, tagged_map};
use super::step_text::{self, TextUse};
use super::symbols::SymbolTable;
use super::units;
use crate::diagnostic::Problem;
use crate::grammar::keys::{self, MapSpec};
use crate::grammar::value_type::ValueType;
use crate::model::{Action, Content, Leave, Size, Span, To, Weighted};
use crate::syntax::node::Node;
use crate::syntax::problems::Problems;

/// Bytes of the stamp that every message carries (run, sender, sequence, time, checksum).
pub(crate) const STAMP: u32 = 40;
const USUAL_SIZE: u32 = 64;
pub(crate) const LONGEST_CONTENT: u32 = mychat_proto::MAX_FRAME as u32;
pub(crate) const LONGEST_FRAME: u32 = 1 << 20;
pub(crate) const MOST_WEIGHT: u32 = 1_000_000;
/// A frame may have 1024 bytes.
pub(crate) const SHORTEST_OVERSIZE: u32 = 1025;
pub(crate) const LEAVES: [(&str, Leave); 3] =
    [("disconnect", Leave::Disconnect), ("fin", Leave::Fin), ("rst", Leave::Rst)];

/// Reads one item of `do`. Also returns the node of its size, or of the action if it has no size.
pub(crate) fn action<'n>(
    node: &'n Node,
    symbols: &SymbolTable,
    problems: &mut Problems,
) -> Option<(Weighted, &'n Node)> {
    let item = tagged_map(node, &keys::ACTIONS, problems)?;
    let spec = inner(item.name);
    let fields = Fields::open(item.key, item.value, spec, problems)?;
    let weight = match fields.get("weight") {
        Some(_) => fields.read("weight", problems, |text| units::count(text, 1..=MOST_WEIGHT)),
        None => Some(1),
    };
    let action = match item.name {
        "broadcast" => content(&fields, problems).map(|content| Action::Broadcast { content }),
        "private" => {
            let to = fields.read("to", problems, |text| recipient(text, symbols));
            content(&fields, problems).and_then(|content| Some(Action::Private { to: to?, content }))
        }
        "frame" => frame(&fields, problems),
        "oversize" => {
            let why = "a frame of up to 1024 bytes is not too long";
            span(&fields, problems, SHORTEST_OVERSIZE, why).map(|size| Action::Oversize { size })
        }
        "duplicate_name" => {
            fields.read("of", problems, |text| symbols.group(text)).map(|of| Action::DuplicateName { of })
        }
        "garbage" => span(&fields, problems, 1, "the first byte makes it invalid").map(|size| Action::Garbage { size }),
        "half_frame" => fields.read("stall", problems, units::duration).map(|stall| Action::HalfFrame { stall }),
        "say" => content(&fields, problems).map(|content| Action::Say { content }),
        "join_room" => Some(Action::JoinRoom),
        "leave_room" => Some(Action::LeaveRoom),
        _ => fields.read("leave", problems, |text| units::word(text, &LEAVES)).map(|leave| Action::Reconnect { leave }),
    };
    let place = spec.key("size").and_then(|_| fields.get("size")).unwrap_or(item.key);
    Some((Weighted { weight: weight?, action: action? }, place))
}

fn inner(action: &str) -> &'static MapSpec {
    match keys::ACTIONS.key(action).map(|key| key.value_type) {
        Some(ValueType::Map(spec)) => spec,
        _ => &keys::BROADCAST,
    }
}

fn recipient(text: &str, symbols: &SymbolTable) -> Result<To, Problem> {
    match text {
        "nobody" => Ok(To::Nobody),
        "self" => Ok(To::Myself),
        "partner" => Ok(To::Partner),
        _ => symbols.group_or(text, &["nobody", "partner", "self"]).map(To::Group),
    }
}

fn content(fields: &Fields<'_>, problems: &mut Problems) -> Option<Content> {
    let text = match fields.get("text") {
        Some(_) => Some(fields.read("text", problems, words)?),
        None => None,
    };
    let needed = text.as_ref().map_or(STAMP, |text| STAMP + 1 + text.len() as u32);
    let size = if fields.get("size").is_some() {
        fields.read("size", problems, |size| self::size(size, needed, text.is_some()))?
    } else {
        let usual = USUAL_SIZE.max(needed);
        Size::Bytes(Span { from: usual, to: usual })
    };
    Some(Content { size, text })
}

fn size(text: &str, needed: u32, with_words: bool) -> Result<Size, Problem> {
    if text == "max" {
        return Ok(Size::Max);
    }
    let why = if with_words {
        "the stamp that identifies a message, a space, and the text"
    } else {
        "a message contains a stamp of up to 40 bytes, which identifies it"
    };
    let high_why = "the length of a frame; `max` is the longest content that fits";
    units::span(text, |bytes| units::size(bytes, needed..=LONGEST_CONTENT, why, high_why)).map(Size::Bytes)
}

fn words(text: &str) -> Result<String, Problem> {
    const LONGEST: usize = 800;
    if text.is_empty() || text.trim() != text {
        return Err(Problem::new("the text is empty, or begins or ends with a space"));
    }
    if let Some((at, c)) = mychat_proto::text::hidden_characters(text).next() {
        let problem = Problem::new(format!("a control or format character (U+{:04X}) in the text", u32::from(c)))
            .part(at..at + c.len_utf8())
            .help("a line feed would end the frame; `frame` sends any frame");
        return Err(problem);
    }
    if text.len() > LONGEST {
        return Err(Problem::new(format!("the text has {} bytes", text.len())).help(format!("at most {LONGEST}")));
    }
    Ok(text.to_owned())
}

fn span(fields: &Fields<'_>, problems: &mut Problems, least: u32, why: &'static str) -> Option<Span<u32>> {
    fields.read("size", problems, |text| {
        units::span(text, |bytes| units::size(bytes, least..=LONGEST_FRAME, why, "the limit of the tool"))
    })
}

fn frame(fields: &Fields<'_>, problems: &mut Problems) -> Option<Action> {
    let text = fields.read("text", problems, |text| step_text::text(text, TextUse::Frame, &[]));
    let mut gets = Vec::new();
    if let Some(node) = fields.get("gets") {
        for node in many(node, problems) {
            gets.extend(scalar(node, &ValueType::Pattern, problems, |text| {
                step_text::text(text, TextUse::Pattern, &[])
            }));
        }
    }
    Some(Action::Frame { text: text?, gets })
}
