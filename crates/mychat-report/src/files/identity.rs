//! Identity of files: two spellings of a path, a symlink and a hard link name one file.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Identity of a file or of standard output. Equal identities are one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileIdentity {
    /// Standard output, which is no regular file.
    Stdout,
    /// Device and inode of a file that exists.
    Inode(u64, u64),
    /// The path without symlinks.
    Path(PathBuf),
}

impl FileIdentity {
    /// Returns the identity of the file that a path names, or would name once it is created. Returns `None` for devices,
    /// such as `/dev/null`: they can be written many times.
    pub fn of(path: &Path) -> Option<Self> {
        if super::is_stdout(path) {
            let regular = super::stdout().and_then(|file| file.metadata()).ok().filter(Metadata::is_file);
            return Some(regular.and_then(|found| inode(&found)).unwrap_or(Self::Stdout));
        }
        let path = resolve(path);
        match std::fs::metadata(&path) {
            Ok(found) if is_device(&found) => None,
            Ok(found) => Some(inode(&found).unwrap_or(Self::Path(path))),
            Err(_) => Some(Self::Path(path)),
        }
    }
}

/// Returns the path of the file itself, without symlinks. Also follows a symlink to a file that does not exist yet.
pub(super) fn resolve(path: &Path) -> PathBuf {
    /// Systems give up after about as many links.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(found) = std::fs::canonicalize(&path) {
            return found;
        }
        let Ok(next) = std::fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next));
    }
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    match (folder.and_then(|folder| std::fs::canonicalize(folder).ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

#[cfg(unix)]
fn is_device(found: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&found.file_type())
}

#[cfg(not(unix))]
fn is_device(_found: &Metadata) -> bool {
    false
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no inodes")]
fn inode(found: &Metadata) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt as _;
    Some(FileIdentity::Inode(found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn inode(_found: &Metadata) -> Option<FileIdentity> {
    None
}
