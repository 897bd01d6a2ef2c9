//! Report files of a run, in the requested formats.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::CommandError;
use crate::output::{Output, prepare_outputs, write_output};
use mychat_report::RunResult;
use mychat_report::files::WriteError;

/// Report files of a run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reports (`-` as FILE is standard output; messages then go to standard error)")]
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
    fn resolved(mut self) -> Result<Self, WriteError> {
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

    /// Resolves `--out`, and prepares all files that are given by options of a command that reads `inputs`.
    pub(crate) fn prepared<'p>(self, inputs: impl IntoIterator<Item = &'p Path>) -> Result<Self, CommandError> {
        let resolved = self.resolved()?;
        prepare_outputs(resolved.files(), inputs)?;
        Ok(resolved)
    }

    /// Returns true if no report is requested.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_none() && self.files().iter().all(|(_, path)| path.is_none())
    }

    /// Returns the options with their paths.
    fn files(&self) -> [Output<'_>; 6] {
        [
            ("--json", self.json.as_deref()),
            ("--html", self.html.as_deref()),
            ("--junit", self.junit.as_deref()),
            ("--markdown", self.markdown.as_deref()),
            ("--hlog", self.hlog.as_deref()),
            ("--ndjson", self.ndjson.as_deref()),
        ]
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
        requested.filter_map(|(path, form)| write_output(path, &form(result)).err()).collect()
    }
}
