//! Conformance results of many servers as a matrix: one row per server, one column per clause of the protocol and per should
//! check that a server fails.

mod csv;
mod names;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::json::{ReadError, parse_json, schema, text};
use crate::model::conformance::SCHEMA;

/// Fields of a conformance result that the matrix uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Conformance {
    statements: Vec<Statement>,
    #[serde(default)]
    checks: Vec<MatrixCheck>,
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

/// Check of the suite.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MatrixCheck {
    /// Id, such as `frame.two-in-one`.
    pub id: String,
    /// Description of the check.
    #[serde(default)]
    pub title: String,
    /// `must`, `should` or `may`.
    pub level: String,
    /// `pass`, `fail`, `inconclusive` or `skipped`.
    pub status: String,
}

/// Statuses of all servers, clauses and should checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Columns: the clauses in the order of the protocol.
    pub statements: Vec<Statement>,
    /// Further columns: the should checks that at least one server fails.
    pub should_checks: Vec<MatrixCheck>,
    /// Rows in the natural order of their names.
    pub servers: Vec<MatrixRow>,
}

/// Row of a matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixRow {
    /// The part of the file's path that tells it from the other files.
    pub name: String,
    /// The statuses of the server, or the reason why its result cannot be read.
    pub result: Result<ServerStatuses, String>,
}

/// Statuses of one server, one per column; `None` if the result lacks the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatuses {
    /// Status of each clause.
    pub statements: Vec<Option<String>>,
    /// Status of each should check of the matrix.
    pub should_checks: Vec<Option<String>>,
    /// Number of failed must checks.
    pub must_failed: usize,
    /// Number of failed should checks.
    pub should_failed: usize,
}

/// Reads the results, one per server. A result that cannot be read becomes a row with the reason.
pub fn read(paths: &[PathBuf]) -> Matrix {
    let mut found: Vec<(String, Result<Conformance, ReadError>)> =
        names::of(paths).into_iter().zip(paths.iter().map(|path| conformance(path))).collect();
    found.sort_by(|(one, _), (other, _)| names::natural_order(one, other));
    let results = || found.iter().filter_map(|(_, result)| result.as_ref().ok());
    let statements = union(results().flat_map(|result| &result.statements), |statement| &statement.id);
    let failed = |check: &&MatrixCheck| check.level == "should" && check.status == "fail";
    let should_checks = union(results().flat_map(|result| &result.checks).filter(failed), |check| &check.id);
    let row = |(name, result): (String, Result<Conformance, ReadError>)| MatrixRow {
        name,
        result: result
            .map(|result| ServerStatuses::new(&result, &statements, &should_checks))
            .map_err(|error| error.to_string()),
    };
    let servers = found.into_iter().map(row).collect();
    Matrix { statements, should_checks, servers }
}

/// Returns the first item of each id, in order.
fn union<'i, T: Clone + 'i>(items: impl Iterator<Item = &'i T>, id: impl Fn(&T) -> &str) -> Vec<T> {
    let mut union: Vec<T> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for item in items {
        if known.insert(id(item).to_owned()) {
            union.push(item.clone());
        }
    }
    union
}

fn conformance(path: &Path) -> Result<Conformance, ReadError> {
    let other = |reason: String| ReadError::NotConformance { path: path.to_owned(), reason };
    let text = text(path)?;
    let (value, _) = parse_json(&text).map_err(other)?;
    schema(&value, &[SCHEMA]).map_err(other)?;
    serde_json::from_value(value).map_err(|error| other(error.to_string()))
}

impl ServerStatuses {
    fn new(result: &Conformance, statements: &[Statement], should_checks: &[MatrixCheck]) -> Self {
        let statement = |id: &str| result.statements.iter().find(|s| s.id == id).map(|s| s.status.clone());
        let check = |id: &str| result.checks.iter().find(|check| check.id == id).map(|check| check.status.clone());
        let failed =
            |level: &str| result.checks.iter().filter(|check| check.level == level && check.status == "fail").count();
        Self {
            statements: statements.iter().map(|column| statement(&column.id)).collect(),
            should_checks: should_checks.iter().map(|column| check(&column.id)).collect(),
            must_failed: failed("must"),
            should_failed: failed("should"),
        }
    }

    /// Returns the number of clauses that the server passes.
    pub fn passed(&self) -> usize {
        self.statements.iter().filter(|status| status.as_deref() == Some("pass")).count()
    }
}

impl Matrix {
    /// Returns the servers whose results could be read.
    pub fn readable(&self) -> impl Iterator<Item = (&str, &ServerStatuses)> {
        self.servers.iter().filter_map(|row| Some((row.name.as_str(), row.result.as_ref().ok()?)))
    }

    /// Returns the results that could not be read: names and reasons.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.servers.iter().filter_map(|row| Some((row.name.as_str(), row.result.as_ref().err()?.as_str())))
    }

    /// Returns the number of servers that pass the clause in this column.
    pub fn passed_by(&self, column: usize) -> usize {
        let status = |server: &ServerStatuses| server.statements.get(column).cloned().flatten();
        self.readable().filter(|(_, server)| status(server).as_deref() == Some("pass")).count()
    }

    /// Returns the names of the servers that fail the should check in this column.
    pub fn failed_by(&self, column: usize) -> Vec<&str> {
        let fails = |server: &ServerStatuses| {
            server.should_checks.get(column).is_some_and(|status| status.as_deref() == Some("fail"))
        };
        self.readable().filter(|(_, server)| fails(server)).map(|(name, _)| name).collect()
    }
}
