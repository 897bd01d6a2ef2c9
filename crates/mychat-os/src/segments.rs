//! Figures that TCP keeps for each socket: received segments, and time lost to a full receive buffer of the peer.

#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

/// Position of `tcpi_data_segs_in` in the kernel's `struct tcp_info`, in units of four bytes. The fields before it never change.
#[cfg(target_os = "linux")]
const DATA_SEGMENTS_IN: usize = 38;
/// Position of `tcpi_rwnd_limited`, a number of eight bytes.
#[cfg(target_os = "linux")]
const WINDOW_LIMITED: usize = 44;

/// Returns the number of TCP segments with data that a socket has received, modulo 2³². A segment may have been joined from
/// several of the network. `None` if the system does not count them.
#[cfg(target_os = "linux")]
pub fn received_segments(socket: &impl AsFd) -> Option<u32> {
    tcp_info::<{ DATA_SEGMENTS_IN + 1 }>(socket).map(|info| info[DATA_SEGMENTS_IN])
}

/// Returns for how long a socket has had bytes to send that the peer's full receive buffer did not admit. `None` if the system
/// does not count it.
#[cfg(target_os = "linux")]
pub fn window_limited(socket: &impl AsFd) -> Option<Duration> {
    let info = tcp_info::<{ WINDOW_LIMITED + 2 }>(socket)?;
    let [low, high] = [info[WINDOW_LIMITED], info[WINDOW_LIMITED + 1]].map(u32::to_ne_bytes);
    let mut micros = [0; 8];
    micros[..4].copy_from_slice(&low);
    micros[4..].copy_from_slice(&high);
    Some(Duration::from_micros(u64::from_ne_bytes(micros)))
}

/// Returns the first `N` units of four bytes of the kernel's `struct tcp_info`; `None` if it knows fewer.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a C function")]
fn tcp_info<const N: usize>(socket: &impl AsFd) -> Option<[u32; N]> {
    let mut info = [0_u32; N];
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
    (got == 0 && length as usize == size_of_val(&info)).then_some(info)
}

/// Returns `None`: this system does not count them.
#[cfg(not(target_os = "linux"))]
pub fn received_segments<S>(_socket: &S) -> Option<u32> {
    None
}

/// Returns `None`: this system does not count it.
#[cfg(not(target_os = "linux"))]
pub fn window_limited<S>(_socket: &S) -> Option<Duration> {
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

    #[test]
    fn a_writer_waits_for_a_reader_whose_buffer_is_full() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut writer = listener.accept().unwrap().0;
        writer.write_all(b"ho").unwrap();
        reader.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(window_limited(&writer), Some(Duration::ZERO));
        writer.set_nonblocking(true).unwrap();
        while window_limited(&writer) == Some(Duration::ZERO) {
            // Once the buffers are full it fails, and the time goes on.
            let _ = writer.write(&[0; 8192]);
        }
        assert!(window_limited(&writer) > Some(Duration::ZERO));
    }
}
