//! Matrix as comma-separated values.

use std::fmt::Write as _;

use super::{Matrix, ServerStatuses};

impl Matrix {
    /// Renders comma-separated values with a header. The reason why a result cannot be read is in the column `error`.
    pub fn csv(&self) -> String {
        let mut columns: Vec<String> = self.statements.iter().map(|statement| cell(&statement.id)).collect();
        columns.extend(["must_failed", "should_failed", "error"].map(str::to_owned));
        columns.extend(self.should_checks.iter().map(|check| cell(&check.id)));
        let mut text = format!("server,passed,{}\n", columns.join(","));
        for row in &self.servers {
            let columns = match &row.result {
                Ok(server) => statuses(server),
                Err(reason) => self.reason(reason),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{},{}", cell(&row.name), columns.join(","));
        }
        text
    }

    /// Returns the columns of a server whose result cannot be read.
    fn reason(&self, reason: &str) -> Vec<String> {
        let empty = |count: usize| std::iter::repeat_n(String::new(), count);
        let before = empty(1 + self.statements.len() + 2);
        before.chain([cell(reason)]).chain(empty(self.should_checks.len())).collect()
    }
}

/// Returns the columns of a server after its name.
fn statuses(server: &ServerStatuses) -> Vec<String> {
    let status = |status: &Option<String>| cell(status.as_deref().unwrap_or_default());
    let mut columns = vec![server.passed().to_string()];
    columns.extend(server.statements.iter().map(status));
    columns.extend([server.must_failed.to_string(), server.should_failed.to_string(), String::new()]);
    columns.extend(server.should_checks.iter().map(status));
    columns
}

/// Quotes a CSV field if needed, and defuses spreadsheet formulas: file names are untrusted.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
