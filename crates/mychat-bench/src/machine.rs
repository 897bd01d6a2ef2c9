//! The machine that the tool runs on: in one line for reports, and how much of it is the tool's own.

/// System, processor, cores and memory; what the system does not tell is left out.
pub(crate) fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':').map(|rest| rest.trim().to_owned()))
    };
    let release = read("/proc/sys/kernel/osrelease");
    let system = format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut parts = vec![system.split_whitespace().collect::<Vec<_>>().join(" ")];
    parts.push(match field(&read("/proc/cpuinfo"), "model name") {
        Some(model) => format!("{cores} × {model}"),
        None => format!("{cores} cores"),
    });
    let kilobytes = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|memory| memory.strip_suffix("kB")?.trim().parse::<u64>().ok());
    parts.extend(kilobytes.map(|kilobytes| format!("{:.0} GiB of memory", kilobytes as f64 / 1024.0 / 1024.0)));
    parts.join(", ")
}

/// Whether so many workers take up all cores that this process may use, while others have the rest of the machine: whoever
/// started it has set these apart for it (`taskset`, a set of CPUs).
#[cfg(target_os = "linux")]
pub(crate) fn is_set_apart(workers: u32) -> bool {
    let allowed = rustix::thread::sched_getaffinity(None).map_or(u32::MAX, |cores| cores.count());
    allowed <= workers && allowed < cores_of(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// Other systems don't tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_set_apart(_workers: u32) -> bool {
    false
}

/// How many cores `/proc/stat` lists.
#[cfg(target_os = "linux")]
fn cores_of(stat: &str) -> u32 {
    let is_core =
        |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    stat.lines().filter(is_core).count() as u32
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_all_cores_is_not_one() {
        assert_eq!(cores_of("cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n"), 2);
        assert!(cores_of(&std::fs::read_to_string("/proc/stat").unwrap()) >= 1);
        assert!(!is_set_apart(0), "nobody has less than one core");
    }
}
