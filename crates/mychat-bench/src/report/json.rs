//! The result as JSON, and back.

use std::path::{Path, PathBuf};

use super::conformance::ConformanceResult;
use super::conformance::result::SCHEMA as CHECKS;
use super::result::SCHEMA;
use super::{RunResult, files};

/// Why a stored result cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is something else than a conformance result.
    #[error("{} is not a result of `mychat-bench conformance`: {reason}", path.display())]
    Conformance {
        /// Where it is.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// It is something else.
    #[error("{} is not a result of `mychat-bench run`: {reason}", path.display())]
    Other {
        /// Where it is.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
}

/// The result as it is stored.
pub fn write(result: &RunResult) -> String {
    let mut text =
        serde_json::to_string_pretty(result).expect("a result is made of strings, numbers and maps of these");
    text.push('\n');
    text
}

/// A stored result of either kind.
#[derive(Debug)]
pub enum Stored {
    /// Of `run`.
    Run(Box<RunResult>),
    /// Of `conformance`, or of a file that has cases alone.
    Conformance(Box<ConformanceResult>),
}

/// Reads the stored result of a run.
pub fn read(path: &Path) -> Result<RunResult, ReadError> {
    match read_any(path)? {
        Stored::Run(result) => Ok(*result),
        Stored::Conformance(_) => {
            let reason = "it is one of `mychat-bench conformance`, which has no figures".to_owned();
            Err(ReadError::Other { path: path.to_owned(), reason })
        }
    }
}

/// Reads a stored result, whichever it is.
pub fn read_any(path: &Path) -> Result<Stored, ReadError> {
    let other = |reason: String| ReadError::Other { path: path.to_owned(), reason };
    let text = files::read(path).map_err(|source| ReadError::File { path: path.to_owned(), source })?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| other(error.to_string()))?;
    let stored = match value.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => serde_json::from_value(value).map(|result| Stored::Run(Box::new(result))),
        Some(CHECKS) => serde_json::from_value(value).map(|result| Stored::Conformance(Box::new(result))),
        Some(schema) => return Err(other(format!("its schema is `{schema}`, and this version reads `{SCHEMA}`"))),
        None => return Err(other("it has no `schema`".to_owned())),
    };
    stored.map_err(|error| other(error.to_string()))
}
