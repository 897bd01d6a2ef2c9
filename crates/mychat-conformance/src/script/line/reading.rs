//! The reading half of a line.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use super::{End, Shared};

/// What is read at once where reads are messages, at most.
const MOST_AT_ONCE: usize = 1 << 20;
const READ_BUFFER: usize = 16 * 1024;

/// Reads until the end, and rings at everything that came.
pub(super) async fn read(stream: Arc<TcpStream>, shared: Arc<Shared>) {
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        if shared.paused.load(Ordering::SeqCst) {
            // Rung when reading goes on; looked at again anyway, so that no ring can be missed.
            let _ = tokio::time::timeout(Duration::from_millis(20), shared.bell.notified()).await;
            continue;
        }
        if stream.readable().await.is_err() {
            return;
        }
        let outcome = stream.try_read(&mut buffer);
        let mut inbox = shared.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match outcome {
            Ok(0) if was_reset(&stream, &shared) => Some(End::Reset),
            Ok(0) => Some(End::Closed),
            Ok(count) if count == READ_BUFFER && inbox.is_raw() => {
                // Where this read ended says nothing: what else is there belongs to it.
                let mut all = buffer.clone();
                while let Ok(more @ 1..) = stream.try_read(&mut buffer) {
                    all.extend_from_slice(&buffer[..more]);
                    if more < READ_BUFFER || all.len() > MOST_AT_ONCE {
                        break;
                    }
                }
                inbox.take(&all);
                inbox.is_flooded().then_some(End::Flood)
            }
            Ok(count) => {
                inbox.take(&buffer[..count]);
                inbox.is_flooded().then_some(End::Flood)
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => Some(End::Reset),
        };
        if let Some(end) = ended {
            inbox.finish(end, shared.finished.load(Ordering::SeqCst));
        }
        drop(inbox);
        shared.bell.notify_waiters();
        if ended.is_some() {
            return;
        }
    }
}

/// Whether an end is a reset's. The system tells of a reset once; where a write was told, a read sees an end like any
/// other. A connection that was reset has no peer any more, and one that the server closed has, until we close it too.
fn was_reset(stream: &TcpStream, shared: &Shared) -> bool {
    !shared.finished.load(Ordering::SeqCst) && stream.peer_addr().is_err()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::time::Duration;

    use mychat_proto::Framing;

    use super::End;
    use crate::script::line::{Line, Manner};
    use crate::script::monitor::Rule;
    use crate::script::stage::{Stage, Surroundings};

    /// A server that says half a word and closes with our bytes unread or read, and how the line saw it end.
    async fn end(unread: bool) -> (Stage, Line) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let manner = Manner { send: Framing::Lf, receive: Framing::Lf };
        let patience = Duration::from_secs(5);
        let stage = Stage::empty("t", Surroundings::new(listener.local_addr().unwrap(), manner, patience, 1));
        let mut line = stage.open("ana").await.unwrap();
        line.pause(true);
        let (mut server, _) = listener.accept().unwrap();
        line.put(b"abc").await.unwrap();
        if !unread {
            server.read_exact(&mut [0; 3]).unwrap();
        }
        server.write_all(b"ERROR|4").unwrap();
        drop(server);
        if unread {
            while line.put(b"x").await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        line.pause(false);
        line.until(patience, |inbox| inbox.end).await;
        (stage, line)
    }

    #[tokio::test]
    async fn a_reset_that_a_write_was_told_of_is_one() {
        let (stage, line) = end(true).await;
        assert_eq!(line.inbox().end, Some(End::Reset));
        assert!(stage.around.monitors.broken(Rule::Terminated).is_none());
        let (stage, line) = end(false).await;
        assert_eq!(line.inbox().end, Some(End::Closed));
        assert!(stage.around.monitors.broken(Rule::Terminated).is_some());
    }
}
