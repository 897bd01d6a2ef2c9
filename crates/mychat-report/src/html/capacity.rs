//! Section on a search for the highest rate: the answer, all probes, and latency against throughput.

use maud::{Markup, html};

use super::verdict::mark;
use crate::charts::{Axis, Chart, Series};
use crate::model::{Capacity, CapacityProbe, RunResult, SearchPhase};
use crate::{duration, grouped, load_percent, wording};

pub(super) fn section(result: &RunResult) -> Markup {
    let Some(capacity) = &result.capacity else { return html! {} };
    html! {
        section {
            h2 { "Capacity" }
            @let (answer, rest) = wording::answer(capacity);
            p.answer { b { (answer) } (rest) "." }
            p { (capacity.reason) "." }
            div.charts {
                (curve(capacity).render())
                div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
                    table.tries {
                        thead { tr {
                            th.n scope="col" { "load" } th scope="col" { "probe" } th.n scope="col" { "sent/s" }
                            th.n scope="col" { "delivered/s" } th.n scope="col" { "p99" } th scope="col" { "verdict" }
                        } }
                        tbody { @for probe in &capacity.probes { (row(probe)) } }
                    }
                }
            }
            p.remark { (wording::figures_of(capacity)) }
        }
    }
}

fn row(probe: &CapacityProbe) -> Markup {
    html! {
        tr {
            td.n { (load_percent(probe.percent)) }
            td { (probe.phase.name()) }
            td.n { (grouped(probe.sent_per_second.round() as u64)) }
            td.n { (grouped(probe.delivered_per_second.round() as u64)) }
            td.n { @if let Some(p99) = probe.p99 { (duration(p99 as f64)) } @else { "n/a" } }
            td { (mark(wording::probe(probe))) }
        }
    }
}

fn curve(capacity: &Capacity) -> Chart {
    // The confirmation repeats a rate of an earlier probe.
    let mut probes: Vec<&CapacityProbe> =
        capacity.probes.iter().filter(|probe| probe.phase != SearchPhase::Confirm).collect();
    probes.sort_by(|a, b| a.sent_per_second.total_cmp(&b.sent_per_second));
    let told = |of: fn(&CapacityProbe) -> Option<u64>, wanted: &dyn Fn(&CapacityProbe) -> bool| -> Vec<(f64, f64)> {
        let told = probes.iter().filter(|probe| wanted(probe) && probe.sent_per_second > 0.0);
        told.filter_map(|probe| Some((probe.sent_per_second, of(probe)?.max(1) as f64))).collect()
    };
    let line = |points: &[(f64, f64)]| points.iter().map(|(rate, value)| (*rate, Some(*value))).collect();
    // Points without neighbours are drawn as dots.
    let dots = |points: Vec<(f64, f64)>| {
        points.into_iter().flat_map(|(rate, value)| [(rate, Some(value)), (rate, None)]).collect()
    };
    let (p50, p99) = (told(|probe| probe.p50, &|_| true), told(|probe| probe.p99, &|_| true));
    // A short probe has too few samples for a p99. It is marked on the p50 line.
    let held = told(|probe| probe.p99.or(probe.p50), &|probe| probe.held);
    let not = told(|probe| probe.p99.or(probe.p50), &|probe| !probe.held);
    let values = || p50.iter().chain(&p99).map(|(_, value)| *value);
    let rates = || p50.iter().chain(&p99).map(|(rate, _)| *rate);
    let least = |all: &mut dyn Iterator<Item = f64>| all.fold(f64::INFINITY, f64::min).min(1e6);
    let series = |name: &str, style, points| Series { name: name.to_owned(), style, figure: String::new(), points };
    let mut all = vec![series("p99", 1, line(&p99)), series("p50", 2, line(&p50))];
    if !held.is_empty() {
        all.push(series("held", 5, dots(held)));
    }
    if !not.is_empty() {
        all.push(series("did not hold", 4, dots(not)));
    }
    Chart {
        id: "capacity",
        title: "Delivery against messages per second",
        description: "p50 and p99 of delivery at the rate of each probe".to_owned(),
        x: Axis::rates(least(&mut rates()), rates().fold(1.0, f64::max)),
        y: Axis::latencies(least(&mut values()), values().fold(1.0, f64::max)),
        bands: Vec::new(),
        series: all,
        heat: Vec::new(),
        tooltips: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixture;

    #[test]
    fn tries_without_a_p99_are_marked_at_their_own_rate() {
        let mut capacity = test_fixture::capacity();
        let first = &mut capacity.probes[0];
        (first.sent_per_second, first.p50, first.p99, first.held) = (7.0, Some(300), None, true);
        let chart = curve(&capacity);
        let held = chart.series.iter().find(|series| series.name == "held").unwrap();
        assert!(held.points.contains(&(7.0, Some(300.0))), "{:?}", held.points);
        assert!(chart.x.scale.at(7.0) > 0.0 && chart.x.scale.at(7.0) < chart.x.scale.at(10.0));
    }
}
