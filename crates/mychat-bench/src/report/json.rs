//! The result as JSON.

use std::io::Write as _;
use std::path::Path;

use super::RunResult;

/// Writes the result to a file. The file is whole or not there: it is written beside its place and then moved.
pub fn write(result: &RunResult, path: &Path) -> std::io::Result<()> {
    let mut text = serde_json::to_vec_pretty(result)?;
    text.push(b'\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let mut file = std::fs::File::create(beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(beside, path)
}
