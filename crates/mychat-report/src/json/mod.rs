//! Results as JSON: writing and reading.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::files;
use crate::model::conformance::{ConformanceResult, SCHEMA as CONFORMANCE_SCHEMA};
use crate::model::histogram::decode;
use crate::model::{LatencyBreakdown, RunResult, SCHEMA};
use mychat_proto::text::visible_line;

mod foreign;
pub mod ndjson;

/// Reason why a stored result cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", shown(path))]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        reason: String,
    },
    /// The file is not a conformance result.
    #[error("{} is not a result of `mychat-bench conformance`: {reason}", shown(path))]
    NotConformance {
        /// Path of the file.
        path: PathBuf,
        /// Description of the content.
        reason: String,
    },
    /// The file is not a result.
    #[error("{} is not a result of `mychat-bench run`: {reason}", shown(path))]
    NotRun {
        /// Path of the file.
        path: PathBuf,
        /// Description of the content.
        reason: String,
    },
}

/// Serializes a result.
pub fn write(result: &RunResult) -> String {
    let mut text =
        serde_json::to_string_pretty(result).expect("a result is made of strings, numbers and maps of these");
    text.push('\n');
    text
}

/// Stored result of either kind.
#[derive(Debug)]
pub enum StoredResult {
    /// Result of `run`.
    Run(Box<RunResult>),
    /// Result of `conformance`, or of `run` for a file that has only cases.
    Conformance(Box<ConformanceResult>),
}

/// Reads the stored result of a run.
pub fn read(path: &Path) -> Result<RunResult, ReadError> {
    match read_any(path)? {
        StoredResult::Run(result) => Ok(*result),
        StoredResult::Conformance(_) => {
            let reason = "it is one of `mychat-bench conformance`, which has no figures".to_owned();
            Err(ReadError::NotRun { path: path.to_owned(), reason })
        }
    }
}

/// Reads a stored result of either kind.
pub fn read_any(path: &Path) -> Result<StoredResult, ReadError> {
    let other = |reason: String| ReadError::NotRun { path: path.to_owned(), reason };
    let text = text(path)?;
    let (value, is_changed) = parse_json(&text).map_err(other)?;
    let version = value.pointer("/tool/version").and_then(Value::as_str).map(str::to_owned);
    let schema = schema(&value, &[SCHEMA, CONFORMANCE_SCHEMA]).map_err(other)?;
    // Parsing the text again gives errors with line numbers, but has the hidden characters.
    let stored = if is_changed { parse_stored(schema, value) } else { parse_stored_text(schema, &text) };
    let stored = stored.map_err(|error| {
        let (wrote, reads) = (version.as_deref().unwrap_or("an unknown version"), env!("CARGO_PKG_VERSION"));
        other(format!("{} (written by {wrote}, read by {reads})", visible_line(&error.to_string())))
    })?;
    match &stored {
        StoredResult::Run(result) => find_damage(result).map_or(Ok(()), |reason| Err(other(reason)))?,
        StoredResult::Conformance(_) => {}
    }
    Ok(stored)
}

fn parse_stored(schema: &str, value: Value) -> serde_json::Result<StoredResult> {
    Ok(match schema {
        SCHEMA => StoredResult::Run(serde_json::from_value(value)?),
        _ => StoredResult::Conformance(serde_json::from_value(value)?),
    })
}

fn parse_stored_text(schema: &str, text: &str) -> serde_json::Result<StoredResult> {
    Ok(match schema {
        SCHEMA => StoredResult::Run(serde_json::from_str(text)?),
        _ => StoredResult::Conformance(serde_json::from_str(text)?),
    })
}

fn shown(path: &Path) -> String {
    visible_line(&path.to_string_lossy()).into_owned()
}

/// Reads the text of a file.
pub(crate) fn text(path: &Path) -> Result<String, ReadError> {
    files::read(path).map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            ErrorKind::IsADirectory => "it is a directory".to_owned(),
            ErrorKind::InvalidData => "it is not text".to_owned(),
            ErrorKind::FileTooLarge => "it is larger than any result".to_owned(),
            _ => error.to_string(),
        };
        ReadError::File { path: path.to_owned(), reason }
    })
}

/// Parses a text as JSON with all hidden characters escaped, or returns a description of the problem. The second value is
/// true if there were such characters.
pub(crate) fn parse_json(text: &str) -> Result<(Value, bool), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut value = serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            format!("it ends in the middle, in line {}: it was cut off, or is still being written", error.line())
        } else {
            format!("it is no JSON: {}", visible_line(&error.to_string()))
        }
    })?;
    let is_changed = foreign::make_visible(&mut value);
    foreign::impossible_count(&value).map_or(Ok((value, is_changed)), Err)
}

/// Returns the schema of a result if this version can read it.
pub(crate) fn schema<'s>(value: &Value, readable: &[&'s str]) -> Result<&'s str, String> {
    let Some(schema) = value.get("schema").and_then(Value::as_str) else {
        return Err("it has no `schema`".to_owned());
    };
    readable.iter().find(|readable| **readable == schema).copied().ok_or_else(|| {
        format!(
            "its schema is `{schema}`, and mychat-bench {} reads `{}`; another version of the tool wrote it, or another tool",
            env!("CARGO_PKG_VERSION"),
            readable[0]
        )
    })
}

/// Checks the values of a result for consistency, so that no report fails halfway.
fn find_damage(result: &RunResult) -> Option<String> {
    if result.started.parse::<jiff::Timestamp>().is_err() {
        return Some(format!("`started` is no time: {}", result.started));
    }
    let measured = result.latency.iter().flat_map(|(name, block)| {
        let LatencyBreakdown { stage, group, action, selector } = &block.by;
        let parts = [stage, group, action, selector].into_iter().flat_map(BTreeMap::values);
        parts.chain([&block.whole]).map(move |latency| (format!("latency of `{name}`"), &latency.hdr))
    });
    let intervals =
        result.timeline.iter().map(|point| (format!("the interval that ends at {} s", point.t), &point.hdr));
    let mut all = measured.chain(intervals);
    all.find_map(|(whose, histogram)| Some(format!("{whose}: {}", decode(histogram).err()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixture;

    fn read_back(text: &str) -> Result<RunResult, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "result.json"))
    }

    /// Returns a result whose frames are escaped, as those of a run are.
    fn result(points: u64) -> RunResult {
        let mut result = test_fixture::run(points);
        for frame in result.examples.iter_mut().flat_map(|example| &mut example.frames) {
            *frame = visible_line(frame).into_owned();
        }
        result
    }

    #[test]
    fn what_was_written_is_read() {
        let result = result(3);
        assert_eq!(read_back(&write(&result)).unwrap(), result);
    }

    #[test]
    fn every_way_of_being_no_result_is_told_apart() {
        let whole = write(&result(2));
        let mut damaged = result(2);
        damaged.timeline[1].hdr = "AAAA".to_owned();
        let texts = [
            String::new(),
            whole[..whole.len() / 2].to_owned(),
            "users: {}".to_owned(),
            "[1, 2]".to_owned(),
            whole.replacen("run@1", "run@2", 1),
            whole.replacen("\"lost\"", "\"lots\"", 1),
            whole.replacen("2026-11-22T16", "yesterday, 16", 1),
            write(&damaged),
        ];
        let said: Vec<String> = texts.iter().map(|text| read_back(text).unwrap_err()).collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
