//! A regular expression for conditions: metric, selector, statistic, comparison, value.

use super::patterns::{ABOVE_ZERO, NUMBER, SIZE_UNIT, TIME_UNIT};
use crate::model::{Metric, Op, Stat, Unit};

/// Returns the pattern; with `windows` a duration may follow the value.
pub(super) fn pattern(windows: bool) -> String {
    let kinds = [
        kind(|metric| metric.unit() == Unit::Latency, &format!("{NUMBER}{TIME_UNIT}")),
        kind(|metric| metric.unit() == Unit::Count, "[0-9][0-9_]*"),
        kind(|metric| metric == Metric::Errors, &format!("{NUMBER}%|[0-9][0-9_]*")),
        kind(|metric| metric.unit() == Unit::Percent && metric != Metric::Errors, &format!("{NUMBER}%")),
        kind(|metric| metric.unit() == Unit::Bytes, &format!("{NUMBER}{SIZE_UNIT}")),
    ];
    let window = if windows { format!(r"(\s+for\s+{ABOVE_ZERO}{NUMBER}{TIME_UNIT})?") } else { String::new() };
    format!(r"^({}){window}\s*$", kinds.join("|"))
}

/// The regular expressions of the parts of a condition.
pub(super) fn description() -> String {
    let metrics = Metric::ALL.map(|(name, _)| name).join(", ");
    let statistics = Stat::ALL.map(|(name, _)| name).join(", ");
    format!(
        "`metric[group, action, stage].statistic < value`. Metrics: {metrics}. Latencies have one of the statistics \
         {statistics}, nothing else has. What stands in brackets narrows it down; `join` is the time before the first \
         stage. The value has the metric's unit, or is a multiple of another figure: `2x delivery[calm].p99`."
    )
}

/// Returns the pattern of conditions about metrics with the same unit.
fn kind(belongs: impl Fn(Metric) -> bool, value: &str) -> String {
    let metrics: Vec<Metric> =
        Metric::ALL.iter().map(|(_, metric)| *metric).filter(|metric| belongs(*metric)).collect();
    let measure = measure(&metrics);
    // Another figure is of the same unit: `errors` and `server.cpu` are both percentages.
    let unit = metrics.first().map(|metric| metric.unit());
    let others: Vec<Metric> =
        Metric::ALL.iter().map(|(_, metric)| *metric).filter(|metric| Some(metric.unit()) == unit).collect();
    let others = self::measure(&others);
    let signs = Op::ALL.map(|(sign, _)| sign).join("|");
    format!(r"{measure}\s*({signs})\s*({value}|{NUMBER}x\s*{others})")
}

fn measure(metrics: &[Metric]) -> String {
    const NAME: &str = r"\s*[A-Za-z][A-Za-z0-9_-]*\s*";
    let names: Vec<String> = metrics.iter().map(|metric| metric.name().replace('.', r"\.")).collect();
    let stats = Stat::ALL.map(|(name, _)| name.replace('.', r"\.")).join("|");
    let latencies = metrics.iter().all(|metric| metric.unit() == Unit::Latency);
    let processes = metrics.iter().any(|metric| matches!(metric, Metric::ServerRss | Metric::ServerCpu));
    let stat = match (latencies, processes) {
        (true, _) => format!(r"\.({stats})"),
        (false, true) => format!(r"(\.({stats}))?"),
        (false, false) => String::new(),
    };
    format!(r"({})(\s*\[{NAME}(,{NAME}){{0,2}}\])?{stat}", names.join("|"))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn the_pattern_tells_conditions_from_other_text() {
        let validates = |windows: bool, text: &str| {
            let schema = serde_json::json!({ "pattern": pattern(windows) });
            jsonschema::is_valid(&schema, &text.into())
        };
        for right in [
            "lost == 0",
            "delivery[a, private ,b].p99.9<1.5ms",
            "errors > 5%",
            "errors == 0",
            "delivery[calm].p99 < 2.5x delivery.last[angry].p99",
            "server.rss.max < 256MiB",
            "achieved >= 99.5%",
            "connect[join].max < 1s",
        ] {
            assert!(validates(false, right) && validates(true, right), "{right}");
        }
        assert!(validates(true, "errors > 5% for 5s") && !validates(false, "errors > 5% for 5s"));
        for problem in
            ["delivery < 50ms", "lost.p99 == 0", "loss == 0", "lost = 0", "lost", "achieved > 5", "errors > 1s"]
        {
            assert!(!validates(true, problem), "{problem}");
        }
    }
}
