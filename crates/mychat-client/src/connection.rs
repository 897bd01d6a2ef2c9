//! The socket: bytes in, replies out; frames in, bytes out. The one file of the library that reads and writes.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use mychat_proto::{AckStatus, Deframer, Framing, Inbound, Reply, ReplyError, RosterReader};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::error::Loss;
use crate::event::ServerError;

/// Bytes taken from the socket at once.
const READ_SIZE: usize = 16 * 1024;

/// Where connections come from: TCP, or memory in tests.
pub(crate) trait Dial: Send + Sync + 'static {
    /// What a connection is.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Makes one.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// TCP to `host:port`.
#[derive(Debug)]
pub(crate) struct Tcp(pub(crate) String);

impl Dial for Tcp {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.0.as_str()).await?;
        // A chat message is small and wanted now; in raw framing the segment is the frame.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// One thing that the server said, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Ack(AckStatus),
    Users(Vec<String>),
    Message { from: String, content: String },
    Broadcast { from: String, content: String },
    Error(ServerError),
    Unreadable(ReplyError),
}

/// A connection that was cut in two.
pub(crate) fn open<S: AsyncRead + AsyncWrite>(stream: S, framing: Framing, gap: Duration) -> (Reader<S>, Writer<S>) {
    let (read, write) = tokio::io::split(stream);
    (Reader::new(read, framing), Writer { half: write, framing, gap, written: 0, begun: None, not_before: None })
}

/// What comes in.
#[derive(Debug)]
pub(crate) struct Reader<S> {
    half: ReadHalf<S>,
    inbox: Inbox,
    buffer: Box<[u8]>,
}

impl<S: AsyncRead> Reader<S> {
    fn new(half: ReadHalf<S>, framing: Framing) -> Self {
        Self { half, inbox: Inbox::new(framing), buffer: vec![0; READ_SIZE].into() }
    }

    /// The framing is known now. Only before anything was read.
    pub(crate) fn set_framing(&mut self, framing: Framing) {
        self.inbox = Inbox::new(framing);
    }

    /// The next thing that the server says. Loses nothing when it is cancelled.
    pub(crate) async fn next(&mut self) -> Result<Heard, Loss> {
        loop {
            if let Some(heard) = self.inbox.heard.pop_front() {
                return Ok(heard);
            }
            self.fill().await?;
        }
    }

    /// One read. Loses nothing when it is cancelled.
    pub(crate) async fn fill(&mut self) -> Result<(), Loss> {
        match self.half.read(&mut self.buffer).await {
            Ok(0) => Err(Loss::ServerClosed),
            Ok(bytes) => self.inbox.feed(&self.buffer[..bytes]),
            Err(error) => Err(Loss::Io(error.kind())),
        }
    }

    /// Gives back what was heard too early.
    pub(crate) fn put_back(&mut self, early: Vec<Heard>) {
        for heard in early.into_iter().rev() {
            self.inbox.heard.push_front(heard);
        }
    }
}

/// Bytes into things heard.
#[derive(Debug)]
struct Inbox {
    deframer: Deframer,
    roster: RosterReader,
    heard: VecDeque<Heard>,
}

