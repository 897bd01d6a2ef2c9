//! The files that the options of a command name: checked together before its work, and written after it.

use std::path::Path;

use crate::error::CommandError;
use crate::terminal::print;
use mychat_proto::text::visible_line;
use mychat_report::files::{self, FileIdentity, WriteError};

/// Option and the path that it was given.
pub(crate) type Output<'p> = (&'static str, Option<&'p Path>);

/// Checks before the work of a command that it can write all its outputs, and that none of them is another output or one of
/// the files that the command reads. If an output is standard output, all messages go to standard error.
pub(crate) fn prepare_outputs<'o, 'i>(
    outputs: impl IntoIterator<Item = Output<'o>>,
    inputs: impl IntoIterator<Item = &'i Path>,
) -> Result<(), CommandError> {
    let mut known: Vec<(String, FileIdentity)> = inputs
        .into_iter()
        .filter(|path| *path != Path::new("-"))
        .filter_map(|path| Some((format!("{}, which is read,", path.display()), FileIdentity::of(path)?)))
        .collect();
    let outputs: Vec<_> = outputs.into_iter().filter_map(|(option, path)| Some((option, path?))).collect();
    for (option, path) in &outputs {
        let Some(identity) = FileIdentity::of(path) else { continue };
        if let Some((other, _)) = known.iter().find(|(_, known)| *known == identity) {
            return Err(CommandError::usage(format!(
                "{} and {option} are the same file: {}",
                visible_line(other),
                visible_line(&path.to_string_lossy())
            )));
        }
        known.push(((*option).to_owned(), identity));
    }
    let is_stdout = |path: &Path| files::is_stdout(path);
    if outputs.iter().any(|(_, path)| is_stdout(path)) {
        print::results_to_stderr();
    } else if let Some((option, path)) = outputs.iter().find(|(_, path)| files::is_file_of_stdout(path)) {
        return Err(CommandError::usage(format!(
            "{option} {} is the file that standard output is redirected to",
            visible_line(&path.to_string_lossy())
        ))
        .hint(format!("use `{option} -`, and messages go to standard error")));
    }
    outputs.iter().try_for_each(|(_, path)| Ok(files::check_writable(path)?))
}

/// Writes a text to an output. If that fails, the text is kept elsewhere if possible, and the error says where.
pub(crate) fn write_output(path: &Path, text: &str) -> Result<(), WriteError> {
    // All steps of a CI job share this file, so earlier content stays.
    let summary = std::env::var_os("GITHUB_STEP_SUMMARY").and_then(|summary| FileIdentity::of(Path::new(&summary)));
    let is_shared = summary.is_some() && summary == FileIdentity::of(path);
    let written = if is_shared { files::append(path, text) } else { files::replace(path, text) };
    written.map_err(|error| match files::keep_elsewhere(path, text) {
        Some(place) => error.kept_in(&place),
        None => error,
    })
}
