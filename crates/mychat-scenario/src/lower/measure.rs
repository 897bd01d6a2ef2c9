//! Reads the left side of a condition, such as `delivery.last[group, stage].p99`.

use super::condition_checks::{SelectorPart, check_coverage, check_selector};
use super::symbols::{JOIN, SymbolTable};
use crate::diagnostic::Problem;
use crate::model::{Action, Measure, Metric, Selector, Stat, Unit};
use crate::suggest::{did_you_mean, listing, nearest, shown};

/// Common misspellings of statistics.
const OTHER_STATS: [(&str, &str); 8] = [
    ("avg", "mean"),
    ("average", "mean"),
    ("median", "p50"),
    ("p100", "max"),
    ("maximum", "max"),
    ("p999", "p99.9"),
    ("p75", "p90"),
    ("min", "p50"),
];

/// Common misspellings of metrics.
const OTHER_METRICS: [(&str, &str); 14] = [
    ("latency", "delivery"),
    ("response", "delivery"),
    ("response_time", "delivery"),
    ("rtt", "delivery"),
    ("ping", "ack"),
    ("received", "delivered"),
    ("dropped", "lost"),
    ("missing", "lost"),
    ("throughput", "achieved"),
    ("memory", "server.rss"),
    ("server.memory", "server.rss"),
    ("rss", "server.rss"),
    ("cpu", "server.cpu"),
    ("fan_out", "delivery.spread"),
];
const MOST_USED: [&str; 9] =
    ["connect", "delivery", "delivery.last", "achieved", "sent", "lost", "duplicated", "reordered", "misrouted"];

/// The names of all metrics.
pub(crate) fn metric_names() -> impl Iterator<Item = &'static str> + Clone {
    Metric::ALL.iter().map(|(name, _)| *name)
}

/// Reads the measure at the start of `text`. Also returns its length in bytes.
pub(crate) fn measure(text: &str, symbols: &SymbolTable) -> Result<(Measure, usize), Problem> {
    let word_end =
        text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-')).unwrap_or(text.len());
    let (metric, stat) = metric(&text[..word_end])?;
    if let Some(inner) = text[word_end..].strip_prefix('(').and_then(|rest| rest.split(')').next()) {
        let problem = Problem::new("a selector takes brackets, not parentheses").part(word_end..word_end + 1);
        return Err(problem.label(format!("did you mean `{}[{}]`?", metric.name(), shown(inner))));
    }
    let mut at = word_end;
    let mut stat = stat;
    let mut selector = Selector::default();
    let mut bracket = None;
    if text[at..].trim_start().starts_with('[') {
        let open = at + text[at..].find('[').unwrap_or_default();
        let Some(length) = text[open..].find(']') else {
            return Err(Problem::new("this bracket is not closed").part(open..open + 1));
        };
        selector = select(metric, &text[open + 1..open + length], symbols)
            .map_err(|problem| problem.shift(open + 1, length - 1))?;
        bracket = Some(open..open + length + 1);
        at = open + length + 1;
    }
    if let Some(rest) = text[at..].strip_prefix('.') {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
        let found = statistic(&rest[..length], metric).map_err(|problem| problem.shift(at + 1, length))?;
        if stat.is_some() {
            return Err(Problem::new("the measurement has two statistics").part(at..at + 1 + length));
        }
        stat = Some(found);
        at += 1 + length;
    } else if let (Some(found), Some(bracket)) = (stat, bracket) {
        let right = format!("{}{}.{}", metric.name(), &text[bracket.clone()], stat_name(found));
        return Err(Problem::new("the statistic must follow the selector")
            .part(0..bracket.end)
            .label(format!("did you mean `{right}`?")));
    }
    check_stat(metric, stat, &text[..at])?;
    check_coverage(metric, &selector, symbols).map_err(|problem| problem.part(0..at))?;
    Ok((Measure { metric, selector, stat }, at))
}

fn metric(word: &str) -> Result<(Metric, Option<Stat>), Problem> {
    let find = |name: &str| Metric::ALL.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric);
    if let Some(metric) = find(word) {
        return Ok((metric, None));
    }
    let longest = metric_names()
        .filter(|name| word.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
        .max_by_key(|name| name.len());
    if let Some((name, metric)) = longest.and_then(|name| Some((name, find(name)?))) {
        let rest = &word[name.len() + 1..];
        let stat = statistic(rest, metric).map_err(|problem| problem.shift(name.len() + 1, rest.len()))?;
        return Ok((metric, Some(stat)));
    }
    // The statistic is not part of the metric's name: `delivry.last.p99` means `delivery.last`.
    let base = Stat::ALL.iter().find_map(|(stat, _)| word.strip_suffix(stat)?.strip_suffix('.')).unwrap_or(word);
    let first = base.split('.').next().unwrap_or(base);
    let other = OTHER_METRICS.iter().find(|(other, _)| *other == base).map(|(_, metric)| *metric);
    let (bad, suggestion) = match other.or_else(|| nearest(base, metric_names())) {
        Some(metric) => (base, Some(metric)),
        None => (if nearest(first, metric_names()).is_some() { first } else { base }, nearest(first, metric_names())),
    };
    let problem = match bad {
        "" => Problem::new("a metric is missing here"),
        _ => Problem::new(format!("`{}` is not a metric", shown(bad))),
    };
    let mut problem = problem
        .part(0..bad.len())
        .help(format!("metrics are {} …; scenarios/README.md lists all of them", MOST_USED.join(", ")));
    problem.label = suggestion.map(|metric| format!("did you mean `{metric}`?"));
    Err(problem)
}

