//! What a process group uses, from /proc; zero where there is none.

use std::fs;

/// Memory, threads, descriptors and processor time of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident bytes.
    pub rss: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub fds: u64,
    /// Ticks of the processor that it has had, 100 a second.
    pub ticks: u64,
}

/// The sum over all processes of a group.
pub(super) fn of_group(group: i32) -> Usage {
    let mut usage = Usage::default();
    let Ok(entries) = fs::read_dir("/proc") else { return usage };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else { continue };
        let Some((threads, rss_pages, ticks)) = member(pid, group) else { continue };
        usage.threads += threads;
        usage.ticks += ticks;
        usage.rss += rss_pages * page_size();
        usage.fds += fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |list| list.count() as u64);
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

fn member(pid: &str, group: i32) -> Option<(u64, u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; what follows are numbers.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let of = |index: usize| fields.get(index)?.parse::<i64>().ok();
    (of(2)? == i64::from(group)).then_some(())?;
    Some((of(17)?.cast_unsigned(), of(21)?.cast_unsigned(), (of(11)? + of(12)?).cast_unsigned()))
}
