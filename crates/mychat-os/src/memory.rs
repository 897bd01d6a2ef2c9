//! Memory that was freed, given back.

/// Gives back what was freed and is still held, all over the heap: glibc does so by itself only at the heap's end. It
/// takes milliseconds for a heap of hundreds of megabytes and locks it: for a quiet moment. Says whether there was any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of C")]
pub fn give_back() -> bool {
    // SAFETY: it takes no pointer, may be called by any thread at any time (MT-Safe in its manual), and touches no block
    // that is in use.
    unsafe { libc::malloc_trim(0) == 1 }
}

/// Other allocators have no such call, or don't need it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() -> bool {
    false
}

/// Keeps what is given back from growing less. glibc takes every large block that is freed for a sign that it should hold
/// on to more from then on, up to 64 MiB at the end of each heap; and [`give_back`] leaves the end of every heap but the
/// first as it is, so there is to be no other. To be called once, at the start of a program whose threads seldom
/// allocate at the same time; costs a system call more for every block of over 128 KiB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of C")]
pub fn hold_no_more_than_now() {
    for (parameter, value) in [(libc::M_TRIM_THRESHOLD, 128 * 1024), (libc::M_ARENA_MAX, 1)] {
        // SAFETY: it takes no pointer, and any value is legal; an unsuitable one is refused.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Other allocators don't learn.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn hold_no_more_than_now() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::give_back;

    fn resident() -> u64 {
        let text = std::fs::read_to_string("/proc/self/statm").expect("there is /proc");
        let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.expect("its second word is a number") * 4096
    }

    #[test]
    fn what_lies_under_a_block_in_use_is_given_back_too() {
        let mut blocks: Vec<Vec<u8>> = (0..200_000).map(|_| vec![1; 200]).collect();
        let last = blocks.pop();
        drop(blocks);
        let before = resident();
        assert!(give_back());
        let after = resident();
        assert!(before > after + 20_000_000, "{before} bytes before, {after} after");
        drop(last);
    }
}
