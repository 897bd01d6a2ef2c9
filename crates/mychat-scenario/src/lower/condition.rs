//! Reads an item of `expect` or `abort_if`: a measure, a comparison, a value, and an optional `for` duration.

use super::amount::amount;
use super::measure::{measure, metric_names};
use super::symbols::SymbolTable;
use super::units;
use crate::diagnostic::Problem;
use crate::grammar::value_type::ValueType;
use crate::model::{Condition, Measure, Metric, Op, Unit, Value};
use crate::suggest::shown;

/// Common misspellings of operators.
const OTHER_OPS: [(&str, &str); 9] = [
    ("=<", "<="),
    ("=>", ">="),
    ("=", "=="),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("<>", "!="),
    ("is", "=="),
    ("!", "!="),
];

/// Reads a condition; with `windows` it may have a `for`.
pub(crate) fn condition(text: &str, line: usize, windows: bool, symbols: &SymbolTable) -> Result<Condition, Problem> {
    let (measure, length) = measure(text, symbols)?;
    let at = length + leading_spaces(&text[length..]);
    let (op, sign) = comparison(&text[at..]).map_err(|problem| problem.shift(at, text[at..].len().min(2)))?;
    let at = at + sign;
    if text.ends_with(" for") {
        return Err(Problem::new("a duration is missing after `for`")
            .part(text.len() - 3..text.len())
            .help("such as `for 5s`"));
    }
    let (value_text, window) = match text[at..].find(" for ") {
        Some(word) => (&text[at..at + word], Some(at + word + 5)),
        None => (&text[at..], None),
    };
    let start = at + leading_spaces(value_text);
    let value = value(value_text.trim(), &measure, op, symbols)
        .map_err(|problem| problem.shift(start, value_text.trim().len()))?;
    let window = match window {
        Some(at) if windows => {
            let rest = text[at..].trim();
            let place = at + leading_spaces(&text[at..]);
            Some(units::duration(rest).map_err(|problem| problem.shift(place, rest.len()))?)
        }
        Some(at) => {
            let problem =
                Problem::new("`for` is allowed in `abort_if` only: an expectation is evaluated once, at the end");
            return Err(problem.part(at - 4..text.len()).help("move the condition to `abort_if`, or remove `for`"));
        }
        None => None,
    };
    Ok(Condition { text: text.to_owned(), line, measure, op, value, window })
}

