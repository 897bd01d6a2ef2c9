//! Readings of Linux's `/proc`: the memory and processors of the machine, what a process uses, limits of the kernel.
//!
//! On other systems, and where a file is missing or has another format, the functions return `None`, so that callers
//! need no conditional compilation. The `procfs` crate builds on Linux alone, has no readers for the kernel settings
//! that are read here, and would add three crates.

mod listeners;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes in the `kB` of `/proc`.
const KB: u64 = 1024;

/// Clock ticks per second in `/proc/stat`: `USER_HZ`, which is 100 on every architecture with current distributions.
const TICKS_PER_SECOND: u64 = 100;

/// A process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// The calling process.
    Current,
    /// The process with this id.
    Id(u32),
}

/// Memory and threads of a process, from `/proc/PID/status`. Sizes are in bytes; a zombie has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Address space.
    pub virtual_size: Option<u64>,
    /// Resident memory.
    pub resident: Option<u64>,
    /// The largest resident memory since the process started.
    pub resident_peak: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Figures from `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStat {
    /// The process group.
    pub group: u32,
    /// User and system time since the process started, in clock ticks.
    pub cpu_ticks: u64,
    /// Threads.
    pub threads: u64,
    /// Resident memory in pages.
    pub resident_pages: u64,
}

impl Process {
    /// Returns the ids of all processes of the machine.
    pub fn all() -> Option<impl Iterator<Item = u32>> {
        let entries = fs::read_dir("/proc").ok()?;
        Some(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
    }

    /// Reads memory and threads.
    pub fn status(self) -> Option<ProcessStatus> {
        self.read("status").map(|text| ProcessStatus::parse(&text))
    }

    /// Reads the process group, CPU time, threads and memory.
    pub fn stat(self) -> Option<ProcessStat> {
        ProcessStat::parse(&self.read("stat")?)
    }

    /// Counts the open descriptors; `None` also where the process belongs to somebody else.
    pub fn descriptors(self) -> Option<u64> {
        fs::read_dir(self.folder().join("fd")).ok().map(|entries| entries.count() as u64)
    }

    /// Reads the control groups, one `NUMBER:CONTROLLERS:PATH` per line.
    pub fn control_groups(self) -> Option<String> {
        self.read("cgroup")
    }

    /// Returns true if the process was started with this `NAME=VALUE` in its environment. Child processes inherit it.
    pub fn was_started_with(self, variable: &str) -> bool {
        let environment = fs::read(self.folder().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    }

    /// Returns the addresses at which the process listens for TCP connections.
    pub fn listens_at(self) -> Vec<SocketAddr> {
        let Ok(descriptors) = fs::read_dir(self.folder().join("fd")) else { return Vec::new() };
        let links = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        let sockets: Vec<String> = links.filter_map(|link| listeners::socket_inode(link.to_str()?)).collect();
        let tables = ["net/tcp", "net/tcp6"].into_iter().filter_map(|table| self.read(table));
        let listeners = tables.flat_map(|table| listeners::listeners_in(&table));
        listeners.filter(|(inode, _)| sockets.contains(inode)).map(|(_, address)| address).collect()
    }

    fn folder(self) -> PathBuf {
        match self {
            Self::Current => PathBuf::from("/proc/self"),
            Self::Id(id) => Path::new("/proc").join(id.to_string()),
        }
    }

    fn read(self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder().join(file)).ok()
    }
}

impl ProcessStatus {
    fn parse(text: &str) -> Self {
        Self {
            virtual_size: bytes(text, "VmSize"),
            resident: bytes(text, "VmRSS"),
            resident_peak: bytes(text, "VmHWM"),
            threads: field(text, "Threads").and_then(|threads| threads.parse().ok()),
        }
    }
}

impl ProcessStat {
    fn parse(text: &str) -> Option<Self> {
        // The program's name stands in parentheses and may contain spaces and parentheses. Numbers follow it.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            group: u32::try_from(number(2)?).ok()?,
            cpu_ticks: number(11)? + number(12)?,
            threads: number(17)?,
            resident_pages: number(21)?,
        })
    }
}

/// Returns the machine's memory in bytes.
pub fn total_memory() -> Option<u64> {
    bytes(&read("meminfo")?, "MemTotal")
}

/// Returns the memory in bytes that the machine can give without swapping.
pub fn available_memory() -> Option<u64> {
    bytes(&read("meminfo")?, "MemAvailable")
}

/// Returns the time for which the calling thread has had a core.
pub fn thread_cpu_time() -> Option<Duration> {
    let text = read("thread-self/schedstat")?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Returns the time that all cores together have been idle or waiting for I/O.
pub fn idle_time() -> Option<Duration> {
    idle_time_in(&read("stat")?)
}

/// Returns the number of cores of the machine, including those that this process may not use.
pub fn cores() -> Option<u32> {
    Some(cores_in(&read("stat")?))
}

/// Returns the name of the processor.
pub fn processor() -> Option<String> {
    field(&read("cpuinfo")?, "model name").map(str::to_owned)
}

/// Returns the release of the kernel.
pub fn kernel_release() -> Option<String> {
    read("sys/kernel/osrelease").map(|text| text.trim().to_owned())
}

/// Returns the load average of the last minute, as the kernel writes it.
pub fn load_average() -> Option<String> {
    read("loadavg")?.split_whitespace().next().map(str::to_owned)
}

/// Returns the first and last port that outgoing connections may get.
pub fn local_ports() -> Option<(u16, u16)> {
    let text = read("sys/net/ipv4/ip_local_port_range")?;
    let mut ports = text.split_whitespace().map_while(|port| port.parse().ok());
    Some((ports.next()?, ports.next()?))
}

/// Returns the most bytes that the kernel's send buffer of a TCP connection grows to by itself.
pub fn largest_send_buffer() -> Option<usize> {
    read("sys/net/ipv4/tcp_wmem")?.split_whitespace().last()?.parse().ok()
}

fn read(file: &str) -> Option<String> {
    fs::read_to_string(Path::new("/proc").join(file)).ok()
}

/// Returns the value of a line `name : value`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':')).map(str::trim)
}

/// Returns the bytes in a line `name: value kB`.
fn bytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(KB)
}

fn idle_time_in(stat: &str) -> Option<Duration> {
    // The first line sums over the cores: `cpu user nice system idle iowait …`.
    let ticks = stat.lines().next()?.split_whitespace().skip(4).take(2);
    let sum = ticks.map(|ticks| ticks.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Duration::from_millis(sum * 1000 / TICKS_PER_SECOND))
}

fn cores_in(stat: &str) -> u32 {
    let is_core =
        |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    stat.lines().filter(is_core).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_and_a_zombie_has_no_memory() {
        let text = "Name:\ta) b\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n";
        let status = ProcessStatus::parse(text);
        assert_eq!((status.resident, status.resident_peak, status.threads), (Some(1 << 20), Some(2 << 20), Some(3)));
        assert_eq!(ProcessStatus::parse("Name:\tx\nThreads:\t1\n").resident, None);
    }

    #[test]
    fn a_name_with_parentheses_shifts_no_figure() {
        let text = "42 (a) b) S 1 43 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 12345 0 7";
        let stat = ProcessStat { group: 43, cpu_ticks: 200, threads: 3, resident_pages: 7 };
        assert_eq!(ProcessStat::parse(text), Some(stat));
        assert_eq!(ProcessStat::parse("42 (x) Z 1"), None);
    }

    #[test]
    fn the_sum_of_all_cores_is_not_a_core() {
        let text = "cpu  1 2 3 400 50\ncpu0 1 2 3 4 5\ncpu1 1 2 3 4 5\nintr 5\n";
        assert_eq!(cores_in(text), 2);
        assert_eq!(idle_time_in(text), Some(Duration::from_millis(4500)));
    }

    #[test]
    fn a_processor_has_a_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n";
        assert_eq!(field(text, "model name"), Some("Some CPU @ 2 GHz"));
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_figures() {
        assert_eq!(Process::Id(u32::MAX).stat(), None);
        assert_eq!(Process::Id(u32::MAX).status(), None);
        assert_eq!(Process::Id(u32::MAX).descriptors(), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn every_file_of_this_machine_is_understood() {
        let own = Process::Id(std::process::id());
        assert!(Process::all().unwrap().any(|id| id == std::process::id()));
        let stat = own.stat().unwrap();
        assert!(stat.threads >= 1 && stat.resident_pages > 0);
        assert!(own.status().unwrap().resident_peak > Some(1 << 20) && own.descriptors() > Some(2));
        assert!(Process::Current.status().unwrap().virtual_size > Some(1 << 20));
        assert!(Process::Current.control_groups().is_some());
        assert!(total_memory() >= available_memory() && available_memory() > Some(1 << 20));
        assert!(thread_cpu_time().is_some() && idle_time().is_some() && cores() >= Some(1));
        assert!(kernel_release().is_some() && load_average().is_some());
        assert!(local_ports().is_some_and(|(first, last)| first <= last) && largest_send_buffer().is_some());
    }
}
