//! Exit codes and files of the tool.

use mychat_tests::{RawPeer, TestServer};
use rustix::process::{Pid, Signal, kill_process};

use crate::run;

const SMALL: &str = "
name: small
users:
  bots: { count: 5, rate: 50/s, do: [ { broadcast: {} } ] }
load: [ { hold: 1s } ]
";

#[test]
fn without_a_target_it_starts_a_server_and_passes() {
    let outcome = run(&format!("{SMALL}expect: [ \"lost == 0\", \"delivered >= 5\" ]")).go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    assert!(outcome.stdout.starts_with(if outcome.code == 0 { "PASS  small" } else { "INCONCLUSIVE  small" }));
    assert_eq!(outcome.json["schema"], "mychat-bench/run@1");
    assert_eq!(outcome.json["target"]["spawned"], true);
    assert_eq!(outcome.count("delivered"), outcome.count("sent") * 5);
    assert_eq!(outcome.count("delivered"), outcome.count("expected_deliveries"));
}

#[test]
fn an_expectation_that_does_not_hold_is_exit_1() {
    let outcome = run(&format!("{SMALL}expect: [ \"sent == 0\" ]")).go();
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    assert!(outcome.stdout.contains("✗ sent == 0"), "{}", outcome.output());
    assert_eq!(outcome.json["verdict"], "fail");
    assert_eq!(outcome.json["expectations"][0]["ok"], false);
}

#[test]
fn what_was_not_measured_is_undecided_and_exit_4() {
    // An action so rare that it does not come up: there is nothing to judge its answers by.
    let rare = SMALL
        .replace("{ broadcast: {} }", "{ broadcast: { weight: 1000000 } }, { private: { weight: 1, to: nobody } }");
    let outcome = run(&format!("{rare}expect: [ \"ack.p50 < 1s\" ]")).arg("--seed").arg(3).go();
    assert_eq!(outcome.code, 4, "{}", outcome.output());
    assert!(outcome.json["expectations"][0]["ok"].is_null(), "{}", outcome.output());
    assert!(outcome.stdout.contains("nothing was measured"), "{}", outcome.output());
}

#[test]
fn a_mistake_in_the_scenario_is_exit_2_with_its_place() {
    let outcome = run(&SMALL.replace("rate:", "rte:")).go();
    assert_eq!(outcome.code, 2, "{}", outcome.output());
    assert!(outcome.stderr.contains("scenario.yaml:4:"), "{}", outcome.output());
    assert!(outcome.stderr.contains("rate"), "{}", outcome.output());
    assert!(outcome.json.is_null(), "nothing ran, so nothing is written");
}

#[test]
fn nobody_at_the_target_is_exit_3_with_the_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run(SMALL).target(free).go();
    assert_eq!(outcome.code, 3, "{}", outcome.output());
    assert!(outcome.stderr.contains(&free.to_string()), "{}", outcome.output());
    assert!(outcome.stderr.contains("refused"), "{}", outcome.output());
}

#[test]
fn a_target_that_is_none_is_exit_2() {
    for target in ["localhost", "127.0.0.1:", "127.0.0.1:0", "::1", ":5000", "127.0.0.1:99999"] {
        let outcome = run(SMALL).target(target).go();
        assert_eq!(outcome.code, 2, "{target}: {}", outcome.output());
        assert!(outcome.stderr.contains("HOST:PORT"), "{target}: {}", outcome.output());
    }
}

#[test]
fn a_run_cut_short_still_reports() {
    let server = TestServer::start();
    let mut witness = RawPeer::join(server.address(), "witness");
    let long = SMALL.replace("hold: 1s", "hold: 600s");
    let outcome = run(&format!("{long}expect: [ \"lost == 0\" ]")).target(server.address()).declared().with(|id| {
        // The load is under way once a message arrives.
        witness.read_until("BROADCAST|");
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), Signal::INT).unwrap();
    });
    assert_eq!(outcome.code, 130, "{}", outcome.output());
    assert!(outcome.stdout.starts_with("INTERRUPTED  small"), "{}", outcome.output());
    assert_eq!(outcome.json["verdict"], "interrupted");
    assert!(outcome.count("sent") > 0 && outcome.count("lost") == 0, "{}", outcome.output());
    assert_eq!(outcome.count("sent"), outcome.count("scheduled"), "what was not due yet is not missing");
}

#[test]
fn quiet_is_one_line() {
    let outcome = run(&format!("{SMALL}expect: [ \"lost == 0\" ]")).arg("--quiet").go();
    assert_eq!(outcome.stdout.lines().count(), 1, "{}", outcome.output());
    assert!(outcome.stdout.contains(" small: 1 of 1 expectations held"), "{}", outcome.output());
}

#[test]
fn a_result_that_cannot_be_written_is_said_and_not_exit_0() {
    let outcome = run(SMALL).arg("--json").arg("/nowhere/at/all.json").go();
    assert_ne!(outcome.code, 0);
    assert!(outcome.stderr.contains("/nowhere/at/all.json") || outcome.code == 2, "{}", outcome.output());
}

#[test]
fn abort_if_ends_a_run_early_as_failed() {
    let long = SMALL.replace("hold: 1s", "hold: 600s");
    let outcome = run(&format!("{long}abort_if: [ \"delivered > 1\" ]")).go();
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    assert!(outcome.stdout.contains("✗ abort_if: delivered > 1"), "{}", outcome.output());
    assert_eq!(outcome.count("lost"), 0, "{}", outcome.output());
}

/// The tool with other arguments than `run` has.
fn tool(args: &[&str]) -> (Option<i32>, String) {
    let done = std::process::Command::new(crate::TOOL)
        .args(args)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the tool starts");
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_the_work() {
    // Nobody listens there: whoever looks at the server first ends with another message.
    for command in ["conformance", "probe"] {
        let (code, output) = tool(&[command, "--target", "127.0.0.1:1", "--json", "/nowhere/x.json"]);
        assert_eq!(
            (code, output.as_str()),
            (Some(3), "error: cannot write /nowhere/x.json: there is no directory /nowhere\n")
        );
    }
    let folder = std::env::temp_dir();
    let folder = folder.to_str().unwrap();
    for args in [["merge", "none.json", "--html"], ["compare", "none.json", "--markdown"]] {
        let mut args = args.to_vec();
        args.extend([folder, "--", "none.json"].iter().take(if args[0] == "merge" { 1 } else { 3 }));
        assert_eq!(tool(&args), (Some(3), format!("error: cannot write {folder}: it is a directory\n")));
    }
}

/// Linux has a file that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed_is_said_and_exit_3() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let done = std::process::Command::new(crate::TOOL).arg("schema").stdout(full).output().expect("the tool starts");
    let output = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(3), "{output}");
    assert!(output.starts_with("error: cannot write to standard output: "), "{output}");
}

#[test]
fn a_server_that_cannot_listen_could_not_run() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, output) = tool(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(code, Some(3), "{output}");
    assert!(output.contains("cannot listen"), "{output}");
}
