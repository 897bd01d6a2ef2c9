//! What the server's process uses, from outside: memory, CPU time, threads, descriptors. Linux tells it under `/proc`;
//! elsewhere there is nothing to see, and reports leave it out.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The process at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Resident memory in bytes.
    pub rss: u64,
    /// The most that it ever was.
    pub rss_peak: u64,
    /// User and system time since the process began.
    pub cpu_seconds: f64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors; `None` where they may not be counted.
    pub fds: Option<u64>,
}

/// What a server used during a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// Its process.
    pub pid: u32,
    /// User and system time.
    pub cpu_seconds: f64,
    /// The most memory it held, in bytes.
    pub rss_peak: u64,
    /// What its memory grew by from before the first user to when most were online, in bytes a user.
    pub rss_per_user: Option<u64>,
    /// The most threads it had.
    pub threads: u64,
    /// The most descriptors it had open.
    pub fds: Option<u64>,
}

/// Looks at one process, or at one with all that it started.
#[derive(Debug, Clone)]
pub struct Sampler {
    pid: u32,
    group: bool,
}

impl Sampler {
    /// For a process of this machine.
    pub fn new(pid: u32) -> Self {
        Self { pid, group: false }
    }

    /// For a whole process group, by its leader: a shell with the server that it started, and what that forked.
    pub fn of_group(leader: u32) -> Self {
        Self { pid: leader, group: true }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it uses now; `None` where it is gone, or where the system does not tell.
    pub fn sample(&self) -> Option<Sample> {
        if !self.group {
            return look(Path::new("/proc").join(self.pid.to_string()).as_path());
        }
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        let members = processes.map(|entry| entry.path()).filter(|folder| is_in_group(folder, self.pid));
        members.filter_map(|folder| look(&folder)).reduce(Sample::with)
    }
}

impl Sample {
    /// Two processes together. That both were largest at the same time is assumed, not known.
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

fn look(folder: &Path) -> Option<Sample> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let descriptors = std::fs::read_dir(folder.join("fd")).ok().map(|found| found.count() as u64);
    parse(&read("status")?, &read("stat")?, descriptors)
}

fn is_in_group(folder: &Path, leader: u32) -> bool {
    let is_process = folder.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit));
    let stat = if is_process { std::fs::read_to_string(folder.join("stat")).ok() } else { None };
    let group = stat.as_deref().and_then(|stat| stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok());
    group == Some(leader)
}

fn parse(status: &str, stat: &str, fds: Option<u64>) -> Option<Sample> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let bytes = |name: &str| Some(field(name)?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024);
    // The program's name stands in parentheses and may hold anything, blanks and parentheses too.
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || after_name.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    let rss = bytes("VmRSS")?;
    Some(Sample {
        rss,
        rss_peak: bytes("VmHWM").unwrap_or(rss),
        cpu_seconds: (user + system) as f64 / ticks_per_second(),
        threads: field("Threads")?.trim().parse().ok()?,
        fds,
    })
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
    fn reads_what_linux_says() {
        let status = "Name:\ta) b\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n";
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 12345 0 0";
        let sample = parse(status, stat, Some(9)).unwrap();
        assert_eq!((sample.rss, sample.rss_peak, sample.threads, sample.fds), (1 << 20, 2 << 20, 3, Some(9)));
        assert!((sample.cpu_seconds - 200.0 / ticks_per_second()).abs() < 1e-9);
    }

    #[test]
    fn a_zombie_or_a_stranger_is_nothing() {
        assert_eq!(parse("Name:\tx\nThreads:\t1\n", "42 (x) Z 1", None), None);
        assert_eq!(Sampler::new(u32::MAX).sample(), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_group_is_all_that_a_command_started() {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new("sh");
        let mut shell = command.args(["-c", "sleep 60 & sleep 60 & wait"]).process_group(0).spawn().unwrap();
        let sampler = Sampler::of_group(shell.id());
        // The shell and the two that it starts, whenever it comes to that.
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
