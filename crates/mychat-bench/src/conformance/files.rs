//! The result into the files that were asked for.

use std::path::Path;

use crate::cli::Reports;
use crate::exit::Exit;
use crate::out;
use crate::report::conformance::{ConformanceResult, html, junit, markdown};

/// Writes all of them, whatever fails on the way, and says how the tool ends.
pub(crate) fn write(result: &ConformanceResult, reports: &Reports) -> Exit {
    let mut exit = match result.exit_code {
        0 => Exit::Held,
        1 => Exit::FellShort,
        130 => Exit::Interrupted,
        _ => Exit::Inconclusive,
    };
    let json = || serde_json::to_string_pretty(result).map_err(|error| error.to_string());
    let mut save = |path: Option<&Path>, text: &dyn Fn() -> Result<String, String>| {
        let Some(path) = path else { return };
        let written = text().and_then(|text| std::fs::write(path, text).map_err(|error| error.to_string()));
        if let Err(error) = written {
            out::complain(&format!("error: cannot write {}: {error}\n", path.display()));
            if exit != Exit::Interrupted {
                exit = Exit::CouldNotRun;
            }
        }
    };
    save(reports.json.as_deref(), &json);
    save(reports.junit.as_deref(), &|| Ok(junit(result)));
    save(reports.markdown.as_deref(), &|| Ok(markdown(result)));
    save(reports.html.as_deref(), &|| Ok(html(result)));
    exit
}
