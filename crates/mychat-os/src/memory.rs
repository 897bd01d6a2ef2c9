//! Freed memory: how much of it the allocator keeps.

/// Returns freed memory to the system, from anywhere in the heap; by itself glibc returns only the end of the heap.
/// Returns true if there was any. For a heap of hundreds of megabytes this takes milliseconds, during which other
/// threads cannot allocate, so call it when the program is idle.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a C function")]
pub fn trim_heap() -> bool {
    // SAFETY: malloc_trim takes no pointer, its manual marks it MT-Safe, and it leaves blocks in use alone.
    unsafe { libc::malloc_trim(0) == 1 }
}

/// Does nothing: other allocators have no such call, or do not need it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn trim_heap() -> bool {
    false
}

/// Limits how much freed memory glibc keeps, for the rest of the program's life.
///
/// By default glibc raises its threshold (up to 64 MiB per heap) whenever a large block is freed. It also keeps one heap
/// per thread, and [`trim_heap`] cannot shorten the end of any heap but the first. This fixes the threshold at 128 KiB
/// and the number of heaps at one. Call it once, at the start of a program whose threads rarely allocate at the same
/// time. The price is one more system call for each block above 128 KiB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a C function")]
pub fn limit_malloc_retention() {
    for (parameter, value) in [(libc::M_TRIM_THRESHOLD, 128 * 1024), (libc::M_ARENA_MAX, 1)] {
        // SAFETY: mallopt takes no pointer, and it refuses values that it cannot use.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Does nothing: other allocators do not adapt their thresholds.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn limit_malloc_retention() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::trim_heap;
    use crate::proc::Process;

    fn resident_bytes() -> u64 {
        let status = Process::Current.status().expect("/proc exists on Linux");
        status.resident.expect("a running process has memory")
    }

    #[test]
    fn trim_heap_returns_memory_below_a_block_in_use() {
        let mut blocks: Vec<Vec<u8>> = (0..200_000).map(|_| vec![1; 200]).collect();
        let last = blocks.pop();
        drop(blocks);
        let before = resident_bytes();
        assert!(trim_heap());
        let after = resident_bytes();
        assert!(before > after + 20_000_000, "{before} bytes before, {after} after");
        drop(last);
    }
}
