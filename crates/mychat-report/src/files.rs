//! Reads and writes the text files of the tool.
//!
//! A file that is new is written completely or not at all. A file that exists keeps its owner, its mode, its hard links
//! and its mount. The path `-` is standard input or standard output.

mod identity;
mod write;

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use mychat_proto::text::visible_line;

pub use identity::FileIdentity;
pub use write::{append, replace};

/// Length in bytes of the longest file that is read.
pub const LONGEST: u64 = 1 << 30;

/// Failure to write a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {why}", visible_line(&path.to_string_lossy()))]
pub struct WriteError {
    path: PathBuf,
    why: String,
}

impl WriteError {
    /// Creates the error for a path from the error of the system.
    pub fn new(path: &Path, error: &Error) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let why = match (error.kind(), folder) {
            (ErrorKind::NotFound, Some(folder)) => {
                format!("there is no directory {}", visible_line(&folder.to_string_lossy()))
            }
            (ErrorKind::IsADirectory, _) => "it is a directory".to_owned(),
            _ => error.to_string(),
        };
        Self { path: path.to_owned(), why }
    }

    /// Adds the place where the text is kept instead.
    #[must_use]
    pub fn kept_in(mut self, place: &Path) -> Self {
        self.why = format!("{}; it is kept in {}", self.why, place.display());
        self
    }
}

/// Returns true if a path stands for standard output: `-`, or the names that systems have for it.
pub fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Returns true if standard output is redirected to the regular file that a path names.
pub fn is_file_of_stdout(path: &Path) -> bool {
    let stdout = FileIdentity::of(Path::new("-"));
    matches!(stdout, Some(FileIdentity::Inode(..))) && stdout == FileIdentity::of(path)
}

/// Checks in advance that [`replace`] can write the file. An existing file is unchanged.
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    if is_stdout(path) {
        return Ok(());
    }
    write::check(path).map_err(|error| WriteError::new(path, &error))
}

/// Opens a file for lines that are written one by one during a run. Its old content is deleted.
pub fn create(path: &Path) -> Result<File, WriteError> {
    let opened = if is_stdout(path) { stdout() } else { File::create(path) };
    opened.map_err(|error| WriteError::new(path, &error))
}

/// Writes a text that cannot be written to `path` to a new file among the temporary files, and returns its path.
pub fn keep_elsewhere(path: &Path, text: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let place = std::env::temp_dir().join(format!("mychat-bench-{}-{name}", std::process::id()));
    write::create_complete(&place, text).ok().map(|()| place)
}

/// Reads a file, or standard input if the path is `-`. Fails if it is longer than [`LONGEST`], such as `/dev/zero`.
pub fn read(path: &Path) -> std::io::Result<String> {
    let source: Box<dyn std::io::Read> =
        if path == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
    let mut bytes = Vec::new();
    source.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(bytes).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}

/// Returns a second handle of standard output.
#[cfg(unix)]
fn stdout() -> std::io::Result<File> {
    use std::os::fd::AsFd as _;
    Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// Returns a second handle of standard output.
#[cfg(windows)]
fn stdout() -> std::io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    Ok(std::io::stdout().as_handle().try_clone_to_owned()?.into())
}

#[cfg(test)]
mod tests;
