//! Charts of a run: percentile curves of all latency metrics, and the run over time.

use hdrhistogram::Histogram;
use maud::{Markup, html};

use crate::charts::{Axis, Band, Chart, HeatCell, Series, compact, heat_column, nines};
use crate::model::RunResult;
use crate::model::histogram::{decode, highest_quantile};
use crate::timeline_buckets::{TimelineBucket, bucket_ranges, buckets, has_curve, merged_histogram};
use crate::{bytes, duration, grouped};

/// Maximum number of buckets in a line chart.
const MOMENTS: usize = 400;
/// Maximum number of columns in a heatmap.
const COLUMNS: usize = 160;
/// Maximum number of tooltips in a chart.
const HINTS: usize = 100;

/// Latency metrics with their descriptions and line styles.
const CLOCKS: [(&str, u8); 8] = [
    ("delivery", 1),
    ("service", 2),
    ("lateness", 3),
    ("connect", 4),
    ("ack", 5),
    ("delivery_first", 6),
    ("delivery_last", 7),
    ("roster", 8),
];

pub(super) fn section(result: &RunResult) -> Markup {
    let buckets = buckets(&result.timeline, MOMENTS);
    let tooltips = tooltips(result);
    let timeline = TimelineCharts { buckets: &buckets, tooltips: &tooltips, end: buckets.last().map_or(0.0, |m| m.to) };
    html! {
        section {
            h2 { "Latency and load" }
            div.charts {
                (percentiles(result).render())
                (super::read_lag_chart::chart(result))
                @if has_curve(&result.timeline) { (over_time(result, &timeline)) }
            }
            @if !has_curve(&result.timeline) {
                p.remark { "The run has too few intervals for charts over time. The table of the run over time shows them." }
            }
            p.remark {
                b { "delivery" } " is the time from the moment at which a message was due to its arrival at each "
                "recipient: what a user waits for. " b { "service" } " starts when the message was actually sent, and "
                b { "lateness" } " is the delay of the generator. A curve ends where the samples become too few."
                @if has_curve(&result.timeline) {
                    " In " b { "all deliveries" } ", each column is one interval, and the shade shows the share of its "
                    "deliveries that took this long."
                }
            }
            (lost(result))
        }
    }
}

/// Explains why the charts over time lack the longest latencies of the tables.
fn lost(result: &RunResult) -> Markup {
    let longest = result.latency.get("delivery").map_or(0, |block| block.whole.max);
    let arrived = buckets(&result.timeline, MOMENTS).iter().filter_map(|bucket| bucket.delivery[2]).max().unwrap_or(0);
    html! {
        @if result.counts.lost > 0 && longest > arrived && has_curve(&result.timeline) {
            p.remark {
                "The charts over time show the deliveries that arrived. " (grouped(result.counts.lost)) " lost deliveries are "
                "not in them. The tables and the curve by percentile count these with their age at the end of the run, up to "
                (duration(longest as f64)) "."
            }
        }
    }
}

fn over_time(result: &RunResult, timeline: &TimelineCharts<'_>) -> Markup {
    let buckets = timeline.buckets;
    let per_user = result.server.as_ref().and_then(|server| server.rss_per_user);
    html! {
        (timeline.latencies(result.counts.lost > 0).render())
        (timeline.spread(result).render())
        (timeline.rate("rate-delivered", "Delivered per second", 1, |m| m.delivered).render())
        (timeline.rate("rate-sent", "Sent per second", 2, |m| m.sent).render())
        (timeline.connected().render())
        @if buckets.iter().any(|m| m.server_cpu.is_some()) { (timeline.cpu().render()) }
        @if buckets.iter().any(|m| m.server_rss.is_some()) { (timeline.memory(per_user).render()) }
        @if buckets.iter().any(|m| m.server_threads.is_some()) { (timeline.handles().render()) }
        @if buckets.iter().any(|m| m.errors > 0) {
            (timeline.rate("rate-errors", "Errors per second", 4, |m| m.errors).render())
        }
    }
}

