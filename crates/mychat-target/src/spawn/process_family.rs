//! All processes that one start of a command has caused, including those that left its process group: they inherit a variable of
//! its environment. Known on Linux only; elsewhere a family has no members.

use std::net::SocketAddr;
use std::time::Duration;

use mychat_os::proc::Process;
use tokio::process::Command;

/// The variable that marks the processes of a family.
const VARIABLE: &str = "MYCHAT_BENCH_SPAWNED";
/// A killed process takes a moment to end, and may just have started another one, so killing is repeated, but not without end.
const MOST_ROUNDS: usize = 100;
/// The pause between two rounds.
const ROUND: Duration = Duration::from_millis(2);

/// The processes of one start.
#[derive(Debug)]
pub(super) struct ProcessFamily {
    /// The variable and its value.
    mark: String,
}

impl ProcessFamily {
    /// Marks a command, and with it everything that it starts.
    pub(super) fn mark(command: &mut Command) -> Self {
        let value = format!("{}-{:016x}", std::process::id(), rand::random::<u64>());
        command.env(VARIABLE, &value);
        Self { mark: format!("{VARIABLE}={value}") }
    }

    /// Returns the ids of its processes.
    pub(super) fn members(&self) -> Vec<u32> {
        let marked = |id: &u32| Process::Id(*id).was_started_with(&self.mark);
        Process::all().into_iter().flatten().filter(marked).collect()
    }

    /// Returns the addresses at which they listen.
    pub(super) fn listens_at(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> =
            self.members().into_iter().flat_map(|id| Process::Id(id).listens_at()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Kills all of them, and waits until they are gone.
    pub(super) fn kill(&self) {
        for _ in 0..MOST_ROUNDS {
            let members = self.members();
            if members.is_empty() {
                return;
            }
            members.into_iter().for_each(kill);
            std::thread::sleep(ROUND);
        }
    }
}

#[cfg(unix)]
fn kill(id: u32) {
    if let Some(id) = rustix::process::Pid::from_raw(id.cast_signed()) {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}