impl Inbox {
    fn new(framing: Framing) -> Self {
        // Lenient: a client has no reason to refuse what a generous server sends.
        let deframer = Deframer::for_replies(framing).lenient();
        Self { deframer, roster: RosterReader::default(), heard: VecDeque::new() }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Loss> {
        let raw = !self.deframer.framing().is_terminated();
        let mut feed = self.deframer.feed(bytes);
        while let Some(inbound) = feed.next() {
            let frame = match inbound {
                // There are servers that read segments and write lines.
                Inbound::Frame(frame) if raw => without_line_end(frame),
                Inbound::Frame(frame) => frame,
                Inbound::Oversize => continue,
                Inbound::Overrun => return Err(Loss::Unterminated),
            };
            if !frame.is_empty() {
                self.heard.extend(hear(frame, &mut self.roster));
            }
        }
        Ok(())
    }
}

/// The frame without the CRs and LFs at its end; blanks there are content (rule S5).
fn without_line_end(mut frame: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = frame {
        frame = rest;
    }
    frame
}

/// One frame; nothing where it is a part of a list that goes on (rule L4).
fn hear(frame: &[u8], roster: &mut RosterReader) -> Option<Heard> {
    Some(match Reply::parse(frame) {
        Ok(Reply::ConnectAck(status)) => Heard::Ack(status),
        Ok(Reply::UserList(list)) => Heard::Users(roster.push(list)?.names().map(str::to_owned).collect()),
        Ok(Reply::Message { sender, content }) => {
            Heard::Message { from: sender.to_owned(), content: content.to_owned() }
        }
        Ok(Reply::Broadcast { sender, content }) => {
            Heard::Broadcast { from: sender.to_owned(), content: content.to_owned() }
        }
        Ok(Reply::Error { code, text }) => Heard::Error(ServerError { code: code.to_owned(), text: text.to_owned() }),
        Err(fault) => Heard::Unreadable(fault),
    })
}

/// What goes out, one frame a write.
#[derive(Debug)]
pub(crate) struct Writer<S> {
    half: WriteHalf<S>,
    framing: Framing,
    gap: Duration,
    /// Bytes of the front frame that are on their way already.
    written: usize,
    /// Length of the front frame without its terminator, once it has that.
    begun: Option<usize>,
    not_before: Option<Instant>,
}

impl<S: AsyncWrite> Writer<S> {
    /// The framing is known now.
    pub(crate) fn set_framing(&mut self, framing: Framing, gap: Duration) {
        self.framing = framing;
        self.gap = gap;
    }

    /// Writes on at the front of the queue; for ever pending while that is empty. A frame leaves the queue when all
    /// of it is written, and in raw framing the next one keeps its distance. Loses nothing when it is cancelled.
    pub(crate) async fn advance(&mut self, queue: &mut VecDeque<Vec<u8>>) -> io::Result<()> {
        let Some(frame) = queue.front_mut() else { return pending().await };
        if let Some(instant) = self.not_before {
            sleep_until(instant).await;
        }
        if self.begun.is_none() {
            self.begun = Some(frame.len());
            self.framing.end(frame, 0);
        }
        match self.half.write(&frame[self.written..]).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            bytes => self.written += bytes,
        }
        if self.written == frame.len() {
            queue.pop_front();
            self.written = 0;
            self.begun = None;
            self.not_before = (!self.gap.is_zero()).then(|| Instant::now() + self.gap);
        }
        Ok(())
    }

    /// Takes back the terminator of a frame that was begun and not finished, so that another connection can send it.
    pub(crate) fn release(&self, queue: &mut VecDeque<Vec<u8>>) {
        if let (Some(frame), Some(length)) = (queue.front_mut(), self.begun) {
            frame.truncate(length);
        }
    }

    /// Writes bytes as they are, now. Only in the handshake, before anything is queued.
    pub(crate) async fn write_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.half.write_all(bytes).await?;
        self.not_before = (!self.gap.is_zero()).then(|| Instant::now() + self.gap);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(framing: Framing, pieces: &[&[u8]]) -> Vec<Heard> {
        let mut inbox = Inbox::new(framing);
        for piece in pieces {
            if inbox.feed(piece).is_err() {
                break;
            }
        }
        inbox.heard.into()
    }

    #[test]
    fn a_raw_segment_may_hold_several_replies_and_line_ends() {
        let segment = "CONNECT_ACK|OK\r\nUSER_LIST|Alice,Bob\nBROADCAST|Bob|hola MESSAGE \n";
        let users = Heard::Users(vec!["Alice".into(), "Bob".into()]);
        let broadcast = Heard::Broadcast { from: "Bob".into(), content: "hola MESSAGE ".into() };
        assert_eq!(heard(Framing::Raw, &[segment.as_bytes()]), [Heard::Ack(AckStatus::Ok), users, broadcast]);
    }

    proptest! {
        #[test]
        fn a_split_changes_nothing_that_is_heard(text in "((BROADCAST|ERROR|USER_LIST|X)\\|?[ab|,é\u{1}]{0,9}\n){0,9}", at in 0.0..=1.0f64) {
            let bytes = text.as_bytes();
            let (one, other) = bytes.split_at((bytes.len() as f64 * at) as usize);
            prop_assert_eq!(heard(Framing::Lf, &[one, other]), heard(Framing::Lf, &[bytes]));
        }

        #[test]
        fn no_bytes_of_a_server_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for framing in [Framing::Lf, Framing::Raw] {
                let (one, other) = bytes.split_at(bytes.len() / 2);
                heard(framing, &[one, other]);
            }
        }
    }
}
