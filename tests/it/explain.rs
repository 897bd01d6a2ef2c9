//! `explain` describes a scenario and runs nothing.

use std::process::Command;

fn explain(file: &str) -> (i32, String, String) {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_mychat-bench-under-test"));
    let output =
        tool.current_dir(env!("CARGO_MANIFEST_DIR")).args(["explain", file]).output().expect("the tool starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_small_scenario_fits_any_machine() {
    let (code, stdout, stderr) = explain("../scenarios/smoke.yaml");
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.starts_with("smoke") && stdout.ends_with("This machine can do it.\n"), "{stdout}");
}

#[test]
fn a_file_with_a_mistake_is_exit_2() {
    let (code, stdout, stderr) = explain("Cargo.toml");
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.starts_with("error:"), "{stderr}");
}
