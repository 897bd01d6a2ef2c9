//! How much memory there is for this program: the least of what the machine has left and what it may take.

use std::sync::OnceLock;

/// The most that `--send-total` is without being told.
pub const MOST: usize = 512 * 1024 * 1024;

/// The least: below that every burst would cost users.
const LEAST: usize = 256 * 1024;

/// The part of what there is. What waits takes up to twice its bytes, because buffers double as they grow, and the users
/// themselves want the rest.
const PART: usize = 4;

/// What may wait for all users together where nobody says how much: a quarter of the memory that there was when this
/// was first asked, and 512 MiB at most. Asked once, so that a server that has grown does not lower its own limit.
pub fn send_total() -> usize {
    static TOTAL: OnceLock<usize> = OnceLock::new();
    *TOTAL.get_or_init(|| part_of(machine::room()))
}

/// That part, in whole KiB.
fn part_of(room: Option<u64>) -> usize {
    let room = room.map_or(usize::MAX, |room| usize::try_from(room).unwrap_or(usize::MAX));
    (room / PART).clamp(LEAST, MOST) / 1024 * 1024
}

#[cfg(target_os = "linux")]
mod machine {
    use std::fs;
    use std::path::Path;

    use mychat_os::proc::{self, Process};

    /// Bytes that this process can still take, as far as anything says so.
    pub(super) fn room() -> Option<u64> {
        [address_space(), control_group(), proc::available_memory()].into_iter().flatten().min()
    }

    /// What `ulimit -v` leaves.
    fn address_space() -> Option<u64> {
        let (most, _) = rlimit::Resource::AS.get().ok().filter(|&(soft, _)| soft != rlimit::INFINITY)?;
        Some(most.saturating_sub(Process::Current.status()?.virtual_size?))
    }

    /// The tightest limit of the control groups that this process is in; of both kinds of them.
    fn control_group() -> Option<u64> {
        let groups = Process::Current.control_groups()?;
        groups.lines().filter_map(|line| limit(Path::new("/sys/fs/cgroup"), line)).min()
    }

    /// The limit of one line of `/proc/self/cgroup`, `NUMBER:CONTROLLERS:PATH`: the group's own or one above it.
    pub(super) fn limit(root: &Path, line: &str) -> Option<u64> {
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
        fn the_tightest_limit_on_the_way_up_counts() {
            let root = tempfile::tempdir().unwrap();
            let inner = root.path().join("a/b");
            fs::create_dir_all(&inner).unwrap();
            fs::write(inner.join("memory.max"), "max\n").unwrap();
            fs::write(root.path().join("a/memory.max"), "65536\n").unwrap();
            assert_eq!(limit(root.path(), "0::/a/b"), Some(65536));
            assert_eq!(limit(root.path(), "0::/elsewhere"), None);
            assert_eq!(limit(root.path(), "3:cpu,cpuacct:/a"), None);
            let old = root.path().join("memory/docker/x");
            fs::create_dir_all(&old).unwrap();
            fs::write(old.join("memory.limit_in_bytes"), "1048576\n").unwrap();
            assert_eq!(limit(root.path(), "4:memory:/docker/x"), Some(1_048_576));
        }

        #[test]
        fn this_machine_says_what_it_has() {
            let room = room().unwrap();
            assert!(room > 1024 * 1024, "{room} bytes");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    pub(super) const fn room() -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_what_there_is_and_never_more_than_the_most_or_less_than_the_least() {
        assert_eq!(part_of(None), MOST);
        assert_eq!(part_of(Some(u64::MAX)), MOST);
        assert_eq!(part_of(Some(40 * 1024 * 1024 + 5)), 10 * 1024 * 1024);
        assert_eq!(part_of(Some(0)), LEAST);
    }
}
