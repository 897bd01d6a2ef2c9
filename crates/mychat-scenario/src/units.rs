//! Values with their units into numbers: `50/s`, `30s`, `48..200`, `256B/s`, `300%`, `1.5x`.

use std::ops::RangeInclusive;
use std::time::Duration;

use mychat_proto::units::SIZES;

use super::diagnostic::Wrong;
use super::form::Form;
use super::model::{Rate, Span};
use super::suggest::{did_you_mean, listing, shown};

/// Nothing takes longer.
const LONGEST: f64 = 24.0 * 3600.0;
/// No rate is higher, in actions per second.
pub(super) const FASTEST: f64 = 10_000_000.0;
const MOST_PERCENT: f64 = 1_000_000.0;

const TIMES: [(&str, f64); 6] = [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
/// What people write, and what it is called here.
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

/// A number and what follows it.
pub(super) struct Amount<'t> {
    pub(super) number: f64,
    /// The digits as written.
    pub(super) digits: &'t str,
    pub(super) unit: &'t str,
}

/// Cuts a number off the front of `text`.
pub(super) fn amount<'t>(text: &'t str, form: &Form) -> Result<Amount<'t>, Wrong> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '_' | '.')).unwrap_or(text.len());
    // `5s..20s`: the dots of a span are none of a number.
    let digits = text[..digits].find("..").unwrap_or(digits);
    let (digits, unit) = text.split_at(digits);
    let wrong = |message: String| Wrong::new(message).help(format!("it takes {}", form.expected()));
    if digits.is_empty() {
        let negative = text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit());
        return Err(match negative {
            _ if text.is_empty() => wrong("a value is missing here".to_owned()),
            true => wrong(format!("`{}` is negative", shown(text))),
            false => wrong(format!("`{}` does not start with a number", shown(text))),
        });
    }
    let plain = digits.replace('_', "");
    let number: f64 = match plain.parse() {
        Ok(number) if plain.starts_with(|c: char| c.is_ascii_digit()) && !plain.ends_with('.') => number,
        _ => return Err(wrong(format!("`{}` is not a number", shown(text)))),
    };
    if unit.starts_with(['e', 'E']) && unit[1..].starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        return Err(wrong(format!("`{}` has an exponent", shown(text))).label("write the number out in digits"));
    }
    if unit.starts_with(',') {
        return Err(
            wrong(format!("`{}` has a comma", shown(text))).label("a decimal point is a `.`; thousands are `_`")
        );
    }
    if number > 1e15 {
        return Err(wrong(format!("`{}` is too large", shown(digits))).part(0..digits.len()));
    }
    Ok(Amount { number, digits, unit })
}

fn bad_unit(amount: &Amount<'_>, whole: &str, units: &[&str], default: &str, form: &Form) -> Wrong {
    let unit = amount.unit.trim();
    let at = amount.digits.len()..whole.len();
    let wrong = match unit {
        "" => Wrong::new(format!("`{}` has no unit", shown(whole))),
        _ => Wrong::new(format!("`{}` is not a unit here", shown(unit))).part(at),
    };
    let meant = units
        .iter()
        .find(|known| **known == unit)
        .or_else(|| {
            let other = OTHER_UNITS.iter().find(|(other, _)| *other == unit)?;
            units.iter().find(|known| **known == other.1)
        })
        .or(if unit.is_empty() { Some(&default) } else { None });
    match meant {
        Some(unit) => wrong.label(format!("did you mean `{}{unit}`?", amount.digits)),
        None => wrong,
    }
    .help(format!("it takes {}", form.expected()))
}

fn too_much(text: &str, most: &str) -> Wrong {
    Wrong::new(format!("`{}` is too much", shown(text))).help(format!("at most {most}"))
}

/// Seconds of a duration.
pub(super) fn seconds(text: &str) -> Result<f64, Wrong> {
    let amount = amount(text, &Form::Duration)?;
    let Some((_, factor)) = TIMES.iter().find(|(unit, _)| *unit == amount.unit) else {
        let units = TIMES.map(|(unit, _)| unit);
        let wrong = bad_unit(&amount, text, &units, "s", &Form::Duration);
        return Err(match several(text) {
            Some(seconds) => wrong.label(format!("did you mean `{seconds}s`?")),
            None => wrong,
        });
    };
    let seconds = amount.number * factor;
    if seconds > LONGEST { Err(too_much(text, "24h")) } else { Ok(seconds) }
}

