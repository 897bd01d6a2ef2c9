//! The report files of a run of checks.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{CommandError, ErrorKind};
use crate::output::{Output, write_output};
use crate::report_files::ReportFiles;
use mychat_load::Exit;
use mychat_report::ConformanceResult;
use mychat_report::html::conformance_page;
use mychat_report::junit::conformance_report;
use mychat_report::markdown::conformance_summary;

/// Report files of a conformance result.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Reports (`-` as FILE is standard output; messages then go to standard error)")]
pub(crate) struct CheckReports {
    /// Write everything as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write Markdown, for the summary of a CI step
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    /// Write one HTML page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl From<ReportFiles> for CheckReports {
    /// Keeps the formats that a conformance result has.
    fn from(files: ReportFiles) -> Self {
        let ReportFiles { json, junit, markdown, html, .. } = files;
        Self { json, junit, markdown, html }
    }
}

impl CheckReports {
    /// Returns the options with their paths.
    pub(crate) fn files(&self) -> [Output<'_>; 4] {
        [
            ("--json", self.json.as_deref()),
            ("--junit", self.junit.as_deref()),
            ("--markdown", self.markdown.as_deref()),
            ("--html", self.html.as_deref()),
        ]
    }
}

/// Writes all files, even after failures. Returns the exit code of the result, or an error that names every failed file.
pub(crate) fn write_reports(result: &ConformanceResult, reports: &CheckReports) -> Result<Exit, CommandError> {
    let json = |result: &ConformanceResult| {
        serde_json::to_string_pretty(result).expect("a result is text, numbers and lists of them")
    };
    let mut failures = Vec::new();
    let mut save = |path: Option<&Path>, render: &dyn Fn(&ConformanceResult) -> String| {
        if let Some(path) = path {
            failures.extend(write_output(path, &render(result)).err());
        }
    };
    save(reports.json.as_deref(), &json);
    save(reports.junit.as_deref(), &conformance_report);
    save(reports.markdown.as_deref(), &conformance_summary);
    save(reports.html.as_deref(), &conformance_page);
    let exit = Exit::from_code(result.exit_code);
    CommandError::check_outputs(ErrorKind::OutputLost(exit), failures)?;
    Ok(exit)
}