fn percentiles(result: &RunResult) -> Chart {
    let mut series = Vec::new();
    let (mut least, mut most, mut highest) = (f64::INFINITY, 1.0_f64, 0.9_f64);
    for (name, style) in CLOCKS {
        let Some(latency) = result.latency.get(name).map(|block| &block.whole).filter(|whole| whole.count > 0) else {
            continue;
        };
        let Ok(histogram) = decode(&latency.hdr) else { continue };
        let independent = if latency.independent == 0 { latency.count } else { latency.independent };
        let end = highest_quantile(independent);
        let points = percentile_curve(&histogram, end);
        let figure = match latency.p99 {
            Some(p99) => format!("p99 {}", duration(p99 as f64)),
            None => latency.p50.map_or_else(String::new, |p50| format!("p50 {}", duration(p50 as f64))),
        };
        least = least.min(latency.min as f64);
        most = points.iter().filter_map(|(_, value)| *value).fold(most, f64::max);
        highest = highest.max(end);
        series.push(Series { name: name.replace('_', " "), style, figure, points });
    }
    Chart {
        id: "percentiles",
        title: "Latency by percentile",
        description: summary(&series),
        x: Axis::nines(highest),
        y: Axis::latencies(least.min(most), most),
        bands: Vec::new(),
        series,
        heat: Vec::new(),
        tooltips: Vec::new(),
    }
}

/// Returns the points of a curve from the smallest value to the quantile `end`.
pub(super) fn percentile_curve(histogram: &Histogram<u64>, end: f64) -> Vec<(f64, Option<f64>)> {
    let steps = (nines(end) * 60.0) as u32;
    (0..=steps)
        .map(|step| f64::from(step) / 60.0)
        .map(|nines| (nines, Some(histogram.value_at_quantile(1.0 - 10f64.powf(-nines)).max(1) as f64)))
        .collect()
}

/// Describes the lines of a chart for screen readers.
pub(super) fn summary(series: &[Series]) -> String {
    let told: Vec<String> = series.iter().map(|series| format!("{} {}", series.name, series.figure)).collect();
    told.join(", ").trim().to_owned()
}

/// Value of a bucket on a line.
type BucketValue = fn(&TimelineBucket) -> Option<u64>;

struct TimelineCharts<'m> {
    buckets: &'m [TimelineBucket],
    tooltips: &'m [(f64, f64, String)],
    end: f64,
}

impl TimelineCharts<'_> {
    fn chart(&self, id: &'static str, title: &'static str, y: Axis, series: Vec<Series>) -> Chart {
        let mut bands: Vec<Band> = Vec::new();
        for bucket in self.buckets {
            match bands.last_mut() {
                Some(band) if band.name == bucket.stage => band.to = bucket.to,
                _ => bands.push(Band { from: bucket.from, to: bucket.to, name: bucket.stage.clone() }),
            }
        }
        let description = summary(&series);
        Chart {
            id,
            title,
            description,
            x: Axis::time(self.end),
            y,
            bands,
            series,
            heat: Vec::new(),
            tooltips: self.tooltips.to_vec(),
        }
    }

    fn line(&self, value: impl Fn(&TimelineBucket) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        self.buckets.iter().map(|bucket| (f64::midpoint(bucket.from, bucket.to), value(bucket))).collect()
    }

    /// Latencies of what arrived. The title says so if deliveries were lost.
    fn latencies(&self, has_lost: bool) -> Chart {
        let lines: [(&str, u8, BucketValue); 4] = [
            ("max", 4, |m| m.delivery[2]),
            ("p99", 1, |m| m.delivery[1]),
            ("p50", 2, |m| m.delivery[0]),
            ("lateness p99", 3, |m| m.lateness_p99),
        ];
        let values = |line: BucketValue| self.buckets.iter().filter_map(line);
        let least = lines.iter().filter_map(|(_, _, line)| values(*line).min()).min().unwrap_or(1) as f64;
        let most = lines.iter().filter_map(|(_, _, line)| values(*line).max()).max().unwrap_or(1) as f64;
        let series = lines
            .iter()
            .map(|(name, style, line)| Series {
                name: (*name).to_owned(),
                style: *style,
                figure: values(*line).max().map_or_else(String::new, |most| format!("≤ {}", duration(most as f64))),
                points: self.line(|bucket| line(bucket).map(|value| value.max(1) as f64)),
            })
            .collect();
        let title = if has_lost { "Delivery over time, of what arrived" } else { "Delivery over time" };
        self.chart("latency-time", title, Axis::latencies(least, most), series)
    }

    /// Heatmap of all deliveries. It shows two paths through the server, or a stall, which percentiles hide.
    fn spread(&self, result: &RunResult) -> Chart {
        let heat: Vec<HeatCell> = bucket_ranges(&result.timeline, COLUMNS)
            .filter_map(|(from, points)| Some((from, points.last()?.t, merged_histogram(points)?)))
            .flat_map(|(from, to, times)| {
                heat_column(
                    from,
                    to,
                    times.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())),
                )
            })
            .collect();
        let least = heat.iter().map(|cell| cell.low).fold(f64::INFINITY, f64::min).min(1e6);
        let most = heat.iter().map(|cell| cell.high).fold(1.0, f64::max);
        let mut chart = self.chart("spread", "All deliveries over time", Axis::latencies(least, most), Vec::new());
        "distribution of the delivery latencies in each interval; darker where there are more"
            .clone_into(&mut chart.description);
        chart.heat = heat;
        chart
    }

    fn rate(&self, id: &'static str, title: &'static str, style: u8, count: fn(&TimelineBucket) -> u64) -> Chart {
        let rate = |bucket: &TimelineBucket| bucket.per_second(count(bucket));
        let most = self.buckets.iter().map(rate).fold(0.0, f64::max);
        let figure =
            format!("up to {}", compact(if most < 100.0 { (most * 10.0).round() / 10.0 } else { most.round() }));
        let name = title.to_lowercase();
        let points = self.line(|bucket| Some(rate(bucket)));
        self.chart(id, title, Axis::amounts(most, compact), vec![Series { name, style, figure, points }])
    }

    fn connected(&self) -> Chart {
        let most = self.buckets.iter().map(|bucket| bucket.connected).max().unwrap_or(0) as f64;
        let points = self.buckets.iter().map(|bucket| (bucket.to, Some(bucket.connected as f64))).collect();
        let series = Series { name: "online".to_owned(), style: 1, figure: format!("up to {}", compact(most)), points };
        self.chart("connected", "Users online", Axis::amounts(most, compact), vec![series])
    }

    fn cpu(&self) -> Chart {
        let percent = |bucket: &TimelineBucket| bucket.server_cpu.map(|cpu| cpu * 100.0);
        let most = self.buckets.iter().filter_map(percent).fold(0.0, f64::max);
        let figure = format!("up to {most:.0} %");
        let series = Series { name: "of one core".to_owned(), style: 5, figure, points: self.line(percent) };
        self.chart("cpu", "CPU of the server", Axis::amounts(most, |at| format!("{} %", compact(at))), vec![series])
    }

    fn memory(&self, each: Option<u64>) -> Chart {
        const MIB: f64 = 1024.0 * 1024.0;
        let most = self.buckets.iter().filter_map(|bucket| bucket.server_rss).max().unwrap_or(0);
        let figure = match each {
            Some(each) => format!("up to {}, {} per user", bytes(most), bytes(each)),
            None => format!("up to {}", bytes(most)),
        };
        let points =
            self.buckets.iter().map(|bucket| (bucket.to, bucket.server_rss.map(|rss| rss as f64 / MIB))).collect();
        let series = Series { name: "resident".to_owned(), style: 6, figure, points };
        let axis = Axis::amounts(most as f64 / MIB, |at| format!("{} MiB", compact(at)));
        self.chart("memory", "Memory of the server", axis, vec![series])
    }
}