fn leading_spaces(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn comparison(text: &str) -> Result<(Op, usize), Problem> {
    let help = "comparisons are <, <=, ==, !=, >= and >";
    if let Some((other, right)) = OTHER_OPS
        .iter()
        .find(|(other, _)| text.starts_with(other) && !text.starts_with("==") && !text.starts_with("!="))
    {
        let problem = Problem::new(format!("`{other}` is not a comparison")).part(0..other.len());
        return Err(problem.label(format!("did you mean `{right}`?")).help(help));
    }
    match Op::ALL.iter().find(|(sign, _)| text.starts_with(sign)) {
        Some((sign, op)) => Ok((*op, sign.len())),
        None if text.is_empty() => Err(Problem::new("a comparison is missing")
            .part(0..0)
            .help("write a condition such as `lost == 0` or `delivery.p99 < 50ms`")),
        None => {
            let word = text.split_whitespace().next().unwrap_or(text);
            Err(Problem::new(format!("expected a comparison, found `{}`", shown(word))).part(0..word.len()).help(help))
        }
    }
}

fn value(text: &str, measure: &Measure, op: Op, symbols: &SymbolTable) -> Result<Value, Problem> {
    if text.is_empty() {
        return Err(Problem::new("a value is missing after the comparison")
            .help(format!("it takes {}", example(measure.metric))));
    }
    if let Some(value) = relative(text, measure, symbols)? {
        return Ok(value);
    }
    let value_type = ValueType::Condition;
    match measure.metric.unit() {
        Unit::Latency => match units::seconds(text) {
            Ok(seconds) => Ok(Value::Number(seconds * 1e6)),
            Err(problem) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                Err(problem.label(format!("did you mean `{text}ms`?")))
            }
            Err(problem) => Err(problem),
        },
        Unit::Count => count(text, measure.metric).map(Value::Number),
        Unit::Percent => {
            let amount = amount(text, &value_type)
                .map_err(|problem| problem.help(format!("it takes {}", example(measure.metric))))?;
            if amount.unit.is_empty() && measure.metric == Metric::Errors {
                return count(text, measure.metric).map(Value::Count);
            }
            if measure.metric == Metric::Errors && measure.selector.stage == Some(symbols.join()) {
                return Err(Problem::new("no user sends while joining, so errors have no percentage there")
                    .help("it takes a count such as `0`"));
            }
            let percent = units::percent(text)
                .map_err(|problem| problem.help(format!("it takes {}", example(measure.metric))))?;
            let beyond = percent > 100.0 || (percent >= 100.0 && op == Op::More);
            let never =
                beyond && matches!(op, Op::AtLeast | Op::More | Op::Equal) && measure.metric == Metric::Achieved;
            if never {
                Err(Problem::new("`achieved` is never more than 100%")
                    .help("it is the part of the scheduled messages that was sent"))
            } else {
                Ok(Value::Number(percent))
            }
        }
        Unit::Bytes => match units::bytes(text) {
            Ok(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(Problem::new(format!("`{}` has no unit", shown(text)))
                    .label(format!("did you mean `{text}MiB`?"))
                    .help("units are B, KiB, MiB and GiB"))
            }
            Ok(bytes) => Ok(Value::Number(bytes)),
            Err(problem) => Err(problem.help(format!("it takes {}", example(measure.metric)))),
        },
    }
}

fn count(text: &str, metric: Metric) -> Result<f64, Problem> {
    units::whole(text, 0..=1_000_000_000_000_000).map(|count| count as f64).map_err(|_| {
        let problem = Problem::new(format!("`{}` is not a count", shown(text)));
        problem.help(format!("`{}` takes {}", metric.name(), example(metric)))
    })
}

fn example(metric: Metric) -> &'static str {
    match (metric, metric.unit()) {
        (Metric::Errors, _) => "a percentage of the messages sent such as `5%`, or a count such as `0`",
        (_, Unit::Latency) => "a duration such as `50ms`, or `2x` another latency",
        (_, Unit::Count) => "a whole number such as `0`, or `2x` another count",
        (_, Unit::Percent) => "a percentage such as `99.5%`",
        (_, Unit::Bytes) => "a size such as `256MiB`",
    }
}

