//! The shell that runs the command, in a process group of its own, and the killing of that group.

#[cfg(windows)]
use std::process::Stdio;

use tokio::process::Command;

/// Returns `sh` with a command to run, as the leader of a new process group.
#[cfg(unix)]
pub(super) fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).process_group(0);
    shell
}

/// Returns `cmd` with a command to run, unquoted, because `cmd` has its own quoting rules.
#[cfg(windows)]
pub(super) fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.raw_arg(format!("/D /S /C \"{command}\""));
    shell
}

/// Kills a process tree. Windows has no process groups, so `taskkill` finds the children.
#[cfg(windows)]
pub(super) fn kill(leader: i32) {
    let mut ending = std::process::Command::new("taskkill");
    ending.args(["/T", "/F", "/PID", &leader.to_string()]);
    let _ = ending.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Kills all processes of a group.
#[cfg(unix)]
pub(super) fn kill(group: i32) {
    if let Some(group) = rustix::process::Pid::from_raw(group) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}
