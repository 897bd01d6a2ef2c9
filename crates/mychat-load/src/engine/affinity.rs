//! The cores that this process may use, beside those that the machine has.

/// Whether so many workers take up all cores that this process may use, while others have the rest of the machine: whoever
/// started it has set these apart for it (`taskset`, a set of CPUs).
#[cfg(target_os = "linux")]
pub(crate) fn is_set_apart(workers: u32) -> bool {
    let allowed = rustix::thread::sched_getaffinity(None).map_or(u32::MAX, |cores| cores.count());
    allowed <= workers && allowed < mychat_os::proc::cores().unwrap_or(0)
}

/// Other systems don't tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_set_apart(_workers: u32) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn no_worker_takes_up_no_core() {
        assert!(!is_set_apart(0), "nobody has less than one core");
    }
}
