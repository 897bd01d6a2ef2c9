//! One-line description of the machine for reports.

use mychat_os::proc;

/// Returns system, processor, cores and memory. Parts that the system does not report are omitted.
pub(crate) fn describe() -> String {
    let release = proc::kernel_release().unwrap_or_default();
    let system = format!("{} {release} {}", std::env::consts::OS, std::env::consts::ARCH);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut parts = vec![system.split_whitespace().collect::<Vec<_>>().join(" ")];
    parts.push(match proc::processor() {
        Some(model) => format!("{cores} × {model}"),
        None => format!("{cores} cores"),
    });
    parts.extend(proc::total_memory().map(|bytes| format!("{:.0} GiB of memory", bytes as f64 / f64::from(1 << 30))));
    parts.join(", ")
}
