//! `conformance`, `probe` and `run` detect the framing of a server in the same way.

use std::process::{Command, Stdio};

use super::{TOOL, conformance, faulty_server, read};

/// Runs the tool and returns what it printed.
fn output(arguments: &[&str]) -> String {
    let output = Command::new(TOOL).args(arguments).stdin(Stdio::null()).output().expect("the tool runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Returns the framing that each of the three commands finds.
fn found(server: &str) -> [String; 3] {
    let done = conformance(&["--spawn", server, "--only", "conn.ack-ok"]);
    let probed = output(&["probe", "--spawn", server]);
    let probed = probed.lines().find_map(|line| line.strip_prefix("framing: ")).unwrap_or(&probed);
    let (file, folder) = (tempfile::NamedTempFile::new().expect("a file"), tempfile::tempdir().expect("a folder"));
    let scenario = folder.path().join("short.yaml");
    let text = "name: short\nusers:\n  bots: { count: 2, rate: 20/s, do: [broadcast: {}] }\nload:\n  - hold: 300ms\n";
    std::fs::write(&scenario, text).expect("written");
    let path = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let printed = output(&["run", &path(&scenario), "--spawn", server, "--json", &path(file.path())]);
    let run = read(file.path());
    let run = run["target"]["framing"].as_str().unwrap_or(&printed).to_owned();
    [
        done.result["target"]["framing"].as_str().unwrap_or_default().to_owned(),
        probed.split_whitespace().next().unwrap_or_default().to_owned(),
        run,
    ]
}

#[test]
fn three_commands_find_the_same_framing() {
    // It answers a client without line ends in the same way: lines win.
    let both =
        format!("exec {} --listen 127.0.0.1:{{port}} --framing auto", env!("CARGO_BIN_EXE_mychat-server-under-test"));
    assert_eq!(found(&both), ["lf"; 3]);
    assert_eq!(found(&faulty_server("crlf")), ["crlf"; 3]);
}

#[test]
fn a_server_for_both_kinds_of_clients_gets_no_advice() {
    let both =
        format!("exec {} --listen 127.0.0.1:{{port}} --framing auto", env!("CARGO_BIN_EXE_mychat-server-under-test"));
    let only = ["--only", "frame.*", "--skip", "frame.partial-hold", "--only", "conn.pipelined"];
    let done = conformance(&[&["--spawn", &both, "--strict"][..], &only].concat());
    assert_eq!(done.exit, 0, "{}", done.output);
    assert!(!done.output.contains("To fix"), "{}", done.output);
    assert_eq!(done.of("reason")["frame.two-in-one"], "", "{}", done.output);
}
