//! The command on a card, pasted into a shell, repeats the check.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{TOOL, faulty_server};

/// Runs a command line in a shell that finds the tool under its name.
fn paste(line: &str, folder: &Path) -> Output {
    let tools = folder.join("a path");
    std::fs::create_dir_all(&tools).expect("a folder");
    let _ = std::os::unix::fs::symlink(TOOL, tools.join("mychat-bench"));
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("sh runs")
}

/// Returns the commands of the cards, and the one of the advice at the end.
fn reruns(output: &str) -> Vec<&str> {
    let lines = output.lines().map(|line| line.trim_start().trim_start_matches("Rerun").trim_start());
    lines.filter(|line| line.starts_with("mychat-bench ")).collect()
}

#[test]
fn every_command_on_a_card_repeats_its_check() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("my profile.yaml"), "broadcast_echo: true\n").expect("written");
    let server = format!("exec sh -c '{}'", faulty_server("broadcast-without-echo"));
    let line = format!(
        "mychat-bench conformance --only bcast.echo --only 'msg.d*' --profile 'my profile.yaml' --framing lf --timeout 700ms \
         --seed 5 --strict --start-timeout 20s --jobs 1 --spawn \"{server}\""
    );
    let output = paste(&line, folder.path());
    let first = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{first}{}", String::from_utf8_lossy(&output.stderr));
    let commands = reruns(&first);
    assert!(!commands.is_empty(), "{first}");
    for command in commands {
        let wanted = [
            "--profile 'my profile.yaml'",
            "--framing lf",
            "--timeout 700ms",
            "--seed 5",
            "--strict",
            "--start-timeout 20s",
        ];
        assert!(wanted.iter().all(|option| command.contains(option)), "{command}");
        let again = paste(command, folder.path());
        let text = String::from_utf8_lossy(&again.stdout).into_owned();
        assert_eq!(again.status.code(), Some(1), "{command}: {text}{}", String::from_utf8_lossy(&again.stderr));
        assert!(text.contains("FAIL  bcast.echo"), "{command}: {text}");
    }
}

#[test]
fn the_command_of_a_users_file_repeats_its_cases() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "name: own\ncases:\n  - case: wrong\n    steps:\n      - connect: ana\n      - send: { ana: \"FOO\" }\n      - gets: { ana: \"BAR\" }\n";
    std::fs::write(folder.path().join("my cases'.yaml"), text).expect("written");
    let line = format!("mychat-bench run \"my cases'.yaml\" --timeout 900ms --spawn '{}'", faulty_server("none"));
    let output = paste(&line, folder.path());
    let first = String::from_utf8_lossy(&output.stdout).into_owned();
    let commands = reruns(&first);
    assert_eq!(output.status.code(), Some(1), "{first}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!commands.is_empty() && commands.iter().all(|command| command.contains("--timeout 900ms")), "{first}");
    for command in commands {
        let again = paste(command, folder.path());
        let text = String::from_utf8_lossy(&again.stdout).into_owned();
        assert_eq!(again.status.code(), Some(1), "{command}: {text}{}", String::from_utf8_lossy(&again.stderr));
        assert!(text.contains("BAR"), "{command}: {text}");
    }
}
