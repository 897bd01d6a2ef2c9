//! The timeline as one JSON object a line: each interval as it ends, for whoever watches a run from a program.

use std::io::Write;

use super::RunResult;
use super::result::Point;

/// Writes one interval. It is there for readers at once.
pub fn line(mut to: impl Write, point: &Point) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(point)?;
    text.push(b'\n');
    to.write_all(&text)?;
    to.flush()
}

/// All intervals of a result.
pub fn write(result: &RunResult) -> String {
    let mut bytes = Vec::new();
    for point in &result.timeline {
        // A Vec takes all bytes.
        let _ = line(&mut bytes, point);
    }
    String::from_utf8(bytes).unwrap_or_default()
}