/// Seconds of a duration of several parts, such as `1m30s`: a duration has one unit here.
fn several(text: &str) -> Option<f64> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let next = at + text[at..].find(|c: char| c.is_ascii_digit())?;
    let first = seconds(text[..next].trim_end()).ok()?;
    let rest = seconds(&text[next..]).ok().or_else(|| several(&text[next..]))?;
    (first > 0.0).then_some(first + rest)
}

/// A duration, or none at all (`0s`).
pub(super) fn pause(text: &str) -> Result<Duration, Wrong> {
    seconds(text).map(Duration::from_secs_f64)
}

/// A duration above zero.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let duration = pause(text)?;
    if duration.is_zero() {
        return Err(Wrong::new("the duration is zero").help("it takes a duration above zero, such as `10s`"));
    }
    Ok(duration)
}

/// A span of values, or one value for both ends.
pub(super) fn span<T: PartialOrd + Copy>(
    text: &str,
    value: impl Fn(&str) -> Result<T, Wrong>,
) -> Result<Span<T>, Wrong> {
    let Some((low, high)) = text.split_once("..") else {
        let cut = |sign: &str| {
            text.split_once(sign).filter(|(low, high)| value(low.trim()).is_ok() && value(high.trim()).is_ok())
        };
        if let Some((low, high)) = cut("-").or_else(|| cut("–")).or_else(|| cut(" to ")) {
            return Err(Wrong::new("a span has two dots between its ends").label(format!(
                "did you mean `{}..{}`?",
                low.trim(),
                high.trim()
            )));
        }
        return value(text).map(|only| Span { from: only, to: only });
    };
    let from = value(low).map_err(|wrong| wrong.shift(0, low.len()))?;
    let to = value(high).map_err(|wrong| wrong.shift(low.len() + 2, high.len()))?;
    if from > to {
        return Err(Wrong::new("the span is the wrong way round").label(format!("did you mean `{high}..{low}`?")));
    }
    Ok(Span { from, to })
}

/// A whole number within limits.
pub(super) fn whole(text: &str, limits: RangeInclusive<u64>) -> Result<u64, Wrong> {
    let (low, high) = (*limits.start(), *limits.end());
    let help = format!("it takes a whole number from {low} to {high}");
    let plain = text.replace('_', "");
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::new(format!("`{}` is not a whole number", shown(text))).help(help));
    }
    match plain.parse() {
        Ok(number) if limits.contains(&number) => Ok(number),
        Ok(number) if number < low => Err(Wrong::new(format!("`{}` is too small", shown(text))).help(help)),
        _ => Err(Wrong::new(format!("`{}` is too large", shown(text))).help(help)),
    }
}

/// A count that fits into 32 bits.
pub(super) fn count(text: &str, limits: RangeInclusive<u32>) -> Result<u32, Wrong> {
    whole(text, u64::from(*limits.start())..=u64::from(*limits.end())).map(|number| number as u32)
}

/// Bytes, bare or with a unit.
pub(super) fn bytes(text: &str) -> Result<f64, Wrong> {
    let amount = amount(text, &Form::Bytes)?;
    if amount.unit.is_empty() {
        return Ok(amount.number);
    }
    let Some((_, factor)) = SIZES.iter().find(|(unit, _)| *unit == amount.unit) else {
        return Err(bad_unit(&amount, text, &SIZES.map(|(unit, _)| unit), "B", &Form::Bytes));
    };
    Ok(amount.number * *factor as f64)
}

/// Whole bytes within limits, with what is said where they are left.
pub(super) fn size(text: &str, limits: RangeInclusive<u32>, low_why: &str, high_why: &str) -> Result<u32, Wrong> {
    let bytes = bytes(text)?;
    let (low, high) = (f64::from(*limits.start()), f64::from(*limits.end()));
    if bytes.fract() != 0.0 {
        return Err(Wrong::new(format!("`{}` is not a whole number of bytes", shown(text))));
    }
    if bytes < low {
        return Err(Wrong::new(format!("{bytes} bytes are too few")).help(format!("at least {low}: {low_why}")));
    }
    if bytes > high {
        return Err(Wrong::new(format!("{bytes} bytes are too many")).help(format!("at most {high}: {high_why}")));
    }
    Ok(bytes as u32)
}

