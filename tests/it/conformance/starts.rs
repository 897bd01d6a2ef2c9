//! Commands for `--spawn` that start no server, or one that cannot be reached: the error says which, and nothing is left.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Done, TOOL, conformance, faulty_server};

/// Runs a check with a command, and returns the result with the time that it took.
fn start(command: &str, more: &[&str]) -> (Done, Duration) {
    let started = Instant::now();
    let only = ["--only", "conn.ack-ok", "--jobs", "1"];
    let done = conformance(&[&["--spawn", command][..], &only, more].concat());
    (done, started.elapsed())
}

/// Returns true if a process has this text in its command line.
#[cfg(target_os = "linux")]
fn is_running(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let command_lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.map(|line| String::from_utf8_lossy(&line).into_owned()).any(|line| line.contains(text))
}

#[test]
fn the_time_for_a_start_can_be_chosen_and_is_named() {
    let (done, taken) = start("sleep 60 # {port}", &["--start-timeout", "300ms"]);
    assert_eq!(done.exit, 3, "{}", done.output);
    assert!(done.output.contains("within 0.3 s") && done.output.contains("--start-timeout"), "{}", done.output);
    assert!(taken < Duration::from_secs(12), "it did not wait for the usual 15 s: {taken:?}");
    for command in ["probe", "run"] {
        let help = Command::new(TOOL).args([command, "--help"]).output().expect("the tool runs");
        assert!(String::from_utf8_lossy(&help.stdout).contains("--start-timeout"), "{command}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_goes_into_the_background_is_recognised_and_killed() {
    for (detach, mark) in [("setsid", "31.25"), ("", "31.26")] {
        let (done, _) = start(&format!("{detach} sh -c 'sleep {mark}; echo {{port}}' & sleep 0.2"), &[]);
        assert_eq!(done.exit, 3, "{}", done.output);
        assert!(done.output.contains("goes into the background"), "{detach}: {}", done.output);
        assert!(!is_running(&format!("sleep\0{mark}")), "{detach}: it still runs");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_ignores_its_port_is_told_where_it_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    let command = faulty_server("none").replace("{port}", &format!("{port} none # {{port}}"));
    let (done, _) = start(&command, &["--start-timeout", "1s"]);
    assert_eq!(done.exit, 3, "{}", done.output);
    assert!(done.output.contains(&format!("listens on 127.0.0.1:{port}, and not on port ")), "{}", done.output);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "it still runs");
}