fn stat_name(stat: Stat) -> &'static str {
    Stat::ALL.iter().find(|(_, known)| *known == stat).map_or("", |(name, _)| name)
}

fn statistic(text: &str, metric: Metric) -> Result<Stat, Problem> {
    if let Some((_, stat)) = Stat::ALL.iter().find(|(name, _)| *name == text) {
        return Ok(*stat);
    }
    let names = || Stat::ALL.iter().map(|(name, _)| *name);
    let prefix = format!("{}.", metric.name());
    let parts: Vec<&str> = metric_names().filter_map(|name| name.strip_prefix(prefix.as_str())).collect();
    let part = text.split('.').next().unwrap_or(text);
    let mut problem = match text {
        "" => Problem::new("a statistic is missing after the dot"),
        _ => Problem::new(format!("`{}` is not a statistic", shown(text))),
    };
    problem.label = OTHER_STATS
        .iter()
        .find(|(other, _)| *other == text)
        .map(|(_, stat)| format!("did you mean `{stat}`?"))
        .or_else(|| nearest(part, parts.iter().copied()).map(|part| format!("did you mean `{prefix}{part}`?")))
        .or_else(|| did_you_mean(text, names()));
    Err(problem.help(format!("statistics are {}", listing(names()))))
}

fn check_stat(metric: Metric, stat: Option<Stat>, written: &str) -> Result<(), Problem> {
    let all = 0..written.len();
    match (metric.unit(), metric, stat) {
        (Unit::Latency, _, None) => Err(Problem::new(format!("`{}` needs a statistic", metric.name()))
            .part(all)
            .label(format!("did you mean `{}.p99`?", shown(written)))
            .help(format!("statistics are {}", listing(Stat::ALL.iter().map(|(name, _)| *name))))),
        (Unit::Latency, ..) | (_, Metric::ServerRss | Metric::ServerCpu, _) | (_, _, None) => Ok(()),
        (_, _, Some(_)) => Err(Problem::new(format!("`{}` is a single value and has no statistics", metric.name()))
            .part(all)
            .help("only latencies have statistics, such as `delivery.p99`")),
    }
}

/// Reads the content of the brackets.
fn select(metric: Metric, text: &str, symbols: &SymbolTable) -> Result<Selector, Problem> {
    let mut selector = Selector::default();
    let mut at = 0;
    for piece in text.split(',') {
        let name = piece.trim();
        let start = at + piece.len() - piece.trim_start().len();
        let place = |problem: Problem| problem.part(start..start + name.len());
        at += piece.len() + 1;
        let (slot, index, part) = if let Some(group) = symbols.groups.iter().position(|group| group.name == name) {
            (&mut selector.group, group, SelectorPart::Group)
        } else if let Some(action) = Action::NAMES.iter().position(|action| *action == name) {
            (&mut selector.action, action, SelectorPart::Action)
        } else if let Some(stage) = symbols.stages.iter().position(|(stage, _)| stage == name) {
            (&mut selector.stage, stage, SelectorPart::Stage)
        } else if name == JOIN {
            (&mut selector.stage, symbols.join(), SelectorPart::Stage)
        } else {
            return Err(place(unknown(name, symbols)));
        };
        if slot.replace(index).is_some() {
            return Err(place(
                Problem::new(format!("the selector has two {part}s"))
                    .help("a selector has at most one group, one action and one stage"),
            ));
        }
        check_selector(metric, &selector, part, name, symbols).map_err(place)?;
    }
    Ok(selector)
}

fn unknown(name: &str, symbols: &SymbolTable) -> Problem {
    if name.is_empty() {
        return Problem::new("a group, an action or a stage is missing here");
    }
    let groups = symbols.groups.iter().map(|group| group.name.as_str());
    let stages = symbols.stages.iter().map(|(name, _)| name.as_str());
    let mut problem = Problem::new(format!("`{}` is not a group, an action or a stage", shown(name)));
    problem.label = did_you_mean(name, groups.clone().chain(stages.clone()).chain(Action::NAMES));
    let some =
        |what: &str, names: String| if names.is_empty() { format!("no {what}") } else { format!("{what} {names}") };
    problem.help(format!("the file has {}, and {}", some("groups", listing(groups)), some("stages", listing(stages))))
}
