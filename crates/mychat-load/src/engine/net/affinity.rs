//! The cores that this process may use, compared with those of the machine.

/// Returns true if `workers` threads take up all cores that this process may use, and the machine has more. Such cores were
/// set aside for the process (`taskset`, a CPU set), and its threads need not share them.
#[cfg(target_os = "linux")]
pub(in crate::engine) fn cores_are_dedicated(workers: u32) -> bool {
    let allowed = rustix::thread::sched_getaffinity(None).map_or(u32::MAX, |cores| cores.count());
    allowed <= workers && allowed < mychat_os::proc::cores().unwrap_or(0)
}

/// Returns false: other systems do not report it.
#[cfg(not(target_os = "linux"))]
pub(in crate::engine) fn cores_are_dedicated(_workers: u32) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn no_worker_takes_up_no_core() {
        assert!(!cores_are_dedicated(0), "every process has a core");
    }
}
