//! The time at which the kernel took in what a socket received.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

/// Makes the kernel keep the arrival time of what `socket` receives, for [`receive`].
///
/// # Errors
/// The system does not know the option.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a C function")]
pub fn keep_arrival_times(socket: &impl AsFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor stays open while it is borrowed, and the kernel reads the option from `on`, whose size is passed.
    let set = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Always fails: this system does not tell when data arrived.
#[cfg(not(target_os = "linux"))]
pub fn keep_arrival_times<S>(_socket: &S) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Space for one control message with a time.
#[cfg(target_os = "linux")]
#[repr(C, align(8))]
struct ControlBuffer([u8; 64]);

/// Reads once. Returns the number of bytes, and the arrival of the last segment that holds one of them, as time since the
/// Unix epoch by the system's real-time clock. There is no time without [`keep_arrival_times`].
///
/// # Errors
/// Those of a read.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "C functions and structs")]
pub fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
    let mut control = ControlBuffer([0; 64]);
    let mut slice = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` consists of integers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the descriptor stays open while it is borrowed. `message` points to `buffer` and `control` with their lengths, and
    // both outlive the call.
    let count = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, 0) };
    // -1 for an error.
    let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
    // SAFETY: the kernel has filled `control` and set its length in `message`.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    Ok((count, arrival(header)))
}

/// Always fails: see [`keep_arrival_times`].
#[cfg(not(target_os = "linux"))]
pub fn receive<S>(_socket: &S, _buffer: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns the time in a control message. The kernel sends one message at most, because only one option asks for any.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "C functions and structs")]
fn arrival(header: *const libc::cmsghdr) -> Option<Duration> {
    // SAFETY: the pointer is null or points to a whole header inside the buffer, which is aligned for it.
    let found = unsafe { header.as_ref() }?;
    #[allow(clippy::unnecessary_cast, reason = "glibc and musl have different types")]
    let length = found.cmsg_len as usize;
    if (found.cmsg_level, found.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
        return None;
    }
    // SAFETY: computes a length from a length.
    let wanted = unsafe { libc::CMSG_LEN(size_of::<libc::timespec>() as _) } as usize;
    if length < wanted {
        return None;
    }
    // SAFETY: the header is followed by its data.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: the length was checked to hold a `timespec`. The read does not ask for its alignment.
    let time: libc::timespec = unsafe { std::ptr::read_unaligned(data.cast()) };
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

/// The memory of a socket's receive buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiveMemory {
    /// Bytes in use, with the kernel's own overhead per segment.
    pub used: u32,
    /// Bytes that may be in use.
    pub limit: u32,
}

/// Returns the memory of a socket's receive buffer; `None` if the system does not report it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a C function")]
pub fn receive_memory(socket: &impl AsFd) -> Option<ReceiveMemory> {
    // The kernel's order: memory in use for receiving, its limit, and seven other figures.
    let mut figures = [0_u32; 9];
    let mut length = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: the descriptor stays open while it is borrowed, and the kernel writes at most `length` bytes to `figures`.
    let got = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    (got == 0 && length as usize >= 2 * size_of::<u32>())
        .then_some(ReceiveMemory { used: figures[0], limit: figures[1] })
}

/// Returns `None`: this system does not report it.
#[cfg(not(target_os = "linux"))]
pub fn receive_memory<S>(_socket: &S) -> Option<ReceiveMemory> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::time::SystemTime;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    fn since_epoch() -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn data_that_lay_unread_keeps_its_arrival() {
        let (reader, mut writer) = pair();
        keep_arrival_times(&reader).unwrap();
        let mut buffer = [0; 64];
        // The kernel may begin to keep times with the second segment after the request.
        for _ in 0..100 {
            let before = since_epoch();
            writer.write_all(b"hola").unwrap();
            while receive_memory(&reader).unwrap().used == 0 {
                std::thread::yield_now();
            }
            let after = since_epoch();
            std::thread::sleep(Duration::from_millis(20));
            let (count, arrived) = receive(&reader, &mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"hola");
            if let Some(arrived) = arrived {
                assert!((before..=after).contains(&arrived), "{before:?} {arrived:?} {after:?}");
                return;
            }
        }
        panic!("the kernel told no time");
    }

    #[test]
    fn without_the_request_there_is_no_time_and_the_end_is_an_empty_read() {
        let (reader, mut writer) = pair();
        writer.write_all(b"hola").unwrap();
        drop(writer);
        let mut buffer = [0; 2];
        assert_eq!(receive(&reader, &mut buffer).unwrap(), (2, None));
        assert_eq!(receive(&reader, &mut buffer).unwrap(), (2, None));
        assert_eq!(receive(&reader, &mut buffer).unwrap().0, 0);
        reader.set_nonblocking(true).unwrap();
    }

    #[test]
    fn an_unread_socket_uses_memory() {
        let (reader, mut writer) = pair();
        assert_eq!(receive_memory(&reader).unwrap().used, 0);
        writer.set_nonblocking(true).unwrap();
        while writer.write(&[0; 8192]).is_ok() {}
        let memory = receive_memory(&reader).unwrap();
        assert!(memory.used > memory.limit / 2, "{memory:?}");
    }
}
