//! Every fault is found by the checks named for it, and every check that can fail is tripped by a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Mutex;

use mychat_scenario::model::Level;

use super::{TOOL, conformance, each, each_of_many, faulty_server};

const KILLS: &str = include_str!("../kills.txt");

/// Returns the faults, each with the checks that must find it.
fn kills() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = KILLS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let mut words = row.split(' ');
        (words.next().expect("a fault"), words.filter(|word| !word.starts_with(AFTER)).collect())
    })
    .collect()
}

/// Before a check that has to run first, because it triggers the fault; it need not fail.
const AFTER: &str = "after:";

/// Returns the checks that trigger a fault without finding it.
fn triggers(fault: &str) -> Vec<&'static str> {
    let row = KILLS.lines().find(|row| row.split(' ').next() == Some(fault)).unwrap_or_default();
    row.split(' ').filter_map(|word| word.strip_prefix(AFTER)).collect()
}

#[test]
#[ignore = "takes four minutes: `just kills` runs it"]
fn every_fault_is_found_by_the_checks_named_for_it() {
    found(&kills());
}

/// The first fault of each group and level: what CI has the time for.
#[test]
fn a_fault_of_each_kind_is_found() {
    let mut kinds = BTreeSet::new();
    let levels = levels();
    let mut part = kills();
    part.retain(|(_, checks)| {
        let kind =
            |check: &str| (check.split('.').next().unwrap_or_default().to_owned(), format!("{:?}", levels[check]));
        // These checks take seconds; the ignored test runs them.
        !checks.iter().any(|check| SLOW.contains(check)) && kinds.insert(kind(checks[0]))
    });
    assert!(part.len() > 15, "{part:?}");
    found(&part);
}

fn levels() -> BTreeMap<String, Level> {
    mychat_conformance::suite::catalogue().into_iter().map(|check| (check.case.id.clone(), check.case.level)).collect()
}

fn found(faults: &[(&str, Vec<&str>)]) {
    let missed = Mutex::new(Vec::new());
    each(faults, |(fault, checks)| missed.lock().expect("no poison").extend(not_found(fault, checks)));
    let missed = missed.into_inner().expect("no poison");
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Runs the checks that must find a fault, and describes those that do not.
fn not_found(fault: &str, checks: &[&str]) -> Vec<String> {
    let only: Vec<&str> = triggers(fault).iter().chain(checks).flat_map(|check| ["--only", check]).collect();
    let server = faulty_server(fault);
    let options = ["--spawn", &server, "--timeout", "800ms", "--seed", "7", "--jobs", "2"];
    let done = conformance(&[&options, only.as_slice()].concat());
    let (status, observed, level) = (done.of("status"), done.of("observed"), done.of("level"));
    let is_missed = |check: &&str| {
        // A reading never fails: it is told apart by what was observed.
        let seen = &observed[*check];
        let may = level[*check] == "may" && (seen.contains("let in") || seen.contains("descriptors"));
        status[*check] != "fail" && !may
    };
    let missed = checks.iter().copied().filter(is_missed);
    missed.map(|check| format!("{fault}: {check} is {:?}", (&done.of("reason")[check], &status[check]))).collect()
}

/// Every check that fails, fault by fault, as `just kills` found it last.
const GOLDEN: &str = include_str!("../kills.golden");

fn golden(text: &str) -> BTreeMap<String, Vec<String>> {
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let mut words = row.split(' ').map(str::to_owned);
        (words.next().expect("a fault"), words.collect())
    })
    .collect()
}

/// Checks that wait for seconds.
const SLOW: [&str; 2] = ["robust.idle", "frame.partial-hold"];

/// The checks that a fault of chat rooms can trip: those of rooms, and those of all frames.
const ROOM_CHECKS: [&str; 8] =
    ["--only", "ext.*", "--only", "room.*", "--only", "cmd.extension-verbs", "--only", "frame.out-*"];

/// Faults at the same time. The checks mostly wait.
const AT_ONCE: usize = 12;

/// `KILLS=list-` runs only the faults whose names begin with `list-` and leaves the other rows unchanged.
///
/// Some faults are races of the server itself: which checks meet them differs between two runs. A check that has failed in
/// one run and passed in another is therefore kept with a `~` before its name, and a further run changes the file only where
/// it sees something that no run before has seen.
#[test]
#[ignore = "takes some minutes: `just kills` runs it, and writes kills.golden"]
fn the_whole_matrix() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/it/kills.golden");
    let begins = std::env::var("KILLS").unwrap_or_default();
    let known: Vec<_> = kills().into_iter().filter(|(fault, _)| fault.starts_with(&begins)).collect();
    let rows = Mutex::new(golden(&std::fs::read_to_string(path).unwrap_or_default()));
    each_of_many(AT_ONCE, &known, |(fault, checks)| {
        let failed = all_that_fail(fault, checks);
        let mut rows = rows.lock().expect("no poison");
        let row = match rows.get(*fault) {
            Some(before) => merge_runs(before, &failed),
            None => failed,
        };
        rows.insert((*fault).to_owned(), row);
    });
    let mut text = "# The checks that fail for each fault; ~ marks those that failed in some runs only. Written by `just kills`.\n# Remove the row of a fault that has changed before the run.\n".to_owned();
    for (fault, failed) in rows.into_inner().expect("no poison") {
        text.extend([&fault, " ", &failed.join(" "), "\n"]);
    }
    std::fs::write(path, text).expect("written");
}

