//! The tables: every latency over the whole run, then by stage, group and action, and the run over time.

use maud::{Markup, html};

use crate::moments::moments;
use crate::result::{LatencyResult, RunResult};
use crate::{bytes, duration, grouped, words};

/// As many rows as a table of moments may have.
const ROWS: usize = 60;

pub(super) fn section(result: &RunResult) -> Markup {
    let rows = words::measured(result)
        .map(|(name, meaning, whole)| (html! { (name.replace('_', " ")) small { (meaning) } }, whole));
    html! {
        section {
            h2 { "Figures" }
            @if !result.latency.values().any(|block| block.whole.count > 0) { p.empty { "Nothing was timed." } }
            (table(&format!("Latencies {}", words::TIMED), rows.collect()))
            (table("Delivery by stage", by(result, Part::Stage)))
            (table("Delivery by group", by(result, Part::Group)))
            (table("Delivery by action", by(result, Part::Action)))
            (table("Where expectations ask", by(result, Part::Selector)))
            @if !result.timeline.is_empty() { (over_time(result)) }
        }
    }
}

#[derive(Clone, Copy)]
enum Part {
    Stage,
    Group,
    Action,
    Selector,
}

fn by(result: &RunResult, part: Part) -> Vec<(Markup, &LatencyResult)> {
    let Some(block) = result.latency.get("delivery") else { return Vec::new() };
    let found = match part {
        Part::Stage => &block.by.stage,
        Part::Group => &block.by.group,
        Part::Action => &block.by.action,
        Part::Selector => &block.by.selector,
    };
    let mut rows: Vec<(&String, &LatencyResult)> = found.iter().collect();
    if let Part::Stage = part {
        // In the order of the run, not of the alphabet.
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
    let moments = moments(&result.timeline, ROWS);
    let server = moments.iter().any(|moment| moment.server_rss.is_some());
    html! {
        details {
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
                        @for moment in &moments {
                            tr {
                                td.n { (format!("{:.1} s", moment.to)) }
                                td { (moment.stage) }
                                @for count in [moment.connected, moment.sent, moment.delivered, moment.errors] {
                                    td.n { (grouped(count)) }
                                }
                                @for value in moment.delivery { td.n { (of(value)) } }
                                td.n { (of(moment.lateness_p99)) }
                                @if server {
                                    td.n { @if let Some(cpu) = moment.server_cpu { (format!("{:.0} %", cpu * 100.0)) } }
                                    td.n { @if let Some(rss) = moment.server_rss { (bytes(rss)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
