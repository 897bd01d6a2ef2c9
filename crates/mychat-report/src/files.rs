//! Writes text files completely or not at all.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Failure to write a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {why}", path.display())]
pub struct WriteError {
    path: PathBuf,
    why: String,
}

impl WriteError {
    /// Creates the error for a path from the error of the system.
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

/// Replaces the content of a file. The text is written to a temporary file that is then renamed, so readers see
/// either the old content or the new. A path that is no regular file, such as a pipe or `/dev/stdout`, is written directly.
pub fn replace(path: &Path, text: &str) -> Result<(), WriteError> {
    put(path, |file| {
        file.write_all(text.as_bytes())?;
        Ok(Then::Keep)
    })
}

/// Checks in advance that [`replace`] can write the file. An existing file is unchanged.
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    match std::fs::metadata(path) {
        // Opening and closing a pipe would signal its end to the reader.
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
        _ => put(path, |_| Ok(Then::Discard)),
    }
}

/// Checks all given paths with [`check_writable`].
pub fn check_all_writable<'p>(paths: impl IntoIterator<Item = &'p Option<PathBuf>>) -> Result<(), WriteError> {
    paths.into_iter().flatten().try_for_each(|path| check_writable(path))
}

/// Appends a text to a file.
pub fn append(path: &Path, text: &str) -> Result<(), WriteError> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| WriteError::new(path, &error))
}

/// Fate of the temporary file.
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
        // A partly written file is useless. A failure to remove it is not reported in addition.
        let _ = std::fs::remove_file(beside);
        failed(&error)
    })
}

/// Reads a file, or standard input if the path is `-`.
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