/// Returns the checks of a row after a further run: those of all runs, then those of some runs, each with a `~`.
fn merge_runs(row: &[String], failed: &[String]) -> Vec<String> {
    let (sometimes, always): (BTreeSet<&str>, BTreeSet<&str>) = row
        .iter()
        .map(String::as_str)
        .chain(failed.iter().map(String::as_str))
        .map(|check| check.trim_start_matches('~'))
        .partition(|check| !row.iter().any(|known| known == check) || !failed.iter().any(|known| known == check));
    let always = always.into_iter().map(str::to_owned);
    always.chain(sometimes.into_iter().map(|check| format!("~{check}"))).collect()
}

#[test]
fn a_check_that_fails_in_one_of_two_runs_is_marked() {
    let row = |checks: &[&str]| checks.iter().map(|check| (*check).to_owned()).collect::<Vec<_>>();
    let after = merge_runs(&row(&["a", "b", "~c"]), &row(&["a", "c", "d"]));
    assert_eq!(after, ["a", "~b", "~c", "~d"]);
    assert_eq!(merge_runs(&after, &row(&["a", "b"])), after, "nothing new");
}

/// Runs the suite against a fault, without the readings, which never fail, and the slow checks that need not find it. With one
/// job the checks are in the same order each time: what one check leaves behind on the server is always met by the same next one.
fn all_that_fail(fault: &str, checks: &[&str]) -> Vec<String> {
    let levels = levels();
    let may = levels.iter().filter(|(_, level)| **level == Level::May).map(|(check, _)| check.as_str());
    let slow = SLOW.into_iter().filter(|check| !checks.contains(check));
    let skip: Vec<&str> = may.chain(slow).flat_map(|check| ["--skip", check]).collect();
    // Faults of chat rooms change nothing else.
    let is_of_rooms = fault.starts_with("ext-") || fault.starts_with("room-");
    let only: &[&str] = if is_of_rooms { &ROOM_CHECKS } else { &[] };
    let server = faulty_server(fault);
    let options = ["--spawn", &server, "--timeout", "500ms", "--seed", "7", "--jobs", "1"];
    let done = conformance(&[&options, only, skip.as_slice()].concat());
    done.of("status").into_iter().filter(|(_, status)| status == "fail").map(|(id, _)| id).collect()
}

#[test]
fn the_golden_matrix_holds_the_named_killers() {
    let matrix = golden(GOLDEN);
    let levels = levels();
    for (fault, checks) in kills() {
        let row = matrix.get(fault).unwrap_or_else(|| panic!("`just kills` has not run {fault}"));
        for check in checks.into_iter().filter(|check| levels[*check] != Level::May) {
            assert!(
                row.iter().any(|failed| failed.trim_start_matches('~') == check),
                "{fault}: {check} is not in its row of kills.golden"
            );
        }
    }
    let tripped: BTreeSet<&str> = matrix.values().flatten().map(|check| check.trim_start_matches('~')).collect();
    for (check, level) in &levels {
        assert!(*level == Level::May || tripped.contains(check.as_str()), "no fault trips {check}");
    }
}

#[test]
fn every_must_and_should_check_is_tripped_by_a_fault() {
    let tripped: BTreeSet<&str> = kills().into_iter().flat_map(|(_, checks)| checks).collect();
    for check in mychat_conformance::suite::catalogue() {
        let counts = check.case.level != Level::May;
        assert!(!counts || tripped.contains(check.case.id.as_str()), "no fault trips {}", check.case.id);
    }
}

#[test]
fn ids_files_and_list_agree() {
    let checks = mychat_conformance::suite::catalogue();
    for (file, text) in mychat_conformance::suite::catalogue::FILES {
        let loaded = mychat_scenario::parse(file, text).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
        assert!(!loaded.scenario.cases.is_empty(), "{file}");
    }
    let ids: BTreeSet<&str> = checks.iter().map(|check| check.case.id.as_str()).collect();
    assert_eq!(ids.len(), checks.len(), "every id stands once");
    let listed = Command::new(TOOL).args(["conformance", "--list"]).output().expect("runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(listed, ids);
}
