//! The files that a result is written to, in the forms that were asked for.

use std::path::{Path, PathBuf};

use clap::Args;

use mychat_report::RunResult;
use mychat_report::files::{self, WriteError};

/// Where the result goes besides the terminal.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct ReportFiles {
    /// Write the result as JSON; every other report can be made from it later
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write a page for a browser: one file, nothing fetched
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write JUnit XML for a build server
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write Markdown for a CI step summary; the file is appended to where it is `$GITHUB_STEP_SUMMARY`
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    /// Write a histogram log for the HdrHistogram tools
    #[arg(long, value_name = "FILE")]
    pub(crate) hlog: Option<PathBuf>,

    /// Write a line of JSON an interval, while it runs; of a search the intervals of each try, with its `percent`
    #[arg(long, value_name = "FILE")]
    pub(crate) ndjson: Option<PathBuf>,

    /// Write all of these into a directory, as report.html, result.json, junit.xml and so on
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// The result as text.
type Form = fn(&RunResult) -> String;

impl ReportFiles {
    /// The same with `--out` resolved: every form that was not named goes into its directory.
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

    /// Finds out whether all of it could be written: before a run, which would be in vain otherwise.
    pub(crate) fn check_writable(&self) -> Result<(), WriteError> {
        files::check_all_writable(self.files())
    }

    /// Resolves `--out` and checks that every file can be written.
    pub(crate) fn checked(self) -> Result<Self, WriteError> {
        let resolved = self.resolved()?;
        resolved.check_writable()?;
        Ok(resolved)
    }

    /// Whether nothing at all is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_none() && self.files().iter().all(|path| path.is_none())
    }

    fn files(&self) -> [&Option<PathBuf>; 6] {
        [&self.json, &self.html, &self.junit, &self.markdown, &self.hlog, &self.ndjson]
    }

    /// Writes all that was asked for; goes on after a file that could not be written, and reports the first such.
    pub(crate) fn write(&self, result: &RunResult) -> Result<(), WriteError> {
        let forms: [(&Option<PathBuf>, Form); 6] = [
            (&self.json, mychat_report::json::write),
            (&self.html, mychat_report::html::run_page),
            (&self.junit, mychat_report::junit::run_report),
            (&self.markdown, mychat_report::markdown::run_summary),
            (&self.hlog, mychat_report::hlog::write),
            (&self.ndjson, mychat_report::json::ndjson::write),
        ];
        let mut outcome = Ok(());
        for (path, form) in forms {
            let Some(path) = path else { continue };
            outcome = outcome.and(write_report(path, &form(result)));
        }
        outcome
    }
}

/// Writes a text for people or programs where they asked for it.
pub(crate) fn write_report(path: &Path, text: &str) -> Result<(), WriteError> {
    // Steps of one job share this file: what others wrote into it stays.
    let shared = std::env::var_os("GITHUB_STEP_SUMMARY").is_some_and(|summary| Path::new(&summary) == path);
    if shared { files::append(path, text) } else { files::replace(path, text) }
}
