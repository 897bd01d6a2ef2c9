//! One actor's connection. A reader task stores every frame in an inbox, where steps inspect it later.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mychat_proto::Framing;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::harness::monitor::Monitors;
use crate::harness::pace::ServerPace;
use crate::harness::wire_log::{Direction, WireLog};
use mychat_target::spawn::SpawnedServer;

mod outsiders;
mod throttle;
mod frame_text;
mod inbox;
mod members;
mod reader;
mod ring_fence;
mod wait;
#[cfg(test)]
pub(crate) mod wait_tests;

pub(crate) use frame_text::contains;
pub(crate) use inbox::{ConnInbox, ConnectionEnd, ReceivedFrame};
pub(crate) use members::CaseMembers;
use members::Member;
use reader::read_all;
pub(crate) use throttle::ConnectThrottle;

/// The framing of the two directions of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramingPair {
    /// The framing of frames to the server.
    pub send: Framing,
    /// The framing of frames from the server.
    pub receive: Framing,
}

/// The pause between two messages with raw framing, so that they arrive in different segments.
const RAW_GAP: Duration = Duration::from_millis(25);

/// The settings that all connections of a case share.
#[derive(Debug, Clone)]
pub(crate) struct ConnConfig {
    /// The server's address; unused if `watch` is set.
    pub target: SocketAddr,
    /// The server's process, if this tool started it. Its address changes with a restart.
    pub watch: Option<SpawnedServer>,
    /// The framing of each direction.
    pub framing: FramingPair,
    /// The longest wait for the server.
    pub timeout: Duration,
    /// The id of the case, for the monitors.
    pub case: Arc<str>,
    /// The checks of every received frame.
    pub monitors: Monitors,
    /// The log of every byte.
    pub wire_log: WireLog,
    /// The gap between new connections.
    pub throttle: ConnectThrottle,
    /// The server's pace, from all cases so far.
    pub pace: ServerPace,
    /// The connections of the case.
    pub members: CaseMembers,
    /// True if a connection of the case has sent invalid UTF-8.
    pub sent_invalid_utf8: Arc<AtomicBool>,
    /// True if the case is about an extension, whose frames are not those of MyChat/1.
    pub has_extensions: bool,
    /// True unless the profile declares another reading for lists of more than 1024 bytes.
    pub may_send_long_lists: bool,
}

/// The number of bytes of each write that are remembered for later steps and for the diagnosis.
const MAX_SENT_KEPT: usize = 32 * 1024;

/// A connection of one actor.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The actor's name in the case.
    pub actor: Arc<str>,
    /// The last name that was requested on this connection.
    pub name: Option<String>,
    /// The bytes of each write, at most [`MAX_SENT_KEPT`] of each.
    pub sent: Vec<Vec<u8>>,
    config: ConnConfig,
    shared: Arc<ReaderState>,
    stream: Option<Arc<TcpStream>>,
    reader: AbortHandle,
    member: Arc<Member>,
    last_write: Option<Instant>,
}

/// The state that a connection shares with its reader task.
#[derive(Debug)]
struct ReaderState {
    inbox: Mutex<ConnInbox>,
    progress: Notify,
    paused: AtomicBool,
    /// True if this side closed its sending direction.
    sending_closed: AtomicBool,
    /// The length of the last wait that was in vain, in milliseconds.
    last_silence_ms: AtomicU64,
}

