//! The memory that this process can still use: the least of what the machine has left and what the process may take.

use std::sync::OnceLock;

/// The largest default of `--send-total`, in bytes.
pub(crate) const MAX_SEND_TOTAL: usize = 512 * 1024 * 1024;

/// The smallest default: with less, every burst would disconnect users.
const MIN_SEND_TOTAL: usize = 256 * 1024;

/// The divisor of the available memory. Buffers double as they grow, so waiting bytes take up to twice their size, and
/// the sessions themselves need the rest.
const DIVISOR: usize = 4;

/// Returns the default of `--send-total`: a quarter of the memory that was available at the first call, 512 MiB at most.
/// It is measured once, so that a server that has grown does not lower its own limit.
pub(crate) fn default_send_total() -> usize {
    static TOTAL: OnceLock<usize> = OnceLock::new();
    *TOTAL.get_or_init(|| share_of(machine::available_bytes()))
}

/// Returns the share of the available bytes, in whole KiB.
fn share_of(available: Option<u64>) -> usize {
    let available = available.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    (available / DIVISOR).clamp(MIN_SEND_TOTAL, MAX_SEND_TOTAL) / 1024 * 1024
}

#[cfg(target_os = "linux")]
mod machine {
    use std::fs;
    use std::path::Path;

    use mychat_os::proc::{self, Process};

    /// Returns the bytes that this process can still take, as far as any limit is known.
    pub(super) fn available_bytes() -> Option<u64> {
        [address_space(), control_group(), proc::available_memory()].into_iter().flatten().min()
    }

    /// Returns the bytes that `ulimit -v` leaves.
    fn address_space() -> Option<u64> {
        let (limit, _) = rlimit::Resource::AS.get().ok().filter(|&(soft, _)| soft != rlimit::INFINITY)?;
        Some(limit.saturating_sub(Process::Current.status()?.virtual_size?))
    }

    /// Returns the lowest limit of the control groups that this process is in, of version 1 and 2.
    fn control_group() -> Option<u64> {
        let groups = Process::Current.control_groups()?;
        groups.lines().filter_map(|line| group_limit(Path::new("/sys/fs/cgroup"), line)).min()
    }

    /// Returns the lowest limit of the group in one line of `/proc/self/cgroup`, `NUMBER:CONTROLLERS:PATH`, and of its
    /// parents.
    pub(super) fn group_limit(root: &Path, line: &str) -> Option<u64> {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        let folders = Path::new(path).ancestors();
        folders.filter_map(|folder| fs::read_to_string(root.join(folder).join(file)).ok()?.trim().parse().ok()).min()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_lowest_limit_of_a_group_and_its_parents_counts() {
            let root = tempfile::tempdir().unwrap();
            let inner = root.path().join("a/b");
            fs::create_dir_all(&inner).unwrap();
            fs::write(inner.join("memory.max"), "max\n").unwrap();
            fs::write(root.path().join("a/memory.max"), "65536\n").unwrap();
            assert_eq!(group_limit(root.path(), "0::/a/b"), Some(65536));
            assert_eq!(group_limit(root.path(), "0::/elsewhere"), None);
            assert_eq!(group_limit(root.path(), "3:cpu,cpuacct:/a"), None);
            let old = root.path().join("memory/docker/x");
            fs::create_dir_all(&old).unwrap();
            fs::write(old.join("memory.limit_in_bytes"), "1048576\n").unwrap();
            assert_eq!(group_limit(root.path(), "4:memory:/docker/x"), Some(1_048_576));
        }

        #[test]
        fn this_machine_reports_its_memory() {
            let available = available_bytes().unwrap();
            assert!(available > 1024 * 1024, "{available} bytes");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    pub(super) const fn available_bytes() -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_a_quarter_within_bounds() {
        assert_eq!(share_of(None), MAX_SEND_TOTAL);
        assert_eq!(share_of(Some(u64::MAX)), MAX_SEND_TOTAL);
        assert_eq!(share_of(Some(40 * 1024 * 1024 + 5)), 10 * 1024 * 1024);
        assert_eq!(share_of(Some(0)), MIN_SEND_TOTAL);
    }
}