/// Actions per second.
pub(super) fn per_second(text: &str, form: &Form) -> Result<f64, Wrong> {
    let amount = amount(text, form)?;
    if amount.unit != "/s" {
        return Err(bad_rate(&amount, text, form));
    }
    if amount.number <= 0.0 {
        return Err(Wrong::new("the rate is zero").help(format!("it takes {}, above zero", form.expected())));
    }
    if amount.number > FASTEST { Err(too_much(text, "10_000_000/s")) } else { Ok(amount.number) }
}

fn bad_rate(amount: &Amount<'_>, text: &str, form: &Form) -> Wrong {
    let digits = amount.digits;
    let unit = amount.unit.trim();
    let wrong = match unit {
        "" => Wrong::new(format!("`{}` has no unit", shown(text))),
        _ => Wrong::new(format!("`{}` is not a unit of rates", shown(unit))).part(digits.len()..text.len()),
    };
    let wrong = match unit {
        "" | "/" | "/s" | "s" | "/S" | "/sec" | "/second" | "ps" | "per second" | "Hz" | "/ s" => {
            wrong.label(format!("did you mean `{digits}/s`?"))
        }
        "/m" | "/min" | "/minute" => {
            let rate = format!("{:.4}", amount.number / 60.0);
            wrong.label(format!("did you mean `{}/s`?", rate.trim_end_matches('0').trim_end_matches('.')))
        }
        _ => wrong,
    };
    wrong.help(format!("it takes {}", form.expected()))
}

/// `50/s`, or `0.5/s each`.
pub(super) fn rate(text: &str) -> Result<Rate, Wrong> {
    match text.strip_suffix("each") {
        Some(one) => per_second(one.trim_end(), &Form::Rates).map(Rate::Each).map_err(|mut wrong| {
            // What is meant is one user's rate all the same.
            wrong.label = wrong.label.map(|label| label.replace("/s`?", "/s each`?"));
            wrong
        }),
        None => per_second(text, &Form::Rates).map(Rate::Group),
    }
}

/// `256B/s`.
pub(super) fn bandwidth(text: &str) -> Result<u64, Wrong> {
    let expected = format!("it takes {}", Form::Bandwidth.expected());
    let Some(size) = text.strip_suffix("/s") else {
        return Err(Wrong::new(format!("`{}` does not end in `/s`", shown(text))).help(expected));
    };
    let bytes = bytes(size)?;
    if !(1.0..=1e12).contains(&bytes) {
        return Err(Wrong::new(format!("`{}` is out of bounds", shown(text))).help("it takes from 1B/s to 1 TB/s"));
    }
    Ok(bytes as u64)
}

/// `300%`, in percent.
pub(super) fn percent(text: &str) -> Result<f64, Wrong> {
    let amount = amount(text, &Form::Percent)?;
    if amount.unit != "%" {
        let wrong = bad_unit(&amount, text, &["%"], "%", &Form::Percent);
        return Err(match amount.unit {
            "x" => wrong.label(format!("did you mean `{}%`?", amount.number * 100.0)),
            _ => wrong,
        });
    }
    if amount.number > MOST_PERCENT { Err(too_much(text, "1_000_000%")) } else { Ok(amount.number) }
}

/// `300%`, above zero.
pub(super) fn percent_above_zero(text: &str) -> Result<f64, Wrong> {
    let percent = percent(text)?;
    if percent <= 0.0 { Err(Wrong::new("nobody acts at 0%").help("`pause` does that")) } else { Ok(percent) }
}

/// `1.5x`.
pub(super) fn factor(text: &str) -> Result<f64, Wrong> {
    let amount = amount(text, &Form::Factor)?;
    if amount.unit != "x" {
        return Err(bad_unit(&amount, text, &["x"], "x", &Form::Factor));
    }
    Ok(amount.number)
}

/// One of some words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&'static str, T)]) -> Result<T, Wrong> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let names = || words.iter().map(|(word, _)| *word);
    let mut wrong =
        Wrong::new(format!("`{}` is not known here", shown(text))).help(format!("it takes {}", listing(names())));
    wrong.label = did_you_mean(text, names());
    Err(wrong)
}

/// `true` or `false`.
pub(super) fn truth(text: &str) -> Result<bool, Wrong> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let wrong =
                Wrong::new(format!("`{}` is not a truth value", shown(text))).help("it takes `true` or `false`");
            Err(match text.to_lowercase().as_str() {
                "yes" | "on" | "y" | "1" | "true" => wrong.label("did you mean `true`?"),
                "no" | "off" | "n" | "0" | "false" => wrong.label("did you mean `false`?"),
                _ => wrong,
            })
        }
    }
}
