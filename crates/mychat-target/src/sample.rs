//! Resource usage of the server's process: memory, CPU time, threads, descriptors. It is read from `/proc`, so it is known
//! on Linux only; elsewhere reports leave it out.

use mychat_os::proc::Process;
use serde::{Deserialize, Serialize};

/// Resource usage at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Resident memory in bytes.
    pub rss: u64,
    /// The highest resident memory so far, in bytes.
    pub rss_peak: u64,
    /// User and system time since the process started, in seconds.
    pub cpu_seconds: f64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors; `None` if this process may not count them.
    pub fds: Option<u64>,
}

/// Resource usage of a server during a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// The process id.
    pub pid: u32,
    /// User and system time in seconds.
    pub cpu_seconds: f64,
    /// The highest resident memory, in bytes.
    pub rss_peak: u64,
    /// Memory growth from before the first user to the peak of users online, in bytes per user.
    pub rss_per_user: Option<u64>,
    /// The highest number of threads.
    pub threads: u64,
    /// The highest number of open descriptors.
    pub fds: Option<u64>,
}

/// Samples the usage of one process or of a process group.
#[derive(Debug, Clone)]
pub struct Sampler {
    pid: u32,
    group: bool,
}

impl Sampler {
    /// Creates a sampler of a process of this machine.
    pub fn new(pid: u32) -> Self {
        Self { pid, group: false }
    }

    /// Creates a sampler of the process group of `leader`: a shell, the server that it started, and the server's children.
    pub fn of_group(leader: u32) -> Self {
        Self { pid: leader, group: true }
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the current usage; `None` if the process is gone or the system has no `/proc`.
    pub fn sample(&self) -> Option<Sample> {
        if !self.group {
            return Sample::of(Process::Id(self.pid));
        }
        let members = Process::all()?.map(Process::Id);
        let members = members.filter(|process| process.stat().is_some_and(|stat| stat.group == self.pid));
        members.filter_map(Sample::of).reduce(Sample::with)
    }
}

impl Sample {
    /// Reads the figures of a process. Returns `None` for a zombie, which has no memory.
    fn of(process: Process) -> Option<Self> {
        let (status, stat) = (process.status()?, process.stat()?);
        let rss = status.resident?;
        Some(Self {
            rss,
            rss_peak: status.resident_peak.unwrap_or(rss),
            cpu_seconds: stat.cpu_ticks as f64 / ticks_per_second(),
            threads: stat.threads,
            fds: process.descriptors(),
        })
    }

    /// Returns the sum of two samples. The sum of the peaks is an upper bound, because they may have occurred at different times.
    fn with(self, other: Self) -> Self {
        Self {
            rss: self.rss + other.rss,
            rss_peak: self.rss_peak + other.rss_peak,
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            threads: self.threads + other.threads,
            fds: self.fds.zip(other.fds).map(|(one, other)| one + other),
        }
    }
}

#[cfg(unix)]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(not(unix))]
fn ticks_per_second() -> f64 {
    100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_not_exist_has_no_figures() {
        assert_eq!(Sampler::new(u32::MAX).sample(), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_group_includes_all_that_a_command_started() {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new("sh");
        let mut shell = command.args(["-c", "sleep 60 & sleep 60 & wait"]).process_group(0).spawn().unwrap();
        let sampler = Sampler::of_group(shell.id());
        // The shell and its two children, which it starts after some time.
        while sampler.sample().is_none_or(|sample| sample.threads < 3) {
            std::thread::yield_now();
        }
        assert!(sampler.sample().unwrap().rss > Sampler::new(shell.id()).sample().unwrap().rss);
        let group = rustix::process::Pid::from_raw(shell.id().cast_signed()).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        shell.wait().unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn sees_itself() {
        let sample = Sampler::new(std::process::id()).sample().unwrap();
        assert!(sample.rss > 1 << 20 && sample.threads >= 1 && sample.fds > Some(2));
    }
}
