//! Parses values with units: `50/s`, `30s`, `48..200`, `256B/s`, `300%`, `1.5x`.

use std::ops::RangeInclusive;
use std::time::Duration;

use mychat_proto::units::SIZES;

use super::amount::{Amount, amount, bad_unit, too_large};
use crate::diagnostic::Problem;
use crate::grammar::value_type::ValueType;
use crate::model::{Rate, Span};
use crate::suggest::{did_you_mean, listing, shown};

/// The limit of a duration in seconds.
const MAX_SECONDS: f64 = 24.0 * 3600.0;
/// The limit of a rate in actions per second.
pub(crate) const MAX_RATE: f64 = 10_000_000.0;
const MAX_PERCENT: f64 = 1_000_000.0;

/// The units of durations with their seconds.
const TIMES: [(&str, f64); 6] = [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
/// Parses a duration into seconds.
pub(crate) fn seconds(text: &str) -> Result<f64, Problem> {
    let amount = amount(text, &ValueType::Duration)?;
    let Some((_, factor)) = TIMES.iter().find(|(unit, _)| *unit == amount.unit) else {
        let units = TIMES.map(|(unit, _)| unit);
        let problem = bad_unit(&amount, text, &units, "s", &ValueType::Duration);
        return Err(match sum_of_parts(text) {
            Some(seconds) => problem.label(format!("did you mean `{seconds}s`?")),
            None => problem,
        });
    };
    let seconds = amount.number * factor;
    if seconds > MAX_SECONDS { Err(too_large(text, "24h")) } else { Ok(seconds) }
}

/// Returns the seconds of a duration of several parts, such as `1m30s`, for a suggestion: a duration has one unit.
fn sum_of_parts(text: &str) -> Option<f64> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let next = at + text[at..].find(|c: char| c.is_ascii_digit())?;
    let first = seconds(text[..next].trim_end()).ok()?;
    let rest = seconds(&text[next..]).ok().or_else(|| sum_of_parts(&text[next..]))?;
    (first > 0.0).then_some(first + rest)
}

/// Parses a duration that may be zero.
pub(crate) fn pause(text: &str) -> Result<Duration, Problem> {
    seconds(text).map(Duration::from_secs_f64)
}

/// Parses a duration above zero.
pub(crate) fn duration(text: &str) -> Result<Duration, Problem> {
    let duration = pause(text)?;
    if duration.is_zero() {
        return Err(Problem::new("the duration is zero").help("it takes a duration above zero, such as `10s`"));
    }
    Ok(duration)
}

/// Parses a span of values, or one value for both ends.
pub(crate) fn span<T: PartialOrd + Copy>(
    text: &str,
    value: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Span<T>, Problem> {
    let Some((low, high)) = text.split_once("..") else {
        let cut = |sign: &str| {
            text.split_once(sign).filter(|(low, high)| value(low.trim()).is_ok() && value(high.trim()).is_ok())
        };
        if let Some((low, high)) = cut("-").or_else(|| cut("–")).or_else(|| cut(" to ")) {
            return Err(Problem::new("a span needs two dots between its ends").label(format!(
                "did you mean `{}..{}`?",
                low.trim(),
                high.trim()
            )));
        }
        return value(text).map(|only| Span { from: only, to: only });
    };
    let from = value(low).map_err(|problem| problem.shift(0, low.len()))?;
    let to = value(high).map_err(|problem| problem.shift(low.len() + 2, high.len()))?;
    if from > to {
        return Err(
            Problem::new("the ends of the span are in the wrong order").label(format!("did you mean `{high}..{low}`?"))
        );
    }
    Ok(Span { from, to })
}

/// Parses a whole number within limits.
pub(crate) fn whole(text: &str, limits: RangeInclusive<u64>) -> Result<u64, Problem> {
    let (low, high) = (*limits.start(), *limits.end());
    let help = format!("it takes a whole number from {low} to {high}");
    let plain = text.replace('_', "");
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::new(format!("`{}` is not a whole number", shown(text))).help(help));
    }
    match plain.parse() {
        Ok(number) if limits.contains(&number) => Ok(number),
        Ok(number) if number < low => Err(Problem::new(format!("`{}` is too small", shown(text))).help(help)),
        _ => Err(Problem::new(format!("`{}` is too large", shown(text))).help(help)),
    }
}

/// Parses a count within limits of 32 bits.
pub(crate) fn count(text: &str, limits: RangeInclusive<u32>) -> Result<u32, Problem> {
    whole(text, u64::from(*limits.start())..=u64::from(*limits.end())).map(|number| number as u32)
}

/// Parses bytes, with or without a unit.
pub(crate) fn bytes(text: &str) -> Result<f64, Problem> {
    let amount = amount(text, &ValueType::Bytes)?;
    if amount.unit.is_empty() {
        return Ok(amount.number);
    }
    let Some((_, factor)) = SIZES.iter().find(|(unit, _)| *unit == amount.unit) else {
        return Err(bad_unit(&amount, text, &SIZES.map(|(unit, _)| unit), "B", &ValueType::Bytes));
    };
    Ok(amount.number * *factor as f64)
}

/// Parses whole bytes within limits. `low_why` and `high_why` are the reasons for the limits.
pub(crate) fn size(text: &str, limits: RangeInclusive<u32>, low_why: &str, high_why: &str) -> Result<u32, Problem> {
    let bytes = bytes(text)?;
    let (low, high) = (f64::from(*limits.start()), f64::from(*limits.end()));
    if bytes.fract() != 0.0 {
        return Err(Problem::new(format!("`{}` is not a whole number of bytes", shown(text))));
    }
    if bytes < low {
        return Err(Problem::new(format!("{bytes} bytes are too few")).help(format!("at least {low}: {low_why}")));
    }
    if bytes > high {
        return Err(Problem::new(format!("{bytes} bytes are too many")).help(format!("at most {high}: {high_why}")));
    }
    Ok(bytes as u32)
}

