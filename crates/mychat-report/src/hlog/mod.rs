//! Result as a histogram log, version 1.3, for the HdrHistogram tools.
//!
//! Lines without a tag are the delivery latencies of an interval. A line with a tag is a metric over the whole run.
//! Values are in microseconds. The "max" column of the log is in milliseconds, as these tools print it.

use std::fmt::Write as _;

use crate::model::RunResult;

/// Renders the log.
pub fn write(result: &RunResult) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = lines(&mut text, result);
    text
}

fn lines(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let counts = &result.counts;
    let start = result.started.parse::<jiff::Timestamp>().map_or(0.0, |start| start.as_millisecond() as f64 / 1e3);
    writeln!(text, "#[Written by mychat-bench {}: values are microseconds]", result.tool.version)?;
    writeln!(text, "#[Scenario: {}, seed {}]", result.scenario.name.replace(['\n', '\r'], " "), result.scenario.seed)?;
    writeln!(text, "#[Counts: sent {}, delivered {}, lost {}]", counts.sent, counts.delivered, counts.lost)?;
    writeln!(text, "#[Histogram log format version 1.3]")?;
    writeln!(text, "#[StartTime: {start:.3} (seconds since epoch), {}]", result.started)?;
    writeln!(text, "#[BaseTime: {start:.3} (seconds since epoch)]")?;
    writeln!(text, r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#)?;
    let mut from = 0.0;
    for point in &result.timeline {
        let most = point.max.unwrap_or(0) as f64 / 1e3;
        writeln!(text, "{from:.3},{:.3},{most:.3},{}", (point.t - from).max(0.0), point.hdr)?;
        from = point.t;
    }
    for (name, block) in &result.latency {
        let whole = &block.whole;
        writeln!(text, "Tag={name},0.000,{:.3},{:.3},{}", result.seconds, whole.max as f64 / 1e3, whole.hdr)?;
    }
    Ok(())
}
