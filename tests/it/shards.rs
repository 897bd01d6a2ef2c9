//! One scenario on several machines: each part drives its users, and `merge` knows of every delivery what a single run
//! would know.

use std::process::Command;

use mychat_tests::faulty_server::{FaultyServer, LoadFault};
use mychat_tests::{Outcome, TestServer};
use serde_json::Value;

use crate::{TOOL, run};

const LOAD: &str = "
name: shards
seed: 5
users:
  talkers: { count: 7, rate: 210/s, do: [ { broadcast: { weight: 3 } }, { private: { weight: 1, to: listeners } } ] }
  listeners: { count: 20, join: 400/s }
load: [ { hold: { for: 2s, name: steady } } ]
expect: [ \"lost == 0\", \"duplicated == 0\", \"delivery[steady].p50 < 2s\" ]
";

/// All parts at once.
fn parts(of: usize, address: impl std::fmt::Display + Sync) -> Vec<Outcome> {
    let one = |index: usize| run(LOAD).target(&address).arg("--shard").arg(format!("{index}/{of}")).go();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (1..=of).map(|index| scope.spawn(move || one(index))).collect();
        parts.into_iter().map(|part| part.join().expect("the tool runs")).collect()
    })
}

/// Merges results. Returns the exit code and the merged result.
fn merged(parts: &[&Outcome]) -> (i32, Value) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: String| folder.path().join(name);
    let mut merge = Command::new(TOOL);
    merge.arg("merge").arg("--json").arg(path("merged.json".to_owned()));
    for (index, part) in parts.iter().enumerate() {
        let file = path(format!("{index}.json"));
        std::fs::write(&file, part.json.to_string()).expect("a writable folder");
        merge.arg(file);
    }
    let output = merge.output().expect("the tool runs");
    let json = std::fs::read(path("merged.json".to_owned())).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().expect("no signal"), serde_json::from_slice(&json).expect("JSON"))
}

/// The counts that do not depend on timing.
fn counts(result: &Value) -> Value {
    let mut counts = result["counts"].clone();
    counts.as_object_mut().expect("counts").remove("blocked_seconds");
    counts
}

#[test]
fn two_and_three_parts_count_what_one_run_counts() {
    let server = TestServer::start();
    let whole = run(LOAD).target(server.address()).go();
    assert!(whole.expectations_hold(), "{}", whole.output());
    for of in [2, 3] {
        let parts = parts(of, server.address());
        let (_, merged) = merged(&parts.iter().collect::<Vec<_>>());
        assert_eq!(counts(&merged), counts(&whole.json), "{of} parts");
        assert!(merged["expectations"].as_array().unwrap().iter().all(|one| one["ok"] == true), "{merged:#}");
        assert!(merged.get("shard").is_none());
    }
}

#[test]
fn losses_between_parts_are_counted_exactly() {
    let server = FaultyServer::start(LoadFault::Lose, 97);
    let parts = parts(2, server.address());
    let (code, merged) = merged(&parts.iter().collect::<Vec<_>>());
    assert!(server.committed() > 0);
    assert_eq!((code, merged["counts"]["lost"].as_u64()), (1, Some(server.committed())), "{:#}", merged["counts"]);
    assert_eq!(merged["examples"][0]["kind"], "lost");
}

#[test]
fn a_part_alone_is_no_result() {
    let server = TestServer::start();
    let parts = parts(2, server.address());
    let (code, merged) = merged(&[&parts[0]]);
    assert_eq!((code, &merged["verdict"]), (4, &Value::from("inconclusive")));
}

#[test]
fn invalid_shards_are_refused() {
    for (part, reason) in [("1/2", "--target"), ("3/2", "I/N"), ("job/2", "JOB_COMPLETION_INDEX")] {
        let outcome = run(LOAD).arg("--shard").arg(part).go();
        assert_eq!(outcome.code, 2, "{}", outcome.output());
        assert!(outcome.stderr.contains(reason), "{}", outcome.output());
    }
}
