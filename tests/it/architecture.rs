//! The folders of the bench are the flow of its data: none imports from one behind it.

use std::path::Path;

/// The stages in their order.
const STAGES: [&str; 9] = ["scenario", "plan", "observe", "target", "script", "suite", "drive", "judge", "report"];

#[test]
fn no_stage_imports_from_one_behind_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/mychat-bench/src");
    let mut looked_at = 0;
    for (place, stage) in STAGES.iter().enumerate() {
        for file in files(&source.join(stage)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for later in &STAGES[place + 1..] {
                let import = format!("crate::{later}::");
                let found = text.lines().find(|line| !line.trim_start().starts_with("//") && line.contains(&import));
                assert!(found.is_none(), "{} is of `{stage}`: {}", file.display(), found.unwrap_or_default());
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 40, "only {looked_at} files: the folders have moved");
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of a stage") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}
