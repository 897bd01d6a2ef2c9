//! How soon a thread that wakes gets a core.

use std::io;
use std::time::Duration;

/// Asks for turns of this length (0.1 to 100 ms) for the calling thread, instead of the scheduler's usual 3 ms or so. Its
/// share of the core stays the same, but it need not wait until somebody else's long turn is over: what that is worth
/// is explained in the kernel's documentation of its scheduler (EEVDF). Needs no privilege; threads started from this one have it too.
///
/// A thread that was put under another policy by whoever started it (`chrt`) keeps that.
#[cfg(target_os = "linux")]
pub fn short_slice(length: Duration) -> io::Result<()> {
    let mut attributes = attributes()?;
    if attributes.sched_policy != libc::SCHED_OTHER.cast_unsigned() {
        return Ok(());
    }
    attributes.sched_runtime = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    set(&attributes)
}

/// Nothing is asked for on other systems.
#[cfg(not(target_os = "linux"))]
pub fn short_slice(_length: Duration) -> io::Result<()> {
    Ok(())
}

/// The calling thread.
#[cfg(target_os = "linux")]
const ME: libc::pid_t = 0;
#[cfg(target_os = "linux")]
const NO_FLAGS: libc::c_uint = 0;

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call that the C library has no function for")]
fn attributes() -> io::Result<libc::sched_attr> {
    let size = size_of::<libc::sched_attr>() as libc::c_uint;
    let mut attributes = libc::sched_attr {
        size,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the system writes at most `size` bytes to where the pointer points, and there are so many.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, ME, &raw mut attributes, size, NO_FLAGS) };
    if done == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call that the C library has no function for")]
fn set(attributes: &libc::sched_attr) -> io::Result<()> {
    let attributes = std::ptr::from_ref(attributes);
    // SAFETY: the system reads as many bytes as the struct's first field says, which is the struct's size.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, ME, attributes, NO_FLAGS) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_nice_value_and_policy() {
        let before = attributes().expect("a thread has attributes");
        short_slice(Duration::from_micros(200)).expect("the kernel takes it, or ignores it");
        let after = attributes().expect("a thread has attributes");
        assert_eq!((before.sched_nice, before.sched_policy), (after.sched_nice, after.sched_policy));
        // Kernels before 6.12 say 0 here.
        assert!([0, 200_000].contains(&after.sched_runtime), "{}", after.sched_runtime);
    }
}
