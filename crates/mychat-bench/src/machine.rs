//! The machine that the tool runs on: in one line for reports.

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
