//! Files that the tool writes, as users name them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::TOOL;

/// Returns a directory with `brief.yaml`, whose only case connects a user, and its `result.json`.
fn directory() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let scenario = "name: brief\ncases: [ { case: joins, steps: [ connect: ana ] } ]\n";
    std::fs::write(folder.path().join("brief.yaml"), scenario).expect("a file");
    let done = tool(folder.path(), &["run", "brief.yaml", "--json", "result.json", "--quiet"]);
    assert!(done.status.success(), "{done:?}");
    folder
}

fn tool(folder: &Path, args: &[&str]) -> Output {
    Command::new(TOOL).args(args).current_dir(folder).stdin(Stdio::null()).output().expect("the tool starts")
}

#[test]
fn a_dash_is_standard_output_and_messages_go_to_standard_error() {
    let folder = directory();
    let stored = std::fs::read_to_string(folder.path().join("result.json")).expect("the result");
    let done = tool(folder.path(), &["report", "result.json", "--json", "-"]);
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim_end(), stored.trim_end());
    let done = tool(folder.path(), &["run", "brief.yaml", "--json", "-"]);
    let json: serde_json::Value = serde_json::from_slice(&done.stdout).expect("nothing but the result");
    assert_eq!(json["schema"], "mychat-bench/conformance@1");
    assert!(String::from_utf8_lossy(&done.stderr).contains("PASS"), "{done:?}");
    assert!(!folder.path().join("-").exists());
}

#[test]
fn no_file_is_named_twice_and_none_that_is_read_is_written() {
    let folder = directory();
    std::fs::create_dir(folder.path().join("sub")).expect("a directory");
    for (args, said) in [
        (["--json", "x", "--html", "sub/../x"].as_slice(), "--json and --html are the same file: sub/../x"),
        (&["--json", "-", "--junit", "-"], "--json and --junit are the same file: -"),
        (&["--html", "./result.json"], "result.json, which is read, and --html are the same file: ./result.json"),
    ] {
        let done = tool(folder.path(), &[&["report", "result.json"], args].concat());
        let errors = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!((done.status.code(), errors), (Some(2), format!("error: {said}\n")));
    }
    let files = std::fs::read_dir(folder.path()).expect("the directory").count();
    assert_eq!(files, 3, "nothing was written");
}

/// A rename onto a mount point fails. Docker mounts single files in this way.
#[cfg(target_os = "linux")]
#[test]
fn a_mounted_file_is_written_in_place() {
    let folder = directory();
    std::fs::write(folder.path().join("outside"), "old").expect("a file");
    std::fs::write(folder.path().join("mounted"), "").expect("a file");
    let script = "mount --bind outside mounted || exit 77; exec \"$0\" report result.json --html mounted";
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, TOOL]).current_dir(folder.path());
    let Ok(done) = inside.stdin(Stdio::null()).output() else {
        return eprintln!("SKIPPED: there is no `unshare`");
    };
    if done.status.code() == Some(77) || String::from_utf8_lossy(&done.stderr).starts_with("unshare:") {
        return eprintln!("SKIPPED: this machine lets the tests mount nothing");
    }
    assert!(done.status.success(), "{done:?}");
    let page = std::fs::read_to_string(folder.path().join("outside")).expect("the page");
    assert!(page.to_lowercase().starts_with("<!doctype html>"), "{page:.80}");
}
