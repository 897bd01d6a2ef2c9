//! The number of TCP segments that a socket has received.

#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd as _};

/// Position of `tcpi_data_segs_in` in the kernel's `struct tcp_info`, in units of four bytes. The fields before it never change.
#[cfg(target_os = "linux")]
const DATA_SEGMENTS_IN: usize = 38;

/// Returns the number of TCP segments with data that a socket has received, modulo 2³². A segment may have been joined from
/// several of the network. `None` if the system does not count them.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a C function")]
pub fn received_segments(socket: &impl AsFd) -> Option<u32> {
    let mut info = [0_u32; DATA_SEGMENTS_IN + 1];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the descriptor stays open while it is borrowed, and the kernel writes at most `length` bytes to `info`.
    let got = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    (got == 0 && length as usize == size_of_val(&info)).then_some(info[DATA_SEGMENTS_IN])
}

/// Returns `None`: this system does not count them.
#[cfg(not(target_os = "linux"))]
pub fn received_segments<S>(_socket: &S) -> Option<u32> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn each_write_is_a_segment_also_where_one_read_returns_several() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut writer = listener.accept().unwrap().0;
        writer.set_nodelay(true).unwrap();
        assert_eq!(received_segments(&reader), Some(0));
        let mut buffer = [0; 8];
        for (writes, total) in [(1, 1), (3, 4)] {
            for _ in 0..writes {
                writer.write_all(b"ho").unwrap();
            }
            reader.read_exact(&mut buffer[..2 * writes]).unwrap();
            assert_eq!(received_segments(&reader), Some(total));
        }
    }
}
