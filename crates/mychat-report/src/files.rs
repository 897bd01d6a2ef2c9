//! Text into files: whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {why}", path.display())]
pub struct WriteError {
    path: PathBuf,
    why: String,
}

impl WriteError {
    /// Of a file, from what the system says.
    pub fn new(path: &Path, error: &Error) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let why = match (error.kind(), folder) {
            (ErrorKind::NotFound, Some(folder)) => format!("there is no directory {}", folder.display()),
            (ErrorKind::IsADirectory, _) => "it is a directory".to_owned(),
            _ => error.to_string(),
        };
        Self { path: path.to_owned(), why }
    }
}

/// Puts a text into a file. Readers see the old file or the whole new one: it is written beside its place and moved.
/// What is no file, such as a pipe or `/dev/stdout`, is written to as it is.
pub fn replace(path: &Path, text: &str) -> Result<(), WriteError> {
    put(path, |file| {
        file.write_all(text.as_bytes())?;
        Ok(Then::Keep)
    })
}

/// Finds out before a run whether [`replace`] could do it after the run. What is there stays as it is.
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    match std::fs::metadata(path) {
        // The reader of a pipe would take it for the end if it were opened and closed.
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
        _ => put(path, |_| Ok(Then::Discard)),
    }
}

/// [`check_writable`] for all files that were asked for.
pub fn check_all_writable<'p>(paths: impl IntoIterator<Item = &'p Option<PathBuf>>) -> Result<(), WriteError> {
    paths.into_iter().flatten().try_for_each(|path| check_writable(path))
}

/// Puts a text at the end of a file.
pub fn append(path: &Path, text: &str) -> Result<(), WriteError> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| WriteError::new(path, &error))
}

/// What becomes of what was written.
#[derive(PartialEq, Eq)]
enum Then {
    Keep,
    Discard,
}

fn put(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<Then>) -> Result<(), WriteError> {
    let failed = |error: &Error| WriteError::new(path, error);
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let written = OpenOptions::new().write(true).open(path).and_then(|mut file| write(&mut file));
        return written.map(drop).map_err(|error| failed(&error));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let written = File::create(beside).and_then(|mut file| {
        let then = write(&mut file)?;
        file.sync_all()?;
        Ok(then)
    });
    let moved = match written {
        Ok(Then::Keep) => std::fs::rename(beside, path),
        Ok(Then::Discard) => std::fs::remove_file(beside),
        Err(error) => Err(error),
    };
    moved.map_err(|error| {
        // What is half written helps nobody; that it cannot be removed either is no other error.
        let _ = std::fs::remove_file(beside);
        failed(&error)
    })
}

/// Reads a file, or standard input where the path is `-`.
pub fn read(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_out_leaves_everything_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        replace(&old, "kept").unwrap();
        check_writable(&old).and_then(|()| check_writable(&new)).unwrap();
        assert_eq!(read(&old).unwrap(), "kept");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_said_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| {
            check_writable(path).unwrap_err().to_string().replace(&folder.path().display().to_string(), "F")
        };
        assert_eq!(said(&folder.path().join("none/x")), "cannot write F/none/x: there is no directory F/none");
        assert_eq!(said(folder.path()), "cannot write F: it is a directory");
    }
}
