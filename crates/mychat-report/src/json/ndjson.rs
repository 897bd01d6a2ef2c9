//! The timeline as one JSON object a line: each interval as it ends, for whoever watches a run from a program.

use std::io::Write;

use serde::Serialize;

use crate::model::{RunResult, TimelinePoint};

/// An interval, and of a search which percentage was tried in it.
#[derive(Serialize)]
struct Line<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<f64>,
    #[serde(flatten)]
    point: &'p TimelinePoint,
}

/// Writes one interval. It is there for readers at once.
pub fn line(mut to: impl Write, percent: Option<f64>, point: &TimelinePoint) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(&Line { percent, point })?;
    text.push(b'\n');
    to.write_all(&text)?;
    to.flush()
}

/// All intervals of a result.
pub fn write(result: &RunResult) -> String {
    let mut bytes = Vec::new();
    for point in &result.timeline {
        // A Vec takes all bytes.
        let _ = line(&mut bytes, None, point);
    }
    String::from_utf8(bytes).unwrap_or_default()
}
