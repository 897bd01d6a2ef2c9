//! The forms of values into schemas: types, patterns, and what an editor says where a pattern does not fit.
//!
//! A schema must take whatever the parser takes. It may take more: what needs a second look at the file, such as whether
//! a group exists, is the parser's alone.

use std::ptr;

use super::super::form::Form;
use super::super::keys::{self, Table};
use super::super::model::Action;
use super::super::names::RESERVED;
use super::super::script::WORDS;
use super::super::{naming, units};
use super::conditions;
use super::node::{Rule, Schema};
use super::notes::Bound;

/// Digits, with `_` between them where they help the eye, and perhaps a part behind the point.
pub(super) const NUMBER: &str = r"[0-9][0-9_]*(\.[0-9][0-9_]*)?";
pub(super) const TIME_UNIT: &str = "(us|µs|ms|s|m|h)";
pub(super) const SIZE_UNIT: &str = "(B|KiB|MiB|GiB)";
/// Stands before a number: some digit of it is not zero.
pub(super) const ABOVE_ZERO: &str = r"(?=[0_.]*[1-9])";
const IDENTIFIER: &str = "^[A-Za-z][A-Za-z0-9_-]{0,39}$";
const PORT: &str = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
/// What YAML makes of words that are text to the parser.
const TEXT: [&str; 3] = ["string", "number", "boolean"];

/// The schema of a form, within bounds.
pub(super) fn schema(form: &Form, bound: Bound) -> Schema {
    match form {
        Form::Text => text(None, form, bound),
        Form::Naming => text(Some(r"^([^{}]|\{\{|\}\}|\{group\}|\{n\}|\{n:0[0-9]{1,2}\})+$"), form, bound),
        Form::Frame => text(Some(r"^[^\r\n]+$"), form, bound),
        Form::RawBytes => text(Some(r"^([^{}]|\{\{|\}\}|\{[^{}]+\})+$"), form, bound),
        Form::Pattern => {
            text(Some(r"^(/[\s\S]*/|(\*|[^*|/][^*|]*)?(\|(\*|[^*|]*))*)$"), form, Bound::Length(1, 10_000))
        }
        Form::Whole => Schema { types: vec!["integer", "string"], ..within(pattern("^[0-9][0-9_]*$", form), bound) },
        Form::Truth => Schema { types: vec!["boolean"], ..Schema::default() },
        Form::Word(words) => Schema { types: vec!["string"], words: words.to_vec(), ..Schema::default() },
        Form::Duration => string(&format!("^{ABOVE_ZERO}{NUMBER}{TIME_UNIT}$"), form),
        Form::Durations => {
            let least = if bound == Bound::AboveZero { ABOVE_ZERO } else { "" };
            string(&format!(r"^{least}{NUMBER}{TIME_UNIT}(\.\.{NUMBER}{TIME_UNIT})?$"), form)
        }
        Form::Rate => string(&format!("^{ABOVE_ZERO}{NUMBER}/s$"), form),
        Form::Rates => string(&format!(r"^{ABOVE_ZERO}{NUMBER}/s(\s*each)?$"), form),
        Form::Bandwidth => string(&format!("^{ABOVE_ZERO}{NUMBER}{SIZE_UNIT}?/s$"), form),
        Form::Percent => {
            let least = if bound == Bound::AboveZero { ABOVE_ZERO } else { "" };
            string(&format!("^{least}{NUMBER}%$"), form)
        }
        Form::Factor => string(&format!("^{NUMBER}x$"), form),
        Form::Bytes => size("", form, bound),
        Form::Size => size("max|", form, bound),
        Form::Address => string(&format!(r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):{PORT}$"), form),
        Form::Group | Form::Actor => string(IDENTIFIER, form),
        Form::Recipient => {
            let words = Schema { words: vec!["nobody", "partner", "self"], ..Schema::default() };
            Schema { any_of: vec![words, string(IDENTIFIER, form)], ..Schema::default() }
        }
        Form::Condition => Schema {
            description: Some(conditions::description()),
            examples: ["lost == 0", "delivery.p99 < 50ms", "achieved >= 99%"].map(Into::into).to_vec(),
            ..string(&conditions::pattern(bound == Bound::Window), form)
        },
        Form::Many(one) => {
            let one = schema(one, bound);
            Schema { any_of: vec![one.clone(), list(one)], ..Schema::default() }
        }
        Form::List(one) => list(schema(one, bound)),
        Form::Names(one) => names(one),
        Form::Either(one, other) => {
            Schema { any_of: vec![schema(one, bound), schema(other, bound)], ..Schema::default() }
        }
        Form::Map(table) => super::map(table),
        Form::Sentence(table) if ptr::eq(*table, &raw const keys::STEPS) => {
            Schema { reference: Some("#/definitions/step"), ..Schema::default() }
        }
        Form::Sentence(table) => super::sentence(table),
    }
}

fn pattern(pattern: &str, form: &Form) -> Schema {
    let message = format!("it takes {}", form.expected());
    Schema { pattern: Some(pattern.to_owned()), error_message: Some(message), ..Schema::default() }
}

fn string(regex: &str, form: &Form) -> Schema {
    Schema { types: vec!["string"], ..pattern(regex, form) }
}

fn text(regex: Option<&str>, form: &Form, bound: Bound) -> Schema {
    let schema = regex.map(|regex| pattern(regex, form)).unwrap_or_default();
    Schema { types: TEXT.to_vec(), ..within(schema, bound) }
}

fn size(word: &str, form: &Form, bound: Bound) -> Schema {
    let one = format!("{NUMBER}{SIZE_UNIT}?");
    let schema = pattern(&format!(r"^({word}{one}(\.\.{one})?)$"), form);
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

/// A map whose keys are the names of groups, or of actors.
fn names(one: &'static Form) -> Schema {
    let groups = matches!(one, Form::Map(table) if ptr::eq::<Table>(*table, &raw const keys::GROUP));
    let (form, taken) = if groups {
        (Form::Group, [&RESERVED[..], &Action::NAMES[..]].concat())
    } else {
        (Form::Actor, WORDS.to_vec())
    };
    let taken = Schema { words: taken, ..Schema::default() };
    Schema {
        types: vec!["object"],
        property_names: Some(Box::new(Schema { not: Some(Box::new(taken)), ..pattern(IDENTIFIER, &form) })),
        additional_properties: Some(Rule::from(schema(one, Bound::None))),
        ..Schema::default()
    }
}

/// A default as a value, where it is one and not words for people.
pub(super) fn default(form: &Form, text: &str) -> Option<serde_json::Value> {
    let legal = match form {
        Form::Whole | Form::Size => return text.parse::<u64>().ok().map(Into::into),
        Form::Truth => return text.parse::<bool>().ok().map(Into::into),
        Form::Word(words) => words.contains(&text),
        Form::Duration => units::duration(text).is_ok(),
        Form::Durations => units::span(text, units::pause).is_ok(),
        Form::Rate | Form::Rates => units::rate(text).is_ok(),
        Form::Percent => units::percent(text).is_ok(),
        Form::Factor => units::factor(text).is_ok(),
        Form::Naming => naming::pattern(text).is_ok(),
        Form::Many(one) => return default(one, text),
        Form::Either(one, other) => return default(one, text).or_else(|| default(other, text)),
        _ => false,
    };
    legal.then(|| text.into())
}
