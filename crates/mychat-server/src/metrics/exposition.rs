//! Counters → Prometheus's text format.

use std::fmt::Write as _;

use mychat_proto::ErrorCode;

use super::Metrics;
use super::counters::{Counter, EndReason, FAMILIES, Family, LATENCY};

/// The labels that tell one build from another.
const BUILD_LABELS: &str = concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}");

/// Returns the metrics page.
pub(crate) fn exposition(metrics: &Metrics) -> String {
    let mut page = String::new();
    family(&mut page, "build_info", "gauge", "The version of the server; the value is always 1.");
    sample(&mut page, "build_info", BUILD_LABELS, 1);
    for &Family { name, kind, help, counter } in FAMILIES {
        family(&mut page, name, kind, help);
        sample(&mut page, name, "", metrics.get(counter));
    }
    family(&mut page, "sessions_ended_total", "counter", "Sessions that ended, by reason.");
    for &end in EndReason::ALL {
        sample(&mut page, "sessions_ended_total", &reason(end.text()), metrics.get(Counter::Ended(end)));
    }
    family(&mut page, "deliveries_dropped_total", "counter", "Deliveries that a recipient did not get, by reason.");
    for &end in EndReason::ALL {
        sample(&mut page, "deliveries_dropped_total", &reason(end.text()), metrics.get(Counter::Dropped(end)));
    }
    sample(&mut page, "deliveries_dropped_total", &reason("gone"), metrics.get(Counter::DroppedGone));
    family(&mut page, "errors_total", "counter", "ERROR replies, by code.");
    for code in ErrorCode::ALL {
        let label = format!("{{code=\"{}\"}}", code.digits());
        sample(&mut page, "errors_total", &label, metrics.get(Counter::Error(code)));
    }
    latency(&mut page, metrics);
    page
}

fn latency(page: &mut String, metrics: &Metrics) {
    let name = "broadcast_seconds";
    family(page, name, "histogram", "From the read of a broadcast to its last enqueue.");
    let mut sum = 0;
    for (bound, micros) in LATENCY.iter().enumerate() {
        sum += metrics.get(Counter::Took(bound));
        let label = format!("{{le=\"{}\"}}", *micros as f64 / 1e6);
        sample(page, "broadcast_seconds_bucket", &label, sum);
    }
    sum += metrics.get(Counter::Took(LATENCY.len()));
    sample(page, "broadcast_seconds_bucket", "{le=\"+Inf\"}", sum);
    let _ = writeln!(page, "mychat_broadcast_seconds_sum {}", metrics.latency_micros() as f64 / 1e6);
    sample(page, "broadcast_seconds_count", "", sum);
}

fn reason(text: &str) -> String {
    format!("{{reason=\"{text}\"}}")
}

fn family(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP mychat_{name} {help}\n# TYPE mychat_{name} {kind}");
}

fn sample(page: &mut String, name: &str, labels: &str, value: u64) {
    let _ = writeln!(page, "mychat_{name}{labels} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_sample_and_no_family_comes_twice() {
        let page = exposition(&Metrics::default());
        let mut families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let all = families.len();
        families.sort_unstable();
        families.dedup();
        assert_eq!(families.len(), all);
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("mychat_") && value.parse::<f64>().is_ok(), "{line:?}");
        }
        assert!(page.contains(&format!("mychat_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"))));
        assert!(page.contains("mychat_errors_total{code=\"429\"} 0\n"));
        assert!(page.ends_with("mychat_broadcast_seconds_count 0\n"));
    }
}
