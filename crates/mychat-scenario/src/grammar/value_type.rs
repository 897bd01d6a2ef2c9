//! The types of values, with the description of each for error messages.

use super::keys::MapSpec;

/// The type of a key's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ValueType {
    /// Any text.
    Text,
    /// A whole number.
    Whole,
    /// `1.1`.
    Number,
    /// `true` or `false`.
    Truth,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `30s`.
    Duration,
    /// `5s..20s`, or `5s`.
    Durations,
    /// `50/s`.
    Rate,
    /// `50/s`, or `0.5/s each`.
    Rates,
    /// `256B/s`.
    Bandwidth,
    /// `300%`.
    Percent,
    /// `1.5x`.
    Factor,
    /// `48..200`, or `64`.
    Bytes,
    /// `48..200`, `64` or `max`.
    Size,
    /// A user's name with `{group}` and `{n}`.
    Naming,
    /// `HOST:PORT`.
    Address,
    /// The name of a group.
    Group,
    /// The name of a group, `nobody`, `partner` or `self`.
    Recipient,
    /// The name of an actor.
    Actor,
    /// A frame, with `{…}` in it.
    Frame,
    /// Bytes, with `{hex:…}` in them.
    RawBytes,
    /// A pattern for a frame.
    Pattern,
    /// A condition.
    Condition,
    /// One of the form, or a list of them.
    Many(&'static ValueType),
    /// A list of the form.
    List(&'static ValueType),
    /// A map from names to the form.
    Names(&'static ValueType),
    /// Either of the two.
    Either(&'static ValueType, &'static ValueType),
    /// A map with these keys.
    Map(&'static MapSpec),
    /// A map with exactly one of these keys, which selects the type of the value.
    TaggedMap(&'static MapSpec),
}

impl ValueType {
    fn example(&self) -> &'static str {
        match self {
            Self::Map(spec) | Self::TaggedMap(spec) => spec.example,
            _ => "lost == 0",
        }
    }

    fn named(&self) -> String {
        match self {
            Self::Map(spec) => format!("bots: {}", spec.example),
            _ => "alice: …".to_owned(),
        }
    }

    /// Returns a description of the type for error messages.
    pub(crate) fn expected(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Whole => "a whole number".to_owned(),
            Self::Number => "a number such as `1.1`".to_owned(),
            Self::Truth => "`true` or `false`".to_owned(),
            Self::Word(words) => crate::suggest::listing(words.iter().copied()),
            Self::Duration => "a duration such as `30s` or `500ms`".to_owned(),
            Self::Durations => "a duration such as `5s`, or a span such as `5s..20s`".to_owned(),
            Self::Rate => "a rate such as `50/s`".to_owned(),
            Self::Rates => "a rate such as `50/s` (the whole group's) or `0.5/s each` (one user's)".to_owned(),
            Self::Bandwidth => "bytes per second, such as `256B/s` or `4KiB/s`".to_owned(),
            Self::Percent => "a percentage such as `300%`".to_owned(),
            Self::Factor => "a factor such as `1.5x`".to_owned(),
            Self::Bytes => "bytes such as `64`, or a span such as `48..200`".to_owned(),
            Self::Size => "bytes such as `64`, a span such as `48..200`, or `max`".to_owned(),
            Self::Naming => "a name such as `\"{group}{n}\"`".to_owned(),
            Self::Address => "an address such as `127.0.0.1:5000`".to_owned(),
            Self::Group => "the name of a group".to_owned(),
            Self::Recipient => "the name of a group, `nobody` or `self`".to_owned(),
            Self::Actor => "the name of an actor".to_owned(),
            Self::Frame => "a frame such as `\"MESSAGE|{bob}|hello\"`".to_owned(),
            Self::RawBytes => "bytes such as `\"caf{hex:c3a9}\\n\"`".to_owned(),
            Self::Pattern => "a pattern such as `\"ERROR|404|*\"`".to_owned(),
            Self::Condition => "a condition such as `lost == 0`".to_owned(),
            Self::Many(value_type) => format!("{}, or a list of them", value_type.expected()),
            Self::List(inner) => format!("a list, each item after a dash: `- {}`", inner.example()),
            Self::Names(inner) => format!("a map with names as keys: `{}`", inner.named()),
            Self::Either(one, other) => format!("{}, or {}", one.expected(), other.expected()),
            Self::Map(spec) => format!("a map: {}", spec.example),
            Self::TaggedMap(spec) => format!("{} such as `{}`", spec.what, spec.example),
        }
    }
}