/// Reads a value such as `2x delivery[calm].p99`; `None` if the value is absolute.
fn relative(text: &str, measure: &Measure, symbols: &SymbolTable) -> Result<Option<Value>, Problem> {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        if !text.contains(['.', '[']) && !metric_names().any(|name| text.starts_with(name)) {
            let problem = Problem::new(format!("`{}` is not a value", shown(text)));
            return Err(problem.help(format!("it takes {}", example(measure.metric))));
        }
        let (_, length) = self::measure(text, symbols)?;
        let problem = Problem::new("a comparison of two measurements needs a factor").part(0..length);
        return Err(problem.label(format!("did you mean `1x {}`?", shown(&text[..length]))));
    }
    let Some((number, rest)) = text.split_once('x') else {
        return Ok(None);
    };
    let factor = units::factor(&text[..=number.len()])?;
    let at = number.len() + 1 + leading_spaces(rest);
    if rest.trim().is_empty() {
        let problem = Problem::new(format!("`{}` has no measurement", shown(text)));
        return Err(problem.help("add a measurement after the factor, such as `2x delivery[calm].p99`"));
    }
    if factor <= 0.0 {
        return Err(Problem::new("the factor is zero").part(0..number.len() + 1));
    }
    let (other, length) = self::measure(&text[at..], symbols).map_err(|problem| problem.shift(at, text[at..].len()))?;
    if let Some(junk) = Some(text[at + length..].trim()).filter(|junk| !junk.is_empty()) {
        let from = text.len() - junk.len();
        return Err(Problem::new(format!("`{}` is unexpected here", shown(junk))).part(from..text.len()));
    }
    if other.metric.unit() != measure.metric.unit() {
        let problem = Problem::new(format!(
            "`{}` and `{}` are different kinds of measurements",
            measure.metric.name(),
            other.metric.name()
        ));
        return Err(problem
            .part(at..at + length)
            .help("a latency can be compared with a latency, a count with a count"));
    }
    if other == *measure {
        return Err(Problem::new("the measurement is compared with itself").part(at..at + length));
    }
    Ok(Some(Value::Times(factor, other)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::condition;
    use crate::lower::symbols::{GroupInfo, SymbolTable};
    use crate::model::{Measure, Metric, Op, Selector, Stat, Value};

    fn symbols() -> SymbolTable {
        let groups = ["calm", "angry"].map(|name| GroupInfo { name: name.to_owned(), ..GroupInfo::default() });
        let stages = vec![("steady".to_owned(), None), ("hold-2".to_owned(), None)];
        SymbolTable { groups: groups.to_vec(), stages, ..SymbolTable::default() }
    }

    fn read(text: &str) -> (Measure, Op, Value, Option<Duration>) {
        let read = condition(text, 1, true, &symbols()).expect(text);
        (read.measure, read.op, read.value, read.window)
    }

    #[test]
    fn latencies_have_statistics_and_units() {
        let (measure, op, value, _) = read("delivery.last[steady].p99.9 <= 1.5s");
        assert_eq!((measure.metric, measure.stat, op), (Metric::DeliveryLast, Some(Stat::P999), Op::AtMost));
        assert_eq!(
            (measure.selector, value),
            (Selector { stage: Some(0), ..Selector::default() }, Value::Number(1_500_000.0))
        );
        assert_eq!(read("delivery.p99<50ms").2, Value::Number(50_000.0));
    }

    #[test]
    fn selectors_may_be_three_at_once() {
        let (measure, ..) = read("delivery[ private, hold-2 ,angry].mean < 80us");
        assert_eq!(measure.selector, Selector { group: Some(1), action: Some(1), stage: Some(1) });
    }

    #[test]
    fn values_may_be_relative() {
        let (_, _, value, _) = read("delivery[calm].p99 < 2.5x delivery[angry].p99");
        let selector = Selector { group: Some(1), ..Selector::default() };
        let other = Measure { metric: Metric::Delivery, selector, stat: Some(Stat::P99) };
        assert_eq!(value, Value::Times(2.5, other));
    }

    #[test]
    fn joining_is_a_stage_behind_the_last() {
        let (measure, ..) = read("connect[join, calm].p99 < 1s");
        assert_eq!(measure.selector, Selector { group: Some(0), action: None, stage: Some(2) });
        for text in ["errors[join] == 0", "disconnects[join] == 0", "wrong_replies[join] == 0", "corrupted[join] == 0"]
        {
            assert_eq!(read(text).0.selector.stage, Some(2));
        }
        let problem = |text: &str| condition(text, 1, true, &symbols()).expect_err(text).message;
        assert_eq!(problem("sent[join] > 0"), "`sent` measures messages, and no user sends while joining");
        assert_eq!(problem("errors[private, join] == 0"), "no user performs `private` while joining");
        assert_eq!(problem("errors[join] < 5%"), "no user sends while joining, so errors have no percentage there");
        assert_eq!(problem("connect[join, steady].p99 < 1s"), "the selector has two stages");
    }

    #[test]
    fn errors_are_a_share_or_a_count() {
        assert_eq!(read("errors > 5% for 5s").2, Value::Number(5.0));
        assert_eq!(read("errors > 5% for 5s").3, Some(Duration::from_secs(5)));
        assert_eq!(read("errors == 0").2, Value::Count(0.0));
        assert_eq!(read("server.rss < 256MiB").2, Value::Number(268_435_456.0));
    }
}
