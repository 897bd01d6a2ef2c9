//! Reads replies from a socket and writes frames to it.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use mychat_proto::{AckStatus, Deframer, Framing, Inbound, Reply, ReplyError, RosterReader};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::error::DisconnectCause;
use crate::event::ServerError;
use crate::rooms::{RoomDecoder, RoomUpdate};

/// Size of the read buffer in bytes.
const READ_SIZE: usize = 16 * 1024;

/// A source of connections: TCP, or in-memory streams in tests.
pub(crate) trait Dial: Send + Sync + 'static {
    /// The type of a connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Establishes a connection.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Connects to `host:port` over TCP.
#[derive(Debug)]
pub(crate) struct TcpDialer(pub(crate) String);

impl Dial for TcpDialer {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.0.as_str()).await?;
        // Chat messages are small and must not wait. In raw framing, one segment is one frame.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// A [`Reply`] that owns its text, or the error of a frame that is not a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnedReply {
    Ack(AckStatus),
    Users(Vec<String>),
    Message { from: String, content: String },
    Broadcast { from: String, content: String },
    Error(ServerError),
    Room(RoomUpdate),
    Unreadable(ReplyError),
}

/// Splits a stream into a reader and a writer. `gap` is the minimum time between two frames.
pub(crate) fn open<S: AsyncRead + AsyncWrite>(stream: S, framing: Framing, gap: Duration) -> (Reader<S>, Writer<S>) {
    let (read, write) = tokio::io::split(stream);
    (
        Reader::new(read, framing),
        Writer { half: write, framing, gap, written: 0, front_len: None, earliest_write: None },
    )
}

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Reader<S> {
    half: ReadHalf<S>,
    decoder: ReplyDecoder,
    buffer: Box<[u8]>,
}

impl<S: AsyncRead> Reader<S> {
    fn new(half: ReadHalf<S>, framing: Framing) -> Self {
        Self { half, decoder: ReplyDecoder::new(framing), buffer: vec![0; READ_SIZE].into() }
    }

    /// Sets the framing after it was detected. Must be called before the first read.
    pub(crate) fn set_framing(&mut self, framing: Framing) {
        self.decoder = ReplyDecoder::new(framing);
    }

    /// Returns the next reply. No reply is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<OwnedReply, DisconnectCause> {
        loop {
            if let Some(reply) = self.decoder.replies.pop_front() {
                return Ok(reply);
            }
            self.fill().await?;
        }
    }

    /// Reads once from the socket. No data is lost if the future is dropped.
    pub(crate) async fn fill(&mut self) -> Result<(), DisconnectCause> {
        match self.half.read(&mut self.buffer).await {
            Ok(0) => Err(DisconnectCause::ServerClosed),
            Ok(bytes) => self.decoder.feed(&self.buffer[..bytes]),
            Err(error) => Err(DisconnectCause::Io(error.kind())),
        }
    }

    /// Puts replies back in front of the queue.
    pub(crate) fn put_back(&mut self, early: Vec<OwnedReply>) {
        for reply in early.into_iter().rev() {
            self.decoder.replies.push_front(reply);
        }
    }
}

/// Decodes received bytes into a queue of replies.
#[derive(Debug)]
struct ReplyDecoder {
    deframer: Deframer,
    roster: RosterReader,
    rooms: RoomDecoder,
    replies: VecDeque<OwnedReply>,
}

impl ReplyDecoder {
    fn new(framing: Framing) -> Self {
        // Lenient: a client can accept frames that are longer than rule F3 allows.
        let deframer = Deframer::for_replies(framing).lenient();
        Self { deframer, roster: RosterReader::default(), rooms: RoomDecoder::default(), replies: VecDeque::new() }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), DisconnectCause> {
        let raw = !self.deframer.framing().is_terminated();
        let mut feed = self.deframer.feed(bytes);
        while let Some(inbound) = feed.next() {
            let frame = match inbound {
                // Some servers read segments but write lines.
                Inbound::Frame(frame) if raw => trim_line_end(frame),
                Inbound::Frame(frame) => frame,
                Inbound::Oversize => continue,
                Inbound::Overrun => return Err(DisconnectCause::Unterminated),
            };
            if !frame.is_empty() {
                self.replies.extend(decode_frame(frame, &mut self.roster, &mut self.rooms));
            }
        }
        Ok(())
    }
}

/// Removes the CRs and LFs at the end of the frame. Other white space there is content (rule S5).
fn trim_line_end(mut frame: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = frame {
        frame = rest;
    }
    frame
}

