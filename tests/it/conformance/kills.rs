//! Every fault is found by the checks named for it, and every check that can fail is tripped by a fault.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;

use super::{TOOL, conformance, each, liar};

const KILLS: &str = include_str!("../kills.txt");

/// Which checks must find which fault.
fn kills() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = KILLS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let mut words = row.split(' ');
        (words.next().expect("a fault"), words.collect())
    })
    .collect()
}

#[test]
#[ignore = "takes a minute and a half: `.ci/run` and `just kills` run it"]
fn every_fault_is_found_by_the_checks_named_for_it() {
    let missed = Mutex::new(Vec::new());
    each(&kills(), |(fault, checks)| {
        let only: Vec<&str> = checks.iter().flat_map(|check| ["--only", check]).collect();
        let server = liar(fault);
        let done = conformance(
            &[&["--spawn", &server, "--timeout", "800ms", "--seed", "7", "--jobs", "2"], only.as_slice()].concat(),
        );
        let (status, observed, level) = (done.of("status"), done.of("observed"), done.of("level"));
        for check in checks {
            // A reading never fails: it is told apart by what was observed.
            let seen = &observed[*check];
            let may = level[*check] == "may" && (seen.contains("let in") || seen.contains("descriptors"));
            if status[*check] != "fail" && !may {
                missed.lock().expect("no poison").push(format!("{fault}: {check} is {}", status[*check]));
            }
        }
    });
    let missed = missed.into_inner().expect("no poison");
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_must_and_should_check_is_tripped_by_a_fault() {
    let tripped: BTreeSet<&str> = kills().into_iter().flat_map(|(_, checks)| checks).collect();
    for check in mychat_bench::suite::catalogue() {
        let counts = check.case.level != mychat_bench::scenario::model::Level::May;
        assert!(!counts || tripped.contains(check.case.id.as_str()), "no fault trips {}", check.case.id);
    }
}

#[test]
fn ids_files_and_list_agree() {
    let checks = mychat_bench::suite::catalogue();
    for (file, text) in mychat_bench::suite::catalogue::FILES {
        let loaded =
            mychat_bench::scenario::parse(file, text).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
        assert!(!loaded.scenario.cases.is_empty(), "{file}");
    }
    let ids: BTreeSet<&str> = checks.iter().map(|check| check.case.id.as_str()).collect();
    assert_eq!(ids.len(), checks.len(), "every id stands once");
    let listed = Command::new(TOOL).args(["conformance", "--list"]).output().expect("runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(listed, ids);
}
