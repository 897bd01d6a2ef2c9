//! The result into the files that were asked for.

use std::path::Path;

use crate::cli::Reports;
use crate::{out, outputs};
use mychat_load::Exit;
use mychat_report::ConformanceResult;
use mychat_report::files::{self, WriteError};
use mychat_report::html::conformance_page;
use mychat_report::junit::conformance_report;
use mychat_report::markdown::conformance_summary;

impl Reports {
    /// Finds out whether all of it could be written: before the checks, which would be in vain otherwise.
    pub(crate) fn try_out(&self) -> Result<(), WriteError> {
        files::check_all_writable([&self.json, &self.junit, &self.markdown, &self.html])
    }
}

/// Writes all of them, whatever fails on the way, and says how the tool ends.
pub(crate) fn write(result: &ConformanceResult, reports: &Reports) -> Exit {
    let mut exit = match result.exit_code {
        0 => Exit::Success,
        1 => Exit::Failed,
        130 => Exit::Interrupted,
        _ => Exit::Inconclusive,
    };
    let json = |result: &ConformanceResult| {
        serde_json::to_string_pretty(result).expect("a result is text, numbers and lists of them")
    };
    let mut save = |path: Option<&Path>, text: &dyn Fn(&ConformanceResult) -> String| {
        let Some(path) = path else { return };
        if let Err(error) = outputs::put(path, &text(result)) {
            out::complain(&format!("error: {error}\n"));
            exit = exit.or(Exit::CouldNotRun);
        }
    };
    save(reports.json.as_deref(), &json);
    save(reports.junit.as_deref(), &conformance_report);
    save(reports.markdown.as_deref(), &conformance_summary);
    save(reports.html.as_deref(), &conformance_page);
    exit
}
