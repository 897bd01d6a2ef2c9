//! One actor's connection: writes what it is told, and reads all the time into frames that are looked at later.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mychat_proto::Framing;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::monitor::Monitors;
use super::transcript::{Direction, Transcript};
use mychat_target::spawn::Watch;

mod door;
mod inbox;
mod reading;

pub use door::Door;
pub use inbox::{End, Inbox, Seen, contains};
use reading::read;

/// How to talk to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// How our frames end.
    pub send: Framing,
    /// How its frames are told apart.
    pub receive: Framing,
}

/// Without terminators two messages must not share a segment: this long apart they don't, unless the server sleeps.
const RAW_GAP: Duration = Duration::from_millis(25);
/// How many times the patience a server gets that goes on sending something else.
const STILL_COMING: u32 = 8;

/// Where a line belongs.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The server, where this tool did not start it.
    pub target: SocketAddr,
    /// The server's process: started again it listens elsewhere.
    pub watch: Option<Watch>,
    /// How to talk to it.
    pub manner: Manner,
    /// How long to wait for it.
    pub patience: Duration,
    /// The case, for the monitors.
    pub case: Arc<str>,
    /// Those who look at every frame.
    pub monitors: Monitors,
    /// Where every byte is noted.
    pub transcript: Transcript,
    /// How fast connections may follow one another.
    pub door: Door,
    /// Whether somebody in the case has sent what is not UTF-8.
    pub led: Arc<AtomicBool>,
}

/// Of what is written at once, so much is remembered: more than any case says that is asked about it later.
const LONGEST_SAID: usize = 32 * 1024;

/// A connection.
#[derive(Debug)]
pub struct Line {
    /// Whose it is, in the case's words.
    pub actor: Arc<str>,
    /// The name it asked for last.
    pub name: Option<String>,
    /// Frames and bytes that it sent.
    pub said: Vec<Vec<u8>>,
    setting: Setting,
    shared: Arc<Shared>,
    stream: Option<Arc<TcpStream>>,
    reader: AbortHandle,
    last_write: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    inbox: Mutex<Inbox>,
    bell: Notify,
    paused: AtomicBool,
    /// Whether our direction was closed by us.
    finished: AtomicBool,
}

impl Line {
    /// Opens a connection. `receive_buffer` narrows the system's buffer before the handshake.
    pub async fn open(actor: &str, setting: &Setting, receive_buffer: Option<u32>) -> std::io::Result<Self> {
        let target = setting.watch.as_ref().map_or(setting.target, Watch::address);
        let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        setting.door.pass().await;
        let started = Instant::now();
        let timeout = std::io::Error::from(std::io::ErrorKind::TimedOut);
        let connecting = tokio::time::timeout(setting.patience, socket.connect(target));
        let stream = Arc::new(connecting.await.map_err(|_| timeout)??);
        setting.door.took(started.elapsed());
        stream.set_nodelay(true)?;
        let actor: Arc<str> = actor.into();
        let inbox = Inbox::new(Arc::clone(&actor), setting);
        let shared = Arc::new(Shared {
            inbox: Mutex::new(inbox),
            bell: Notify::new(),
            paused: AtomicBool::new(false),
            finished: AtomicBool::new(false),
        });
        let reader = tokio::spawn(read(Arc::clone(&stream), Arc::clone(&shared))).abort_handle();
        let setting = setting.clone();
        Ok(Self {
            actor,
            name: None,
            said: Vec::new(),
            setting,
            shared,
            stream: Some(stream),
            reader,
            last_write: None,
        })
    }

    /// How long to wait for an answer.
    pub fn patience(&self) -> Duration {
        self.setting.patience
    }

    /// What has arrived.
    pub fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops reading, or goes on.
    pub fn pause(&self, paused: bool) {
        self.shared.paused.store(paused, Ordering::SeqCst);
        self.shared.bell.notify_waiters();
    }

    /// Whether we have not closed it, and have not seen the server close it.
    pub fn is_open(&self) -> bool {
        self.stream.is_some() && self.inbox().end.is_none()
    }

    /// Whether we have closed it, or our direction.
    pub fn is_closed_by_us(&self) -> bool {
        self.stream.is_none()
    }

