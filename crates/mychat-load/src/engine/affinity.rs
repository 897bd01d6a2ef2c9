//! The cores that this process may use, beside those that the machine has.

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
