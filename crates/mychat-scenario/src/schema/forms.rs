//! Builds the schema of a value from its type, with the message that an editor shows for a wrong value.
//!
//! A schema must accept every value that the parser accepts. It may accept more: checks that need the rest of the file,
//! such as the existence of a group, are left to the parser.

use std::ptr;

use super::conditions;
use super::node::{Rule, Schema};
use super::notes::Bound;
use super::patterns::{ABOVE_ZERO, NUMBER, SIZE_UNIT, TIME_UNIT};
use crate::grammar::keys::{self, MapSpec};
use crate::grammar::value_type::ValueType;
use crate::lower::step_text::WORDS;
use crate::lower::symbols::RESERVED;
use crate::lower::{name_pattern, units};
use crate::model::Action;

const IDENTIFIER: &str = "^[A-Za-z][A-Za-z0-9_-]{0,39}$";
const PORT: &str = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
/// The words that YAML reads as values and the parser keeps as text.
const TEXT: [&str; 3] = ["string", "number", "boolean"];

/// Returns the schema of a type, within bounds.
pub(super) fn schema(value_type: &ValueType, bound: Bound) -> Schema {
    match value_type {
        ValueType::Text => text(None, value_type, bound),
        ValueType::Naming => text(Some(r"^([^{}]|\{\{|\}\}|\{group\}|\{n\}|\{n:0[0-9]{1,2}\})+$"), value_type, bound),
        ValueType::Frame => text(Some(r"^[^\r\n]+$"), value_type, bound),
        ValueType::RawBytes => text(Some(r"^([^{}]|\{\{|\}\}|\{[^{}]+\})+$"), value_type, bound),
        ValueType::Pattern => {
            text(Some(r"^(/[\s\S]*/|(\*|[^*|/][^*|]*)?(\|(\*|[^*|]*))*)$"), value_type, Bound::Length(1, 10_000))
        }
        ValueType::Whole => {
            Schema { types: vec!["integer", "string"], ..within(pattern("^[0-9][0-9_]*$", value_type), bound) }
        }
        ValueType::Number => {
            Schema { types: vec!["number", "string"], ..pattern(&format!("^{ABOVE_ZERO}{NUMBER}$"), value_type) }
        }
        ValueType::Truth => Schema { types: vec!["boolean"], ..Schema::default() },
        ValueType::Word(words) => Schema { types: vec!["string"], words: words.to_vec(), ..Schema::default() },
        ValueType::Duration => string(&format!("^{ABOVE_ZERO}{NUMBER}{TIME_UNIT}$"), value_type),
        ValueType::Durations => {
            let least = if bound == Bound::AboveZero { ABOVE_ZERO } else { "" };
            string(&format!(r"^{least}{NUMBER}{TIME_UNIT}(\.\.{NUMBER}{TIME_UNIT})?$"), value_type)
        }
        ValueType::Rate => string(&format!("^{ABOVE_ZERO}{NUMBER}/s$"), value_type),
        ValueType::Rates => string(&format!(r"^{ABOVE_ZERO}{NUMBER}/s(\s*each)?$"), value_type),
        ValueType::Bandwidth => string(&format!("^{ABOVE_ZERO}{NUMBER}{SIZE_UNIT}?/s$"), value_type),
        ValueType::Percent => {
            let least = if bound == Bound::AboveZero { ABOVE_ZERO } else { "" };
            string(&format!("^{least}{NUMBER}%$"), value_type)
        }
        ValueType::Factor => string(&format!("^{NUMBER}x$"), value_type),
        ValueType::Bytes => size("", value_type, bound),
        ValueType::Size => size("max|", value_type, bound),
        ValueType::Address => string(&format!(r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):{PORT}$"), value_type),
        ValueType::Group | ValueType::Actor => string(IDENTIFIER, value_type),
        ValueType::Recipient => {
            let words = Schema { words: vec!["nobody", "partner", "self"], ..Schema::default() };
            Schema { any_of: vec![words, string(IDENTIFIER, value_type)], ..Schema::default() }
        }
        ValueType::Condition => Schema {
            description: Some(conditions::description()),
            examples: ["lost == 0", "delivery.p99 < 50ms", "achieved >= 99%"].map(Into::into).to_vec(),
            ..string(&conditions::pattern(bound == Bound::Window), value_type)
        },
        ValueType::Many(one) => {
            let one = schema(one, bound);
            Schema { any_of: vec![one.clone(), list(one)], ..Schema::default() }
        }
        ValueType::List(one) => list(schema(one, bound)),
        ValueType::Names(one) => names(one),
        ValueType::Either(one, other) => {
            Schema { any_of: vec![schema(one, bound), schema(other, bound)], ..Schema::default() }
        }
        ValueType::Map(spec) => super::map(spec),
        ValueType::TaggedMap(spec) if ptr::eq(*spec, &raw const keys::STEPS) => {
            Schema { reference: Some("#/definitions/step"), ..Schema::default() }
        }
        ValueType::TaggedMap(spec) => super::tagged_map(spec),
    }
}

fn pattern(pattern: &str, value_type: &ValueType) -> Schema {
    let message = format!("it takes {}", value_type.expected());
    Schema { pattern: Some(pattern.to_owned()), error_message: Some(message), ..Schema::default() }
}

fn string(regex: &str, value_type: &ValueType) -> Schema {
    Schema { types: vec!["string"], ..pattern(regex, value_type) }
}

fn text(regex: Option<&str>, value_type: &ValueType, bound: Bound) -> Schema {
    let schema = regex.map(|regex| pattern(regex, value_type)).unwrap_or_default();
    Schema { types: TEXT.to_vec(), ..within(schema, bound) }
}

fn size(word: &str, value_type: &ValueType, bound: Bound) -> Schema {
    let one = format!("{NUMBER}{SIZE_UNIT}?");
    let schema = pattern(&format!(r"^({word}{one}(\.\.{one})?)$"), value_type);
    Schema { types: vec!["integer", "string"], ..within(schema, bound) }
}

fn within(schema: Schema, bound: Bound) -> Schema {
    match bound {
        Bound::Length(least, most) => Schema { min_length: Some(least), max_length: Some(most), ..schema },
        Bound::Numbers(least, most) => Schema { minimum: Some(least), maximum: most, ..schema },
        _ => schema,
    }
}

fn list(items: Schema) -> Schema {
    Schema { types: vec!["array"], items: Some(Box::new(items)), min_items: Some(1), ..Schema::default() }
}

/// Returns the schema of a map whose keys are names of groups or actors.
fn names(one: &'static ValueType) -> Schema {
    let groups = matches!(one, ValueType::Map(spec) if ptr::eq::<MapSpec>(*spec, &raw const keys::GROUP));
    let (value_type, taken) = if groups {
        (ValueType::Group, [&RESERVED[..], &Action::NAMES[..]].concat())
    } else {
        (ValueType::Actor, WORDS.to_vec())
    };
    let taken = Schema { words: taken, ..Schema::default() };
    Schema {
        types: vec!["object"],
        property_names: Some(Box::new(Schema { not: Some(Box::new(taken)), ..pattern(IDENTIFIER, &value_type) })),
        additional_properties: Some(Rule::from(schema(one, Bound::None))),
        ..Schema::default()
    }
}

/// Returns a default as a value; `None` if it is a description.
pub(super) fn default(value_type: &ValueType, text: &str) -> Option<serde_json::Value> {
    let legal = match value_type {
        ValueType::Whole | ValueType::Size => return text.parse::<u64>().ok().map(Into::into),
        ValueType::Truth => return text.parse::<bool>().ok().map(Into::into),
        ValueType::Word(words) => words.contains(&text),
        ValueType::Duration => units::duration(text).is_ok(),
        ValueType::Durations => units::span(text, units::pause).is_ok(),
        ValueType::Rate | ValueType::Rates => units::rate(text).is_ok(),
        ValueType::Percent => units::percent(text).is_ok(),
        ValueType::Factor => units::factor(text).is_ok(),
        ValueType::Naming => name_pattern::pattern(text).is_ok(),
        ValueType::Many(one) => return default(one, text),
        ValueType::Either(one, other) => return default(one, text).or_else(|| default(other, text)),
        _ => false,
    };
    legal.then(|| text.into())
}
