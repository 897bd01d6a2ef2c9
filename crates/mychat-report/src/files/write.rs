//! Writes a file by a rename where nobody can tell the difference, and in place elsewhere.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write as _};
use std::path::{Path, PathBuf};

use super::identity::resolve;
use super::{WriteError, is_stdout};

/// Replaces the content of a file; `-` prints the text on standard output.
///
/// The text is written to a temporary file that is then renamed, so readers see either the old content or the new. A file is
/// written in place if a rename would change more than its content (its owner, a hard link, a pipe) or is impossible
/// (a mount point, another user's file in a sticky directory). A symlink stays, and the file that it names is written.
pub fn replace(path: &Path, text: &str) -> std::result::Result<(), WriteError> {
    let written = if is_stdout(path) { print(text) } else { replace_file(&resolve(path), text) };
    written.map_err(|error| WriteError::new(path, &error))
}

/// Appends a text to a file.
pub fn append(path: &Path, text: &str) -> std::result::Result<(), WriteError> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| WriteError::new(path, &error))
}

/// Checks that a file can be written. An existing file must be writable, because it may have to be written in place.
pub(super) fn check(path: &Path) -> Result<()> {
    let path = resolve(path);
    match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(found) if found.is_file() => OpenOptions::new().write(true).open(&path).map(drop),
        // Opening and closing a pipe would signal its end to the reader.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let temporary = beside(&path);
            File::create_new(&temporary)?;
            std::fs::remove_file(&temporary)
        }
        Err(error) => Err(error),
    }
}

/// Writes a new file completely or not at all.
pub(super) fn create_complete(path: &Path, text: &str) -> Result<()> {
    let written = File::create_new(path).and_then(|mut file| fill(&mut file, text));
    if written.as_ref().is_err_and(|error| error.kind() != ErrorKind::AlreadyExists) {
        // A partly written file is useless. A failure to remove it is not reported in addition.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    // The reader of a closed pipe has read enough.
    printed.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

fn replace_file(path: &Path, text: &str) -> Result<()> {
    let existing = match std::fs::metadata(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if existing.as_ref().is_some_and(|found| !found.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    match rename_over(path, text, existing.as_ref()) {
        Ok(()) => Ok(()),
        Err(_) if existing.is_some() => write_in_place(path, text),
        Err(error) => Err(error),
    }
}

/// Writes a temporary file and renames it. Fails if that would change more of an existing file than its content.
fn rename_over(path: &Path, text: &str, existing: Option<&Metadata>) -> Result<()> {
    let temporary = beside(path);
    create_complete(&temporary, text)?;
    let moved = match existing {
        Some(existing) => take_over_mode(&temporary, existing).and_then(|()| std::fs::rename(&temporary, path)),
        None => std::fs::rename(&temporary, path),
    };
    if moved.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    moved
}

/// Overwrites a file that exists. The file is not opened for creation: Linux refuses that for another user's file in a
/// sticky directory.
fn write_in_place(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    fill(&mut file, text)
}

fn fill(file: &mut File, text: &str) -> Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Returns the path of the temporary file, which is hidden and belongs to this process.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Gives the temporary file the mode of the file that it replaces. Fails if the two have different owners, or if
/// the old file has further names.
#[cfg(unix)]
fn take_over_mode(temporary: &Path, existing: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let new = std::fs::metadata(temporary)?;
    if (new.uid(), new.gid()) != (existing.uid(), existing.gid()) || existing.nlink() > 1 {
        return Err(Error::from(ErrorKind::PermissionDenied));
    }
    std::fs::set_permissions(temporary, existing.permissions())
}

/// A rename on this system keeps what matters.
#[cfg(not(unix))]
fn take_over_mode(_temporary: &Path, _existing: &Metadata) -> Result<()> {
    Ok(())
}
