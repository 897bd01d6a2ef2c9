//! Report files of a run, in the requested formats.

use std::path::{Path, PathBuf};

use clap::Args;

use mychat_report::RunResult;
use mychat_report::files::{self, WriteError};

/// Report files of a run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct ReportFiles {
    /// Write the result as JSON; all other reports can be made from it later
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write an HTML page: one file that loads nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write JUnit XML for a build server
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write Markdown for a CI step summary; if the file is `$GITHUB_STEP_SUMMARY`, it is appended to
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    /// Write a histogram log for the HdrHistogram tools
    #[arg(long, value_name = "FILE")]
    pub(crate) hlog: Option<PathBuf>,

    /// Write one line of JSON per interval during the run; a search also writes the `percent` of each probe
    #[arg(long, value_name = "FILE")]
    pub(crate) ndjson: Option<PathBuf>,

    /// Write all of these into a directory, as report.html, result.json, junit.xml and so on
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Function that renders a result.
type Form = fn(&RunResult) -> String;

impl ReportFiles {
    /// Resolves `--out`: every format without a path of its own gets a file in that directory.
    pub(crate) fn resolved(mut self) -> Result<Self, WriteError> {
        let Some(directory) = self.out.take() else { return Ok(self) };
        std::fs::create_dir_all(&directory).map_err(|error| WriteError::new(&directory, &error))?;
        let places = [
            (&mut self.json, "result.json"),
            (&mut self.html, "report.html"),
            (&mut self.junit, "junit.xml"),
            (&mut self.markdown, "summary.md"),
            (&mut self.hlog, "latency.hlog"),
            (&mut self.ndjson, "timeline.ndjson"),
        ];
        for (place, name) in places {
            place.get_or_insert_with(|| directory.join(name));
        }
        Ok(self)
    }

    /// Checks before the run that all files can be written.
    pub(crate) fn check_writable(&self) -> Result<(), WriteError> {
        files::check_all_writable(self.files())
    }

    /// Resolves `--out` and checks that every file can be written.
    pub(crate) fn checked(self) -> Result<Self, WriteError> {
        let resolved = self.resolved()?;
        resolved.check_writable()?;
        Ok(resolved)
    }

    /// Returns true if no report is requested.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_none() && self.files().iter().all(|path| path.is_none())
    }

    fn files(&self) -> [&Option<PathBuf>; 6] {
        [&self.json, &self.html, &self.junit, &self.markdown, &self.hlog, &self.ndjson]
    }

    /// Writes all requested reports, even after failures. Returns every failure.
    pub(crate) fn write(&self, result: &RunResult) -> Vec<WriteError> {
        let forms: [(&Option<PathBuf>, Form); 6] = [
            (&self.json, mychat_report::json::write),
            (&self.html, mychat_report::html::run_page),
            (&self.junit, mychat_report::junit::run_report),
            (&self.markdown, mychat_report::markdown::run_summary),
            (&self.hlog, mychat_report::hlog::write),
            (&self.ndjson, mychat_report::json::ndjson::write),
        ];
        let requested = forms.into_iter().filter_map(|(path, form)| Some((path.as_deref()?, form)));
        requested.filter_map(|(path, form)| write_report(path, &form(result)).err()).collect()
    }
}

/// Writes a text to a report file.
pub(crate) fn write_report(path: &Path, text: &str) -> Result<(), WriteError> {
    // All steps of a CI job share this file, so earlier content stays.
    let shared = std::env::var_os("GITHUB_STEP_SUMMARY").is_some_and(|summary| Path::new(&summary) == path);
    if shared { files::append(path, text) } else { files::replace(path, text) }
}
