//! Tables of latencies: over the whole run, by stage, group and action, and over time.

use maud::{Markup, html};

use crate::model::{LatencyResult, RunResult};
use crate::timeline_buckets::{buckets, has_curve};
use crate::{bytes, duration, grouped, wording};

/// Maximum number of rows in a table of buckets.
const ROWS: usize = 60;

pub(super) fn section(result: &RunResult) -> Markup {
    let rows = wording::measured(result)
        .map(|(name, meaning, whole)| (html! { (name.replace('_', " ")) small { (meaning) } }, whole));
    html! {
        section {
            h2 { "Figures" }
            @if !result.latency.values().any(|block| block.whole.count > 0) { p.empty { "No latency was measured." } }
            (table(&format!("Latencies {}", wording::TIMED), rows.collect()))
            (table("Delivery by stage", by(result, Breakdown::Stage)))
            (table("Delivery by group", by(result, Breakdown::Group)))
            (table("Delivery by action", by(result, Breakdown::Action)))
            (table("Latencies used by expectations", by(result, Breakdown::Selector)))
            @if !result.timeline.is_empty() { (over_time(result)) }
        }
    }
}

#[derive(Clone, Copy)]
enum Breakdown {
    Stage,
    Group,
    Action,
    Selector,
}

fn by(result: &RunResult, part: Breakdown) -> Vec<(Markup, &LatencyResult)> {
    let Some(block) = result.latency.get("delivery") else { return Vec::new() };
    let found = match part {
        Breakdown::Stage => &block.by.stage,
        Breakdown::Group => &block.by.group,
        Breakdown::Action => &block.by.action,
        Breakdown::Selector => &block.by.selector,
    };
    let mut rows: Vec<(&String, &LatencyResult)> = found.iter().collect();
    if let Breakdown::Stage = part {
        // Stages are listed in the order of the run, not alphabetically.
        let place = |stage: &str| result.timeline.iter().position(|point| point.stage == stage);
        rows.sort_by_key(|(stage, _)| place(stage).unwrap_or(usize::MAX));
    }
    rows.into_iter().map(|(name, latency)| (html! { (name) }, latency)).collect()
}

fn table(title: &str, rows: Vec<(Markup, &LatencyResult)>) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let shown = |value: Option<u64>| {
        html! {
            @if let Some(value) = value { td.n { (duration(value as f64)) } }
            @else { td.n.few title="too few independent samples" { "n/a" } }
        }
    };
    html! {
        div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
            table {
                caption { (title) }
                thead { tr {
                    th scope="col" { "of" }
                    @for name in ["count", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"] {
                        th.n scope="col" { (name) }
                    }
                } }
                tbody {
                    @for (name, latency) in rows {
                        tr {
                            th scope="row" { (name) }
                            td.n { (grouped(latency.count)) }
                            td.n { (duration(latency.min as f64)) }
                            td.n { (duration(latency.mean)) }
                            @for value in [latency.p50, latency.p90, latency.p95, latency.p99, latency.p99_9, latency.p99_99] {
                                (shown(value))
                            }
                            td.n {
                                (duration(latency.max as f64))
                                @if latency.overflow > 0 { small { (grouped(latency.overflow)) " over 60 s" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn over_time(result: &RunResult) -> Markup {
    let of = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |value| duration(value as f64));
    let buckets = buckets(&result.timeline, ROWS);
    let server = buckets.iter().any(|bucket| bucket.server_rss.is_some());
    html! {
        // Without charts, only the table shows it.
        details open[!has_curve(&result.timeline)] {
            summary { "The run over time, as a table" }
            div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
                table {
                    thead { tr {
                        th scope="col" { "until" } th scope="col" { "stage" }
                        @for name in ["online", "sent", "delivered", "errors", "p50", "p99", "max", "lateness p99"] {
                            th.n scope="col" { (name) }
                        }
                        @if server { th.n scope="col" { "server CPU" } th.n scope="col" { "server memory" } }
                    } }
                    tbody {
                        @for bucket in &buckets {
                            tr {
                                td.n { (format!("{:.1} s", bucket.to)) }
                                td { (bucket.stage) }
                                @for count in [bucket.connected, bucket.sent, bucket.delivered, bucket.errors] {
                                    td.n { (grouped(count)) }
                                }
                                @for value in bucket.delivery { td.n { (of(value)) } }
                                td.n { (of(bucket.lateness_p99)) }
                                @if server {
                                    td.n { @if let Some(cpu) = bucket.server_cpu { (format!("{:.0} %", cpu * 100.0)) } }
                                    td.n { @if let Some(rss) = bucket.server_rss { (bytes(rss)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