impl ReaderState {
    /// Records the length of a wait that was in vain.
    fn record_silence(&self, silence: Duration) {
        self.last_silence_ms.store(silence.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Connection {
    /// Opens a connection. `receive_buffer` is the size of the system's receive buffer in bytes.
    pub(crate) async fn open(actor: &str, config: &ConnConfig, receive_buffer: Option<u32>) -> std::io::Result<Self> {
        let target = config.watch.as_ref().map_or(config.target, SpawnedServer::address);
        let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        config.throttle.wait_turn().await;
        let started = Instant::now();
        let timeout = std::io::Error::from(std::io::ErrorKind::TimedOut);
        let connecting = tokio::time::timeout(config.timeout, socket.connect(target));
        let stream = Arc::new(connecting.await.map_err(|_| timeout)??);
        config.throttle.record_duration(started.elapsed());
        stream.set_nodelay(true)?;
        let actor: Arc<str> = actor.into();
        let inbox = ConnInbox::new(Arc::clone(&actor), config);
        let shared = Arc::new(ReaderState {
            inbox: Mutex::new(inbox),
            progress: Notify::new(),
            paused: AtomicBool::new(false),
            sending_closed: AtomicBool::new(false),
            last_silence_ms: AtomicU64::new(0),
        });
        let reader = tokio::spawn(read_all(Arc::clone(&stream), Arc::clone(&shared))).abort_handle();
        let member = config.members.add(&actor, &stream, &shared);
        let (config, sent, stream) = (config.clone(), Vec::new(), Some(stream));
        Ok(Self { actor, name: None, sent, config, shared, stream, reader, member, last_write: None })
    }

    /// Returns the longest wait for a reply.
    pub(crate) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Locks the inbox. The reader task waits while the guard is held.
    pub(crate) fn inbox(&self) -> MutexGuard<'_, ConnInbox> {
        self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pauses or resumes the reader task.
    pub(crate) fn pause_reading(&self, paused: bool) {
        self.shared.paused.store(paused, Ordering::SeqCst);
        self.shared.progress.notify_waiters();
    }

    /// Returns true if neither side has closed the connection.
    pub(crate) fn is_open(&self) -> bool {
        self.stream.is_some() && self.inbox().end.is_none()
    }

    /// Returns true if this side closed the connection or its sending direction.
    pub(crate) fn is_closed_by_us(&self) -> bool {
        self.stream.is_none()
    }

    /// Returns true if `CONNECT_ACK|OK` arrived.
    pub(crate) fn is_user(&self) -> bool {
        self.inbox().logged_in
    }

    /// Sends a frame; its terminator is added.
    pub(crate) async fn send(&mut self, frame: &[u8]) -> std::io::Result<()> {
        if let Some(name) = frame.strip_prefix(b"CONNECT|").filter(|_| !self.is_user()) {
            self.name = Some(String::from_utf8_lossy(name).into_owned());
        }
        let mut bytes = frame.to_vec();
        self.config.framing.send.end(&mut bytes, 0);
        self.send_bytes(&bytes).await
    }

    /// Sends exactly these bytes in one write, as far as the system allows.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let (Framing::Raw, Some(last)) = (self.config.framing.send, self.last_write) {
            tokio::time::sleep_until(last + RAW_GAP).await;
        }
        self.sent.push(bytes[..bytes.len().min(MAX_SENT_KEPT)].to_vec());
        self.config.sent_invalid_utf8.fetch_or(std::str::from_utf8(bytes).is_err(), Ordering::Relaxed);
        self.config.wire_log.note(&self.actor, Direction::Sent, bytes);
        self.member.record_write(bytes, self.name.as_deref(), self.config.framing.send);
        self.config.members.count_messages(bytes);
        let written = self.write(bytes).await;
        if written.is_err() {
            self.member.record_incomplete_write();
        }
        self.last_write = Some(Instant::now());
        written
    }

    async fn write(&self, mut bytes: &[u8]) -> std::io::Result<()> {
        let Some(stream) = &self.stream else { return Err(std::io::ErrorKind::NotConnected.into()) };
        let deadline = Instant::now() + self.config.timeout;
        while !bytes.is_empty() {
            match stream.try_write(bytes) {
                Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    match tokio::time::timeout_at(deadline, stream.writable()).await {
                        Ok(ready) => ready?,
                        Err(_) => return Err(std::io::ErrorKind::TimedOut.into()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends `DISCONNECT` if that is possible without waiting.
    pub(crate) fn send_disconnect_now(&self) {
        let mut bytes = b"DISCONNECT".to_vec();
        self.config.framing.send.end(&mut bytes, 0);
        self.config.wire_log.note(&self.actor, Direction::Sent, &bytes);
        let _ = self.try_write(&bytes);
    }

    /// Writes as much as possible without waiting. Returns the number of bytes written.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(stream) = &self.stream else { return Err(std::io::ErrorKind::NotConnected.into()) };
        self.config.sent_invalid_utf8.fetch_or(std::str::from_utf8(bytes).is_err(), Ordering::Relaxed);
        self.member.record_incomplete_write();
        self.config.members.count_messages(bytes);
        stream.try_write(bytes)
    }

    /// Closes both directions in order (FIN), and stops reading.
    pub(crate) fn close(&mut self) {
        self.shut_down(b"closed by us (FIN)");
        self.reader.abort();
    }

    /// Closes the sending direction (FIN) and keeps reading.
    pub(crate) fn close_sending(&mut self) {
        self.shut_down(b"our direction closed by us (FIN)");
    }

    fn shut_down(&mut self, note: &[u8]) {
        self.config.wire_log.note(&self.actor, Direction::Note, note);
        let Some(stream) = self.stream.take() else { return };
        self.member.record_end(&self.config.members);
        self.shared.sending_closed.store(true, Ordering::SeqCst);
        let _ = socket2::SockRef::from(&*stream).shutdown(std::net::Shutdown::Write);
    }

    /// Resets the connection.
    pub(crate) fn reset(&mut self) {
        self.config.wire_log.note(&self.actor, Direction::Note, b"reset by us (RST)");
        let Some(stream) = self.stream.take() else { return };
        self.member.record_end(&self.config.members);
        let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
        self.reader.abort();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
