//! Conformance results of many servers as a matrix: one row per server, one column per clause of the protocol.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::json::{ReadError, parse_json, schema, text};
use crate::model::conformance::SCHEMA;

/// Fields of a conformance result that the matrix uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Conformance {
    statements: Vec<Statement>,
}

/// Clause of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Statement {
    /// Id, such as `T13`.
    pub id: String,
    /// Section of the clause.
    #[serde(default)]
    pub section: String,
    /// Text of the clause.
    #[serde(default)]
    pub text: String,
    /// `pass`, `fail`, `inconclusive` or `skipped`.
    pub status: String,
}

/// Statuses of all servers and clauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Columns: the clauses in the order of the protocol.
    pub statements: Vec<Statement>,
    /// Rows: the name of each result file, and its status per clause.
    pub servers: Vec<(String, Vec<Option<String>>)>,
}

/// Reads the results, one per server.
pub fn read(paths: &[PathBuf]) -> Result<Matrix, ReadError> {
    let mut found = Vec::new();
    for path in paths {
        found.push((name(path), conformance(path)?));
    }
    let mut statements: Vec<Statement> = Vec::new();
    for statement in found.iter().flat_map(|(_, result)| &result.statements) {
        if !statements.iter().any(|known| known.id == statement.id) {
            statements.push(statement.clone());
        }
    }
    let servers = found
        .into_iter()
        .map(|(name, result)| {
            let status = |id: &str| result.statements.iter().find(|s| s.id == id).map(|s| s.status.clone());
            (name, statements.iter().map(|statement| status(&statement.id)).collect())
        })
        .collect();
    Ok(Matrix { statements, servers })
}

fn name(path: &Path) -> String {
    path.file_stem().map_or_else(|| path.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}

fn conformance(path: &Path) -> Result<Conformance, ReadError> {
    let other = |reason: String| ReadError::NotConformance { path: path.to_owned(), reason };
    let text = text(path)?;
    let value = parse_json(&text).map_err(other)?;
    schema(&value, &[SCHEMA]).map_err(other)?;
    serde_json::from_value(value).map_err(|error| other(error.to_string()))
}

impl Matrix {
    /// Returns the number of clauses that a server passes.
    pub fn passed(line: &[Option<String>]) -> usize {
        line.iter().filter(|status| status.as_deref() == Some("pass")).count()
    }

    /// Returns the number of servers that pass the clause in this column.
    pub fn passed_by(&self, column: usize) -> usize {
        self.servers.iter().filter(|(_, line)| line.get(column).and_then(Option::as_deref) == Some("pass")).count()
    }

    /// Renders comma-separated values with a header.
    pub fn csv(&self) -> String {
        let mut text = "server,passed".to_owned();
        for statement in &self.statements {
            // Writing to a String cannot fail.
            let _ = write!(text, ",{}", cell(&statement.id));
        }
        text.push('\n');
        for (server, line) in &self.servers {
            let _ = write!(text, "{},{}", cell(server), Self::passed(line));
            for status in line {
                let _ = write!(text, ",{}", cell(status.as_deref().unwrap_or_default()));
            }
            text.push('\n');
        }
        text
    }
}

/// Quotes a CSV field if needed, and defuses spreadsheet formulas: file names are untrusted.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(results: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths = results.iter().map(|(name, _)| folder.path().join(name)).collect::<Vec<_>>();
        for (path, (_, text)) in paths.iter().zip(results) {
            std::fs::write(path, text).unwrap();
        }
        (folder, paths)
    }

    #[test]
    fn a_class_becomes_a_table() {
        let ana = r#"{"schema":"mychat-bench/conformance@1","target":"x","exit_code":1,"checks":[],"statements":[
            {"id":"T13","section":"3.3.1","text":"CONNECT is answered by CONNECT_ACK","status":"pass","checks":["conn.ack-ok"]},
            {"id":"T16","section":"3.3.3","text":"all get BROADCAST","status":"fail","checks":[]}]}"#;
        let bob = r#"{"schema":"mychat-bench/conformance@1","statements":[{"id":"T13","status":"inconclusive"}]}"#;
        let (_folder, paths) = folder(&[("ana.json", ana), ("=bob,x.json", bob)]);
        let csv = "server,passed,T13,T16\nana,1,pass,fail\n\"'=bob,x\",0,inconclusive,\n";
        assert_eq!(read(&paths).unwrap().csv(), csv);
    }

    #[test]
    fn something_else_is_refused() {
        let (_folder, paths) = folder(&[("run.json", r#"{"schema":"mychat-bench/run@1","statements":[]}"#)]);
        assert!(read(&paths).unwrap_err().to_string().contains("its schema is `mychat-bench/run@1`"));
    }
}
