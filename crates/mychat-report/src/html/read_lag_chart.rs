//! Chart of the generator's read lag beside the deliveries that it may have changed.

use maud::{Markup, html};

use super::run_charts::{percentile_curve, summary};
use crate::charts::{Axis, Chart, Series};
use crate::duration;
use crate::model::histogram::{decode, highest_quantile};
use crate::model::{LatencyResult, RunResult};
use mychat_load::record::receive_figures::ArrivalSource;

/// Renders the chart; nothing if no read was timed.
pub(super) fn chart(result: &RunResult) -> Markup {
    let generator = &result.generator;
    let delivery = ["delivery", "service"].into_iter().find_map(|name| {
        let whole = &result.latency.get(name)?.whole;
        (whole.count > 0).then_some((name, whole, 1))
    });
    let read_lag = generator.read_lag.as_ref().map(|lag| ("read lag", lag, 3));
    let error = generator.arrival_error.as_ref().filter(|error| error.max > 1).map(|error| ("arrival error", error, 4));
    if read_lag.is_none() {
        return html! {};
    }
    let curves: Vec<Curve> = [delivery, read_lag, error].into_iter().flatten().filter_map(curve).collect();
    let values = || curves.iter().flat_map(|curve| curve.series.points.iter().filter_map(|(_, value)| *value));
    let most = values().fold(1.0, f64::max);
    let highest = curves.iter().map(|curve| curve.end).fold(0.9, f64::max);
    let series: Vec<Series> = curves.iter().map(|curve| curve.series.clone()).collect();
    let chart = Chart {
        id: "read-lag",
        title: match generator.clock {
            ArrivalSource::Kernel => "Read lag: arrivals timed by the kernel",
            ArrivalSource::Read => "Read lag: arrivals timed by the read",
        },
        description: summary(&series),
        x: Axis::nines(highest),
        y: Axis::latencies(values().fold(most, f64::min), most),
        bands: Vec::new(),
        series,
        heat: Vec::new(),
        tooltips: Vec::new(),
    };
    chart.render()
}

/// Curve of a distribution up to the highest quantile that its samples support.
struct Curve {
    series: Series,
    end: f64,
}

fn curve((name, latency, style): (&str, &LatencyResult, u8)) -> Option<Curve> {
    let independent = if latency.independent == 0 { latency.count } else { latency.independent };
    let end = highest_quantile(independent);
    let figure = latency.p99.map_or_else(String::new, |p99| format!("p99 {}", duration(p99 as f64)));
    let points = percentile_curve(&decode(&latency.hdr).ok()?, end);
    Some(Curve { series: Series { name: name.to_owned(), style, figure, points }, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixture;

    #[test]
    fn the_chart_names_the_clock_and_both_curves() {
        let mut result = test_fixture::run(3);
        assert_eq!(chart(&result).into_string(), "", "no read was timed");
        result.generator.read_lag = result.latency.get("lateness").map(|block| block.whole.clone());
        let html = chart(&result).into_string();
        assert!(html.contains("arrivals timed by the kernel"), "{html}");
        assert_eq!(html.matches("class=\"line s").count(), 2 + 2, "two curves, and their marks in the legend: {html}");
        result.generator.clock = ArrivalSource::Read;
        assert!(chart(&result).into_string().contains("arrivals timed by the read"));
    }
}
