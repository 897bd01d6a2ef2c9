//! What a search for the highest rate found: the answer, every try, and latency against throughput.

use maud::{Markup, html};

use crate::judge::validity::Validity;
use crate::report::chart::{Axis, Chart, Series, compact};
use crate::report::result::{Capacity, Probe, RunResult};
use crate::report::{duration, grouped};

pub(super) fn section(result: &RunResult) -> Markup {
    let Some(capacity) = &result.capacity else { return html! {} };
    html! {
        section {
            h2 { "Capacity" }
            p.answer { (answer(capacity)) }
            p { (capacity.reason) "." }
            div.charts {
                (curve(capacity).render())
                div.scroll {
                    table.tries {
                        thead { tr {
                            th.n scope="col" { "load" } th scope="col" { "try" } th.n scope="col" { "sent/s" }
                            th.n scope="col" { "p99" } th scope="col" { "verdict" }
                        } }
                        tbody { @for probe in &capacity.probes { (row(probe)) } }
                    }
                }
            }
            p.remark { "All other figures on this page are of the try that confirmed the answer." }
        }
    }
}

fn answer(capacity: &Capacity) -> Markup {
    let rate = capacity.sent_per_second.map(|rate| format!("{} messages/s", grouped(rate.round() as u64)));
    html! {
        @match (capacity.percent, capacity.broke_at) {
            (Some(low), Some(high)) => {
                b { (format!("{low:.0} %")) @if let Some(rate) = rate { ", " (rate) } }
                " holds, " (format!("{high:.0} %")) " does not."
            }
            (Some(low), None) => { b { (format!("{low:.0} %")) @if let Some(rate) = rate { ", " (rate) } } " holds." }
            (None, _) => { b { "No rate was found at which everything holds." } }
        }
    }
}

fn row(probe: &Probe) -> Markup {
    let (sign, word, class) = match (&probe.broke, probe.validity) {
        (Some(why), _) => ("✗", why.as_str(), "bad"),
        (None, _) if !probe.held => ("?", "the generator was the limit", "unsure"),
        (None, Validity::Invalid) => ("✓", "held, though the generator was late", "good"),
        (None, _) => ("✓", "held", "good"),
    };
    html! {
        tr {
            td.n { (format!("{:.0} %", probe.percent)) }
            td { (probe.phase) }
            td.n { (grouped(probe.sent_per_second.round() as u64)) }
            td.n { @if let Some(p99) = probe.p99 { (duration(p99 as f64)) } @else { "n/a" } }
            td { span class={ "mark " (class) } { span aria-hidden="true" { (sign) " " } (word) } }
        }
    }
}

fn curve(capacity: &Capacity) -> Chart {
    // The confirmation is at a rate that was tried before.
    let mut probes: Vec<&Probe> = capacity.probes.iter().filter(|probe| probe.phase != "confirm").collect();
    probes.sort_by(|a, b| a.sent_per_second.total_cmp(&b.sent_per_second));
    let line = |of: fn(&Probe) -> Option<u64>| -> Vec<(f64, Option<f64>)> {
        let told = probes.iter().filter_map(|probe| Some((probe.sent_per_second, of(probe)?)));
        told.map(|(rate, value)| (rate, Some(value.max(1) as f64))).collect()
    };
    let (p50, p99) = (line(|probe| probe.p50), line(|probe| probe.p99));
    let values = || p50.iter().chain(&p99).filter_map(|(_, value)| *value);
    let y = Axis::latencies(values().fold(f64::INFINITY, f64::min).min(1e6), values().fold(1.0, f64::max));
    let most = probes.iter().map(|probe| probe.sent_per_second).fold(0.0, f64::max);
    let series = |name: &str, style, points| Series { name: name.to_owned(), style, figure: String::new(), points };
    Chart {
        id: "capacity",
        title: "Delivery against messages per second",
        description: "p50 and p99 of delivery at each rate that was tried".to_owned(),
        x: Axis::amounts(most, compact),
        y,
        bands: Vec::new(),
        series: vec![series("p99", 1, p99), series("p50", 2, p50)],
        hints: Vec::new(),
    }
}
