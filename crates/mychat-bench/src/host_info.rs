//! The machine that the tool runs on: in one line for reports.

use mychat_os::proc;

/// System, processor, cores and memory; what the system does not tell is left out.
pub(crate) fn describe() -> String {
    let release = proc::kernel_release().unwrap_or_default();
    let system = format!("{} {release} {}", std::env::consts::OS, std::env::consts::ARCH);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut parts = vec![system.split_whitespace().collect::<Vec<_>>().join(" ")];
    parts.push(match proc::processor() {
        Some(model) => format!("{cores} × {model}"),
        None => format!("{cores} cores"),
    });
    parts.extend(proc::total_memory().map(|bytes| format!("{:.0} GiB of memory", bytes as f64 / (1 << 30) as f64)));
    parts.join(", ")
}
