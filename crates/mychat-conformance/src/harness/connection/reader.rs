//! The reader task of a connection.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use super::{ConnectionEnd, ReaderState};

/// The largest message with raw framing, where one read is one message.
const MAX_RAW_READ: usize = 1 << 20;
const READ_BUFFER: usize = 16 * 1024;

/// Reads until the connection ends. Notifies `progress` after every read.
pub(super) async fn read_all(stream: Arc<TcpStream>, shared: Arc<ReaderState>) {
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        if shared.paused.load(Ordering::SeqCst) {
            // `notify_waiters` stores no permit, so a notification between the load and this wait is lost. The timeout makes
            // the task look again.
            let _ = tokio::time::timeout(Duration::from_millis(20), shared.progress.notified()).await;
            continue;
        }
        if stream.readable().await.is_err() {
            return;
        }
        let outcome = stream.try_read(&mut buffer);
        acknowledge_at_once(&stream);
        let mut inbox = shared.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match outcome {
            Ok(0) if was_reset(&stream, &shared) => Some(ConnectionEnd::Reset),
            Ok(0) => Some(ConnectionEnd::Closed),
            Ok(count) if count == READ_BUFFER && inbox.is_raw() => {
                // The buffer ended this read, not the segment: the rest belongs to the same message.
                let mut all = buffer.clone();
                while let Ok(more @ 1..) = stream.try_read(&mut buffer) {
                    all.extend_from_slice(&buffer[..more]);
                    if more < READ_BUFFER || all.len() > MAX_RAW_READ {
                        break;
                    }
                }
                inbox.feed(&all);
                inbox.is_flooded().then_some(ConnectionEnd::Flood)
            }
            Ok(count) => {
                inbox.feed(&buffer[..count]);
                inbox.is_flooded().then_some(ConnectionEnd::Flood)
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => Some(ConnectionEnd::Reset),
        };
        if let Some(end) = ended {
            inbox.end_stream(end, shared.sending_closed.load(Ordering::SeqCst));
        }
        drop(inbox);
        shared.progress.notify_waiters();
        if ended.is_some() {
            return;
        }
    }
}

/// Has the system acknowledge what was read without its usual delay. A server that does not set `TCP_NODELAY` sends its next
/// small frame only after the acknowledgement: 40 ms for each frame would add up to minutes.
fn acknowledge_at_once(stream: &TcpStream) {
    // The setting lasts only for some segments. Without it, everything still works.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_quickack(true);
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// Returns true if the connection was reset. The system reports a reset only once: after a write got the error, a read sees
/// an ordinary end. A socket that was reset has no peer address; one that the server closed has, until this side closes it.
fn was_reset(stream: &TcpStream, shared: &ReaderState) -> bool {
    !shared.sending_closed.load(Ordering::SeqCst) && stream.peer_addr().is_err()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::time::Duration;

    use mychat_proto::Framing;

    use super::ConnectionEnd;
    use crate::harness::TestEnv;
    use crate::harness::connection::{Connection, FramingPair};
    use crate::harness::context::CaseContext;
    use crate::harness::monitor::FrameRule;

    /// Connects to a server that writes a part of a frame and closes, with the client's bytes read or unread. Returns the
    /// connection after its end.
    async fn end(unread: bool) -> (CaseContext, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let framing = FramingPair { send: Framing::Lf, receive: Framing::Lf };
        let timeout = Duration::from_secs(5);
        let ctx = CaseContext::without_case("t", TestEnv::new(listener.local_addr().unwrap(), framing, timeout, 1));
        let mut conn = ctx.open("ana").await.unwrap();
        conn.pause_reading(true);
        let (mut server, _) = listener.accept().unwrap();
        conn.send_bytes(b"abc").await.unwrap();
        if !unread {
            server.read_exact(&mut [0; 3]).unwrap();
        }
        server.write_all(b"ERROR|4").unwrap();
        drop(server);
        if unread {
            while conn.send_bytes(b"x").await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        conn.pause_reading(false);
        conn.wait_until(timeout, |inbox| inbox.end).await;
        (ctx, conn)
    }

    #[tokio::test]
    async fn a_reset_that_a_write_reported_is_recognised() {
        let (ctx, conn) = end(true).await;
        assert_eq!(conn.inbox().end, Some(ConnectionEnd::Reset));
        assert!(ctx.env.monitors.violation(FrameRule::Terminated).is_none());
        let (ctx, conn) = end(false).await;
        assert_eq!(conn.inbox().end, Some(ConnectionEnd::Closed));
        assert!(ctx.env.monitors.violation(FrameRule::Terminated).is_some());
    }
}