/// Decodes one frame. Returns `None` for a part of a list that continues (rule L4).
fn decode_frame(frame: &[u8], roster: &mut RosterReader, rooms: &mut RoomDecoder) -> Option<OwnedReply> {
    Some(match Reply::parse(frame) {
        Ok(Reply::ConnectAck(status)) => OwnedReply::Ack(status),
        Ok(Reply::UserList(list)) => OwnedReply::Users(roster.push(list)?.names().map(str::to_owned).collect()),
        Ok(Reply::Message { sender, content }) => {
            OwnedReply::Message { from: sender.to_owned(), content: content.to_owned() }
        }
        Ok(Reply::Broadcast { sender, content }) => {
            OwnedReply::Broadcast { from: sender.to_owned(), content: content.to_owned() }
        }
        Ok(Reply::Error { code, text }) => {
            OwnedReply::Error(ServerError { code: code.to_owned(), text: text.to_owned() })
        }
        Err(ReplyError::Unknown) => match rooms.decode(frame) {
            Ok(update) => OwnedReply::Room(update?),
            Err(error) => OwnedReply::Unreadable(error),
        },
        Err(error) => OwnedReply::Unreadable(error),
    })
}

/// The sending half of a connection. Each frame has a write of its own (rule R2).
#[derive(Debug)]
pub(crate) struct Writer<S> {
    half: WriteHalf<S>,
    framing: Framing,
    gap: Duration,
    /// Number of bytes of the front frame that were written.
    written: usize,
    /// Length of the front frame without its terminator, after the terminator was appended.
    front_len: Option<usize>,
    earliest_write: Option<Instant>,
}

impl<S: AsyncWrite> Writer<S> {
    /// Sets the framing after it was detected.
    pub(crate) fn set_framing(&mut self, framing: Framing, gap: Duration) {
        self.framing = framing;
        self.gap = gap;
    }

    /// Writes the front frame of the queue, or waits forever if the queue is empty. The frame is removed after its last
    /// byte was written; in raw framing, the next one waits for the gap. No data is lost if the future is dropped.
    pub(crate) async fn advance(&mut self, queue: &mut VecDeque<Vec<u8>>) -> io::Result<()> {
        let Some(frame) = queue.front_mut() else { return pending().await };
        if let Some(instant) = self.earliest_write {
            sleep_until(instant).await;
        }
        if self.front_len.is_none() {
            self.front_len = Some(frame.len());
            self.framing.end(frame, 0);
        }
        match self.half.write(&frame[self.written..]).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            bytes => self.written += bytes,
        }
        if self.written == frame.len() {
            queue.pop_front();
            self.written = 0;
            self.front_len = None;
            self.earliest_write = (!self.gap.is_zero()).then(|| Instant::now() + self.gap);
        }
        Ok(())
    }

    /// Removes the terminator from a partly written front frame, so that another connection can send the frame.
    pub(crate) fn restore_front(&self, queue: &mut VecDeque<Vec<u8>>) {
        if let (Some(frame), Some(length)) = (queue.front_mut(), self.front_len) {
            frame.truncate(length);
        }
    }

    /// Writes bytes immediately. Only the handshake uses it, while the queue is empty.
    pub(crate) async fn write_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.half.write_all(bytes).await?;
        self.earliest_write = (!self.gap.is_zero()).then(|| Instant::now() + self.gap);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replies(framing: Framing, pieces: &[&[u8]]) -> Vec<OwnedReply> {
        let mut decoder = ReplyDecoder::new(framing);
        for piece in pieces {
            if decoder.feed(piece).is_err() {
                break;
            }
        }
        decoder.replies.into()
    }

    #[test]
    fn a_raw_segment_may_hold_several_replies_and_line_ends() {
        let segment = "CONNECT_ACK|OK\r\nUSER_LIST|Alice,Bob\nBROADCAST|Bob|hola MESSAGE \n";
        let users = OwnedReply::Users(vec!["Alice".into(), "Bob".into()]);
        let broadcast = OwnedReply::Broadcast { from: "Bob".into(), content: "hola MESSAGE ".into() };
        assert_eq!(replies(Framing::Raw, &[segment.as_bytes()]), [OwnedReply::Ack(AckStatus::Ok), users, broadcast]);
    }

    proptest! {
        #[test]
        fn a_split_changes_nothing_that_is_heard(text in "((BROADCAST|ERROR|USER_LIST|X)\\|?[ab|,é\u{1}]{0,9}\n){0,9}", at in 0.0..=1.0f64) {
            let bytes = text.as_bytes();
            let (one, other) = bytes.split_at((bytes.len() as f64 * at) as usize);
            prop_assert_eq!(replies(Framing::Lf, &[one, other]), replies(Framing::Lf, &[bytes]));
        }

        #[test]
        fn no_bytes_of_a_server_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for framing in [Framing::Lf, Framing::Raw] {
                let (one, other) = bytes.split_at(bytes.len() / 2);
                replies(framing, &[one, other]);
            }
        }
    }
}
