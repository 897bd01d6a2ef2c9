//! The time slice of a thread, which decides how soon it gets a core after it wakes.

use std::io;
use std::time::Duration;

/// Asks the scheduler for time slices of `length` (0.1 to 100 ms; the default is about 3 ms) for the calling thread.
///
/// The thread's share of the core stays the same, but after a wake-up it need not wait until another thread's long slice
/// ends (see the kernel's documentation of EEVDF). It needs no privilege, and threads that this one starts inherit it.
/// A thread whose scheduling policy was changed from outside (`chrt`) keeps its settings.
///
/// # Errors
/// The system call failed.
#[cfg(target_os = "linux")]
pub fn request_short_time_slice(length: Duration) -> io::Result<()> {
    let mut attributes = attributes()?;
    if attributes.sched_policy != libc::SCHED_OTHER.cast_unsigned() {
        return Ok(());
    }
    attributes.sched_runtime = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    set(&attributes)
}

/// Does nothing on other systems.
#[cfg(not(target_os = "linux"))]
pub fn request_short_time_slice(_length: Duration) -> io::Result<()> {
    Ok(())
}

/// The kernel takes thread id 0 for the calling thread.
#[cfg(target_os = "linux")]
const CALLING_THREAD: libc::pid_t = 0;
#[cfg(target_os = "linux")]
const NO_FLAGS: libc::c_uint = 0;

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the C library has no function for this system call")]
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
    // SAFETY: the kernel writes at most `size` bytes through the pointer, and the struct has that many.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, CALLING_THREAD, &raw mut attributes, size, NO_FLAGS) };
    if done == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the C library has no function for this system call")]
fn set(attributes: &libc::sched_attr) -> io::Result<()> {
    let attributes = std::ptr::from_ref(attributes);
    // SAFETY: the kernel reads as many bytes as the struct's first field says, which is the struct's size.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, CALLING_THREAD, attributes, NO_FLAGS) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_slice_keeps_the_nice_value_and_the_policy() {
        let before = attributes().expect("a thread has attributes");
        request_short_time_slice(Duration::from_micros(200)).expect("the kernel accepts or ignores the request");
        let after = attributes().expect("a thread has attributes");
        assert_eq!((before.sched_nice, before.sched_policy), (after.sched_nice, after.sched_policy));
        // Kernels before 6.12 report 0.
        assert!([0, 200_000].contains(&after.sched_runtime), "{}", after.sched_runtime);
    }
}