    /// Whether the server has let this user in.
    pub fn is_user(&self) -> bool {
        self.inbox().welcomed
    }

    /// Sends a frame; its terminator is added.
    pub async fn send(&mut self, frame: &[u8]) -> std::io::Result<()> {
        if let Some(name) = frame.strip_prefix(b"CONNECT|").filter(|_| !self.is_user()) {
            self.name = Some(String::from_utf8_lossy(name).into_owned());
        }
        let mut bytes = frame.to_vec();
        self.setting.manner.send.end(&mut bytes, 0);
        self.put(&bytes).await
    }

    /// Sends exactly these bytes in one write, as far as the system allows.
    pub async fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let (Framing::Raw, Some(last)) = (self.setting.manner.send, self.last_write) {
            tokio::time::sleep_until(last + RAW_GAP).await;
        }
        self.said.push(bytes[..bytes.len().min(LONGEST_SAID)].to_vec());
        self.setting.led.fetch_or(std::str::from_utf8(bytes).is_err(), Ordering::Relaxed);
        self.setting.transcript.note(&self.actor, Direction::Sent, bytes);
        let written = self.write(bytes).await;
        self.last_write = Some(Instant::now());
        written
    }

    async fn write(&self, mut bytes: &[u8]) -> std::io::Result<()> {
        let Some(stream) = &self.stream else { return Err(std::io::ErrorKind::NotConnected.into()) };
        let deadline = Instant::now() + self.setting.patience;
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

    /// Says goodbye as far as that goes without waiting.
    pub fn farewell(&self) {
        let mut bytes = b"DISCONNECT".to_vec();
        self.setting.manner.send.end(&mut bytes, 0);
        self.setting.transcript.note(&self.actor, Direction::Sent, &bytes);
        let _ = self.try_write(&bytes);
    }

    /// Writes as much as goes without waiting; gives the bytes written.
    pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(stream) = &self.stream else { return Err(std::io::ErrorKind::NotConnected.into()) };
        self.setting.led.fetch_or(std::str::from_utf8(bytes).is_err(), Ordering::Relaxed);
        stream.try_write(bytes)
    }

    /// Waits until something is true of what arrived, or nothing more has come for so long: a server that is busy with
    /// what it was asked before is slow, not silent. Sending without end buys a few times as much, and no more.
    pub async fn until<T>(&self, patience: Duration, look: impl FnMut(&mut Inbox) -> Option<T>) -> Option<T> {
        self.watch(patience, patience * STILL_COMING, look).await
    }

    /// Waits until something is true of what arrived, or the time is over: for what need not come.
    pub async fn within<T>(&self, time: Duration, look: impl FnMut(&mut Inbox) -> Option<T>) -> Option<T> {
        self.watch(time, time, look).await
    }

    async fn watch<T>(
        &self,
        silence: Duration,
        longest: Duration,
        mut look: impl FnMut(&mut Inbox) -> Option<T>,
    ) -> Option<T> {
        let started = Instant::now();
        let mut heard = self.inbox().bytes;
        let mut deadline = started + silence;
        loop {
            let rung = self.shared.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            {
                let mut inbox = self.inbox();
                if let Some(found) = look(&mut inbox) {
                    return Some(found);
                }
                if inbox.bytes != heard {
                    heard = inbox.bytes;
                    deadline = (Instant::now() + silence).min(started + longest);
                }
            }
            if tokio::time::timeout_at(deadline, rung).await.is_err() {
                return look(&mut self.inbox());
            }
        }
    }

    /// Closes the sending direction, or both, in order.
    pub fn finish(&mut self, both: bool) {
        let words: &[u8] = if both { b"closed by us (FIN)" } else { b"our direction closed by us (FIN)" };
        self.setting.transcript.note(&self.actor, Direction::Note, words);
        let Some(stream) = self.stream.take() else { return };
        self.shared.finished.store(true, Ordering::SeqCst);
        let _ = socket2::SockRef::from(&*stream).shutdown(std::net::Shutdown::Write);
        if both {
            self.reader.abort();
        }
    }

    /// Resets the connection.
    pub fn reset(&mut self) {
        self.setting.transcript.note(&self.actor, Direction::Note, b"reset by us (RST)");
        let Some(stream) = self.stream.take() else { return };
        let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
        self.reader.abort();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