/// Parses actions per second.
pub(crate) fn per_second(text: &str, value_type: &ValueType) -> Result<f64, Problem> {
    let amount = amount(text, value_type)?;
    if amount.unit != "/s" {
        return Err(bad_rate(&amount, text, value_type));
    }
    if amount.number <= 0.0 {
        return Err(Problem::new("the rate is zero").help(format!("it takes {}, above zero", value_type.expected())));
    }
    if amount.number > MAX_RATE { Err(too_large(text, "10_000_000/s")) } else { Ok(amount.number) }
}

fn bad_rate(amount: &Amount<'_>, text: &str, value_type: &ValueType) -> Problem {
    let digits = amount.digits;
    let unit = amount.unit.trim();
    let problem = match unit {
        "" => Problem::new(format!("`{}` has no unit", shown(text))),
        _ => Problem::new(format!("`{}` is not a unit of a rate", shown(unit))).part(digits.len()..text.len()),
    };
    let problem = match unit {
        "" | "/" | "/s" | "s" | "/S" | "/sec" | "/second" | "ps" | "per second" | "Hz" | "/ s" => {
            problem.label(format!("did you mean `{digits}/s`?"))
        }
        "/m" | "/min" | "/minute" => {
            let rate = format!("{:.4}", amount.number / 60.0);
            problem.label(format!("did you mean `{}/s`?", rate.trim_end_matches('0').trim_end_matches('.')))
        }
        _ => problem,
    };
    problem.help(format!("it takes {}", value_type.expected()))
}

/// Parses `50/s` or `0.5/s each`.
pub(crate) fn rate(text: &str) -> Result<Rate, Problem> {
    match text.strip_suffix("each") {
        Some(one) => per_second(one.trim_end(), &ValueType::Rates).map(Rate::Each).map_err(|mut problem| {
            // The suggestion must remain a rate per user.
            problem.label = problem.label.map(|label| label.replace("/s`?", "/s each`?"));
            problem
        }),
        None => per_second(text, &ValueType::Rates).map(Rate::Group),
    }
}

/// Parses `256B/s`.
pub(crate) fn bandwidth(text: &str) -> Result<u64, Problem> {
    let expected = format!("it takes {}", ValueType::Bandwidth.expected());
    let Some(size) = text.strip_suffix("/s") else {
        return Err(Problem::new(format!("`{}` does not end in `/s`", shown(text))).help(expected));
    };
    let bytes = bytes(size)?;
    if !(1.0..=1e12).contains(&bytes) {
        return Err(Problem::new(format!("`{}` is out of bounds", shown(text))).help("it takes from 1B/s to 1 TB/s"));
    }
    Ok(bytes as u64)
}

/// Parses `300%`.
pub(crate) fn percent(text: &str) -> Result<f64, Problem> {
    let amount = amount(text, &ValueType::Percent)?;
    if amount.unit != "%" {
        let problem = bad_unit(&amount, text, &["%"], "%", &ValueType::Percent);
        return Err(match amount.unit {
            "x" => problem.label(format!("did you mean `{}%`?", amount.number * 100.0)),
            _ => problem,
        });
    }
    if amount.number > MAX_PERCENT { Err(too_large(text, "1_000_000%")) } else { Ok(amount.number) }
}

/// Parses a percentage above zero.
pub(crate) fn percent_above_zero(text: &str) -> Result<f64, Problem> {
    let percent = percent(text)?;
    if percent <= 0.0 { Err(Problem::new("no user acts at 0%").help("use `pause` for that")) } else { Ok(percent) }
}

/// Parses a number without a unit.
pub(crate) fn number(text: &str) -> Result<f64, Problem> {
    let amount = amount(text, &ValueType::Number)?;
    if amount.unit.is_empty() {
        return Ok(amount.number);
    }
    Err(Problem::new(format!("`{}` is not a number", shown(text)))
        .help("it takes a number such as `1.1`, without a unit"))
}

/// Parses `1.5x`.
pub(crate) fn factor(text: &str) -> Result<f64, Problem> {
    let amount = amount(text, &ValueType::Factor)?;
    if amount.unit != "x" {
        return Err(bad_unit(&amount, text, &["x"], "x", &ValueType::Factor));
    }
    Ok(amount.number)
}

/// Parses one of these words.
pub(crate) fn word<T: Copy>(text: &str, words: &[(&'static str, T)]) -> Result<T, Problem> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let names = || words.iter().map(|(word, _)| *word);
    let mut problem =
        Problem::new(format!("`{}` is not allowed here", shown(text))).help(format!("it takes {}", listing(names())));
    problem.label = did_you_mean(text, names());
    Err(problem)
}

/// Parses `true` or `false`.
pub(crate) fn truth(text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let problem = Problem::new(format!("`{}` is neither `true` nor `false`", shown(text)))
                .help("it takes `true` or `false`");
            Err(match text.to_lowercase().as_str() {
                "yes" | "on" | "y" | "1" | "true" => problem.label("did you mean `true`?"),
                "no" | "off" | "n" | "0" | "false" => problem.label("did you mean `false`?"),
                _ => problem,
            })
        }
    }
}
