//! Resource usage of a process group, read from `/proc`; zero on systems without it.

use mychat_os::proc::Process;

/// Memory, threads, descriptors and CPU time of a process group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident bytes.
    pub rss: u64,
    /// Number of threads.
    pub threads: u64,
    /// Open descriptors.
    pub fds: u64,
    /// CPU time in ticks, 100 per second.
    pub ticks: u64,
}

/// Returns the sum over all processes of a group.
pub(super) fn of_group(group: i32) -> Usage {
    let mut usage = Usage::default();
    for process in Process::all().into_iter().flatten().map(Process::Id) {
        let Some(stat) = process.stat().filter(|stat| i64::from(stat.group) == i64::from(group)) else { continue };
        usage.threads += stat.threads;
        usage.ticks += stat.cpu_ticks;
        usage.rss += stat.resident_pages * page_size();
        usage.fds += process.descriptors().unwrap_or(0);
    }
    usage
}

#[cfg(unix)]
fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

#[cfg(not(unix))]
fn page_size() -> u64 {
    4096
}
