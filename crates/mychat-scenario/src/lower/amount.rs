//! Reads a number with its unit, and reports a wrong or missing unit with a suggestion.

use crate::diagnostic::Problem;
use crate::grammar::value_type::ValueType;
use crate::suggest::shown;

/// Common wrong units, with the right ones.
const OTHER_UNITS: [(&str, &str); 22] = [
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("S", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minutes", "m"),
    ("hours", "h"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("MS", "ms"),
    ("μs", "us"),
    ("usec", "us"),
    ("K", "KiB"),
    ("KB", "KiB"),
    ("kB", "KiB"),
    ("M", "MiB"),
    ("MB", "MiB"),
    ("G", "GiB"),
    ("GB", "GiB"),
    ("b", "B"),
];

/// A number and its unit.
pub(super) struct Amount<'t> {
    pub(super) number: f64,
    /// The digits as written.
    pub(super) digits: &'t str,
    pub(super) unit: &'t str,
}

/// Splits `text` into a number and its unit.
pub(super) fn amount<'t>(text: &'t str, value_type: &ValueType) -> Result<Amount<'t>, Problem> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '_' | '.')).unwrap_or(text.len());
    // The dots of a span such as `5s..20s` are not part of the number.
    let digits = text[..digits].find("..").unwrap_or(digits);
    let (digits, unit) = text.split_at(digits);
    let problem = |message: String| Problem::new(message).help(format!("it takes {}", value_type.expected()));
    if digits.is_empty() {
        let negative = text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit());
        return Err(match negative {
            _ if text.is_empty() => problem("a value is missing here".to_owned()),
            true => problem(format!("`{}` is negative", shown(text))),
            false => problem(format!("`{}` does not start with a number", shown(text))),
        });
    }
    let plain = digits.replace('_', "");
    let number: f64 = match plain.parse() {
        Ok(number) if plain.starts_with(|c: char| c.is_ascii_digit()) && !plain.ends_with('.') => number,
        _ => return Err(problem(format!("`{}` is not a number", shown(text)))),
    };
    if unit.starts_with(['e', 'E']) && unit[1..].starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        return Err(problem(format!("`{}` has an exponent", shown(text))).label("write the number out in digits"));
    }
    if unit.starts_with(',') {
        return Err(
            problem(format!("`{}` has a comma", shown(text))).label("a decimal point is a `.`; thousands are `_`")
        );
    }
    if number > 1e15 {
        return Err(problem(format!("`{}` is too large", shown(digits))).part(0..digits.len()));
    }
    Ok(Amount { number, digits, unit })
}

/// Returns the problem for a missing or unknown unit; `default` is the suggestion for a missing one.
pub(super) fn bad_unit(
    amount: &Amount<'_>,
    whole: &str,
    units: &[&str],
    default: &str,
    value_type: &ValueType,
) -> Problem {
    let unit = amount.unit.trim();
    let at = amount.digits.len()..whole.len();
    let problem = match unit {
        "" => Problem::new(format!("`{}` has no unit", shown(whole))),
        _ => Problem::new(format!("`{}` is not a unit here", shown(unit))).part(at),
    };
    let suggestion = units
        .iter()
        .find(|known| **known == unit)
        .or_else(|| {
            let other = OTHER_UNITS.iter().find(|(other, _)| *other == unit)?;
            units.iter().find(|known| **known == other.1)
        })
        .or(if unit.is_empty() { Some(&default) } else { None });
    match suggestion {
        Some(unit) => problem.label(format!("did you mean `{}{unit}`?", amount.digits)),
        None => problem,
    }
    .help(format!("it takes {}", value_type.expected()))
}

pub(super) fn too_large(text: &str, limit: &str) -> Problem {
    Problem::new(format!("`{}` is too large", shown(text))).help(format!("at most {limit}"))
}
