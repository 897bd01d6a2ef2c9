//! Timeline as NDJSON: one JSON object per interval, written as the interval ends.

use std::io::Write;

use serde::Serialize;

use crate::model::{RunResult, TimelinePoint};

/// Interval, and for a search the percentage of the probe.
#[derive(Serialize)]
struct Line<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<f64>,
    #[serde(flatten)]
    point: &'p TimelinePoint,
}

/// Writes one interval and flushes it, so that readers see it at once.
pub fn line(mut to: impl Write, percent: Option<f64>, point: &TimelinePoint) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(&Line { percent, point })?;
    text.push(b'\n');
    to.write_all(&text)?;
    to.flush()
}

/// Returns all intervals of a result.
pub fn write(result: &RunResult) -> String {
    let mut bytes = Vec::new();
    for point in &result.timeline {
        // Writing to a Vec cannot fail.
        let _ = line(&mut bytes, None, point);
    }
    String::from_utf8(bytes).unwrap_or_default()
}