impl TimelineCharts<'_> {
    /// Threads and descriptors of the server, which can grow with the number of users.
    fn handles(&self) -> Chart {
        let lines: [(&str, u8, BucketValue); 2] =
            [("descriptors", 1, |m| m.server_fds), ("threads", 7, |m| m.server_threads)];
        let values = |line: BucketValue| self.buckets.iter().filter_map(line);
        let most = lines.iter().filter_map(|(_, _, line)| values(*line).max()).max().unwrap_or(0) as f64;
        let series = lines.iter().filter(|(_, _, line)| values(*line).next().is_some()).map(|(name, style, line)| {
            let most = values(*line).max().unwrap_or(0);
            let points =
                self.buckets.iter().map(|bucket| (bucket.to, line(bucket).map(|value| value as f64))).collect();
            Series {
                name: (*name).to_owned(),
                style: *style,
                figure: format!("up to {}", compact(most as f64)),
                points,
            }
        });
        self.chart("handles", "Descriptors and threads of the server", Axis::amounts(most, compact), series.collect())
    }
}

/// Tooltip of a bucket, the same in all charts.
fn tooltips(result: &RunResult) -> Vec<(f64, f64, String)> {
    let of = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |value| duration(value as f64));
    buckets(&result.timeline, HINTS)
        .into_iter()
        .map(|bucket| {
            let text = format!(
                "{:.1} s · {}\np50 {}, p99 {}, max {}\n{}/s sent, {}/s delivered\n{} users online",
                bucket.to,
                bucket.stage,
                of(bucket.delivery[0]),
                of(bucket.delivery[1]),
                of(bucket.delivery[2]),
                compact(bucket.per_second(bucket.sent).round()),
                compact(bucket.per_second(bucket.delivered).round()),
                bucket.connected,
            );
            (bucket.from, bucket.to, text)
        })
        .collect()
}
