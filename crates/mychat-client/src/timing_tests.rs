//! Tests of timeouts, gaps and delays, over in-memory streams and with tokio's paused clock.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use mychat_proto::{Framing, FramingChoice, UserName};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use crate::client::{Client, Receiver, SEND_QUEUE};
use crate::connection::Dial;
use crate::error::{ConnectError, DisconnectCause, Refusal, SendError};
use crate::event::{ClientEvent, CloseReason};
use crate::handshake::{self, ClientSession};
use crate::options::{Backoff, ConnectOptions};
use crate::rooms::RoomUpdate;
use crate::task::UNSENT_LIMIT;

/// A [`Dial`] that returns prepared streams in order and refuses the connection when none is left.
#[derive(Default)]
struct PreparedStreams(Mutex<VecDeque<DuplexStream>>);

impl Dial for PreparedStreams {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        self.0.lock().unwrap().pop_front().ok_or(io::ErrorKind::ConnectionRefused.into())
    }
}

impl PreparedStreams {
    /// Prepares a connection and returns the server's end.
    fn prepare(&self) -> DuplexStream {
        let (client, server) = duplex(64 * 1024);
        self.0.lock().unwrap().push_back(client);
        server
    }
}

async fn read(server: &mut DuplexStream) -> String {
    let mut buffer = [0; 4096];
    let bytes = server.read(&mut buffer).await.unwrap();
    String::from_utf8(buffer[..bytes].to_vec()).unwrap()
}

async fn connect(
    dialer: &PreparedStreams,
    framing: FramingChoice,
) -> Result<ClientSession<DuplexStream>, ConnectError> {
    handshake::connect(dialer, "test", &UserName::new("Alice").unwrap(), &ConnectOptions::new().framing(framing)).await
}

#[tokio::test(start_paused = true)]
async fn auto_selects_raw_for_an_answer_within_300_ms() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let serving = async {
        assert_eq!(read(&mut server).await, "CONNECT|Alice");
        sleep(Duration::from_millis(299)).await;
        // A segment may hold both replies.
        server.write_all(b"CONNECT_ACK|OKUSER_LIST|Alice").await.unwrap();
    };
    let (session, ()) = tokio::join!(connect(&dialer, FramingChoice::Auto), serving);
    assert_eq!(session.unwrap().framing, Framing::Raw);
}

#[tokio::test(start_paused = true)]
async fn auto_sends_the_line_feed_after_300_ms() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let start = Instant::now();
    let serving = async {
        assert_eq!(read(&mut server).await, "CONNECT|Alice");
        assert_eq!(read(&mut server).await, "\n");
        assert_eq!(start.elapsed().as_millis(), 300);
        server.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    };
    let (session, ()) = tokio::join!(connect(&dialer, FramingChoice::Auto), serving);
    assert_eq!(session.unwrap().framing, Framing::Lf);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_ten_seconds() {
    let dialer = PreparedStreams::default();
    let _server = dialer.prepare();
    let error = connect(&dialer, FramingChoice::Lf).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoAnswer { waited } if waited.as_secs() == 10));
}

#[tokio::test(start_paused = true)]
async fn a_full_server_may_close_without_an_answer() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    server.write_all(b"ERROR|503|full\n").await.unwrap();
    server.shutdown().await.unwrap();
    let error = connect(&dialer, FramingChoice::Lf).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused(Refusal::Unavailable)), "{error:?}");
}

/// Returns a client that has joined over the next prepared stream.
async fn join(dialer: PreparedStreams, options: ConnectOptions, server: &mut DuplexStream) -> Client {
    let accept = async {
        assert!(read(server).await.starts_with("CONNECT|Alice"));
        server.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    };
    let (client, ()) = tokio::join!(Client::over(dialer, "test", "Alice", options), accept);
    client.unwrap()
}

/// Reads until the server has got `frame`.
async fn read_until(server: &mut DuplexStream, frame: &str) -> String {
    let mut received = String::new();
    while !received.lines().any(|line| line == frame) {
        received += &read(server).await;
    }
    received
}

async fn next_room_update(receiver: &mut Receiver) -> RoomUpdate {
    match receiver.next().await {
        Some(ClientEvent::Room(update)) => update,
        event => panic!("{event:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn n5_a_client_uses_rooms_without_waiting_and_joins_them_again_after_a_loss() {
    let dialer = PreparedStreams::default();
    let (mut server, mut next) = (dialer.prepare(), dialer.prepare());
    let backoff = Backoff { first: Duration::from_millis(1), ..Backoff::default() };
    let options = ConnectOptions::new().rooms().reconnect(backoff);
    let (sender, mut receiver) = join(dialer, options, &mut server).await.split();
    let max = sender.max_room_content_len("r");
    assert_eq!("SAY|r|Alice|".len() + max, 1024);
    assert_eq!(sender.say("r", &"x".repeat(max + 1)).await, Err(SendError::TooLong { over: 1 }));
    assert_eq!(sender.say("r", "a\nb").await, Err(SendError::LineBreak { at: 1 }));
    assert!(matches!(sender.join("a,b").await, Err(SendError::IllegalName(_))));
    sender.join("r").await.unwrap();
    sender.say("r", "a|b").await.unwrap();
    assert_eq!(read_until(&mut server, "SAY|r|a|b").await, "CAPABILITIES|rooms\nJOIN|r\nSAY|r|a|b\n");
    server.write_all(b"CAPABILITIES|rooms=50\nJOIN|r|Alice\nMEMBERS|r|Alice,\nMEMBERS|r|Bob\n").await.unwrap();
    assert_eq!(next_room_update(&mut receiver).await, RoomUpdate::Available { limit: Some(50) });
    assert_eq!(next_room_update(&mut receiver).await, RoomUpdate::Joined { room: "r".into(), user: "Alice".into() });
    let users = vec!["Alice".to_owned(), "Bob".to_owned()];
    assert_eq!(next_room_update(&mut receiver).await, RoomUpdate::Members { room: "r".into(), users });
    assert_eq!(receiver.rooms(), ["r"]);
    drop(server);
    assert!(matches!(receiver.next().await, Some(ClientEvent::Lost { .. })));
    assert_eq!(read(&mut next).await, "CONNECT|Alice\n");
    next.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    assert!(matches!(receiver.next().await, Some(ClientEvent::Reconnected { .. })));
    assert!(receiver.rooms().is_empty());
    assert_eq!(read_until(&mut next, "JOIN|r").await, "CAPABILITIES|rooms\nJOIN|r\n");
}

#[tokio::test(start_paused = true)]
async fn rooms_are_not_forgotten_by_a_connection_that_is_lost_before_it_answers() {
    let dialer = PreparedStreams::default();
    let mut servers = [dialer.prepare(), dialer.prepare(), dialer.prepare()];
    let backoff = Backoff { first: Duration::from_millis(1), ..Backoff::default() };
    let options = ConnectOptions::new().rooms().reconnect(backoff);
    let (sender, mut receiver) = join(dialer, options, &mut servers[0]).await.split();
    sender.join("r").await.unwrap();
    assert_eq!(read_until(&mut servers[0], "JOIN|r").await, "CAPABILITIES|rooms\nJOIN|r\n");
    servers[0].write_all(b"CAPABILITIES|rooms=50\nJOIN|r|Alice\n").await.unwrap();
    assert!(sender.wait_for_rooms().await);
    assert!(matches!(next_room_update(&mut receiver).await, RoomUpdate::Available { .. }));
    assert!(matches!(next_room_update(&mut receiver).await, RoomUpdate::Joined { .. }));
    let [first, mut second, mut third] = servers;
    drop(first);
    assert_eq!(read(&mut second).await, "CONNECT|Alice\n");
    second.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    assert_eq!(read_until(&mut second, "JOIN|r").await, "CAPABILITIES|rooms\nJOIN|r\n");
    drop(second);
    assert_eq!(read(&mut third).await, "CONNECT|Alice\n");
    third.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    assert_eq!(read_until(&mut third, "JOIN|r").await, "CAPABILITIES|rooms\nJOIN|r\n");
}

#[tokio::test(start_paused = true)]
async fn n5_an_error_or_a_second_of_silence_means_that_there_are_no_rooms() {
    for answer in [Some("ERROR|400|unknown command\n"), Some("CAPABILITIES|\n"), None] {
        let dialer = PreparedStreams::default();
        let mut server = dialer.prepare();
        let (sender, mut receiver) = join(dialer, ConnectOptions::new().rooms(), &mut server).await.split();
        let start = Instant::now();
        if let Some(answer) = answer {
            server.write_all(answer.as_bytes()).await.unwrap();
        }
        assert_eq!(next_room_update(&mut receiver).await, RoomUpdate::Unavailable, "{answer:?}");
        assert_eq!(start.elapsed() >= Duration::from_secs(1), answer.is_none());
        assert_eq!(sender.join("r").await, Err(SendError::NoRooms));
        assert!(!sender.wait_for_rooms().await);
        server.write_all(b"ERROR|400|later\n").await.unwrap();
        assert!(matches!(receiver.next().await, Some(ClientEvent::Error(_))), "an answer to something else");
    }
}

#[tokio::test(start_paused = true)]
async fn n5_a_server_that_closes_instead_is_reconnected_to_once_without_the_question() {
    let dialer = PreparedStreams::default();
    let (mut server, mut next) = (dialer.prepare(), dialer.prepare());
    let (sender, mut receiver) = join(dialer, ConnectOptions::new().rooms(), &mut server).await.split();
    assert_eq!(read(&mut server).await, "CAPABILITIES|rooms\n");
    drop(server);
    assert_eq!(read(&mut next).await, "CONNECT|Alice\n");
    next.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    assert_eq!(next_room_update(&mut receiver).await, RoomUpdate::Unavailable);
    sender.broadcast("hola").await.unwrap();
    assert_eq!(read(&mut next).await, "BROADCAST|hola\n");
    drop(next);
    assert!(matches!(receiver.next().await, Some(ClientEvent::Closed(CloseReason::Lost(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_ask_for_rooms_sends_and_takes_nothing_of_them() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let (sender, mut receiver) = join(dialer, ConnectOptions::new(), &mut server).await.split();
    assert_eq!(sender.join("r").await, Err(SendError::NoRooms));
    sender.broadcast("hola").await.unwrap();
    assert_eq!(read(&mut server).await, "BROADCAST|hola\n");
    server.write_all(b"SAY|r|Bob|hola\n").await.unwrap();
    assert!(matches!(receiver.next().await, Some(ClientEvent::Unreadable(_))));
}

#[tokio::test(start_paused = true)]
async fn raw_frames_are_sent_with_a_gap() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let client = join(dialer, ConnectOptions::new().framing(FramingChoice::Raw), &mut server).await;
    let mut last = Instant::now();
    for text in ["a", "b", "c"] {
        client.broadcast(text).await.unwrap();
    }
    for text in ["a", "b", "c"] {
        assert_eq!(read(&mut server).await, format!("BROADCAST|{text}"));
        assert!(last.elapsed() >= Duration::from_millis(50), "{text} came after {:?}", last.elapsed());
        last = Instant::now();
    }
}

#[tokio::test(start_paused = true)]
async fn delays_between_attempts_grow() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let mut client = join(dialer, ConnectOptions::new().reconnect(Backoff::default()), &mut server).await;
    drop(server);
    for (number, longest) in [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 8000), (6, 15000), (7, 15000)] {
        let Some(ClientEvent::Lost { attempt, retry_in, .. }) = client.next().await else { panic!("a loss") };
        assert_eq!(attempt, number);
        assert!((longest / 2..=longest).contains(&(retry_in.as_millis() as u64)), "{number}: {retry_in:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_stays_in_use_is_given_up() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    for _ in 0..5 {
        let mut refusing = dialer.prepare();
        refusing.write_all(b"CONNECT_ACK|FAIL\nERROR|409|in use\n").await.unwrap();
        tokio::spawn(async move { refusing.read_to_end(&mut Vec::new()).await });
    }
    let mut client = join(dialer, ConnectOptions::new().reconnect(Backoff::default()), &mut server).await;
    drop(server);
    let mut attempts = 0;
    let closed = loop {
        match client.next().await.unwrap() {
            ClientEvent::Lost { .. } => attempts += 1,
            event => break event,
        }
    };
    assert_eq!(attempts, 3);
    assert_eq!(closed, ClientEvent::Closed(CloseReason::Lost(DisconnectCause::Refused(Refusal::InUse))));
}

#[tokio::test(start_paused = true)]
async fn leaving_waits_two_seconds_for_a_server_that_does_not_close() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let (sender, mut receiver) = join(dialer, ConnectOptions::new(), &mut server).await.split();
    let start = Instant::now();
    let ((), frame) = tokio::join!(sender.disconnect(), read(&mut server));
    assert_eq!(frame, "DISCONNECT\n");
    assert_eq!(receiver.next().await, Some(ClientEvent::Closed(CloseReason::Left)));
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn leaving_takes_no_longer_where_the_server_reads_nothing() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let client = join(dialer, ConnectOptions::new(), &mut server).await;
    let text = "x".repeat(1000);
    while client.broadcast(&text).await_within(Duration::from_millis(1)).await.is_some() {}
    let start = Instant::now();
    client.disconnect().await;
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn leaving_works_between_two_attempts() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let (sender, mut receiver) =
        join(dialer, ConnectOptions::new().reconnect(Backoff::default()), &mut server).await.split();
    drop(server);
    assert!(matches!(receiver.next().await, Some(ClientEvent::Lost { .. })));
    assert_eq!(sender.broadcast("anyone?").await, Err(SendError::Offline));
    sender.disconnect().await;
    assert_eq!(receiver.next().await, Some(ClientEvent::Closed(CloseReason::Left)));
    assert_eq!(receiver.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_partly_written_frame_is_sent_completely_after_a_loss() {
    let dialer = PreparedStreams::default();
    let (client, mut server) = duplex(16);
    let mut again = dialer.prepare();
    dialer.0.lock().unwrap().push_front(client);
    let client = join(dialer, ConnectOptions::new().reconnect(Backoff::default()), &mut server).await;
    client.broadcast("longer than the pipe\r").await.unwrap();
    assert_eq!(read(&mut server).await, "BROADCAST|longer");
    drop(server);
    assert_eq!(read(&mut again).await, "CONNECT|Alice\n");
    again.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    // A second CR protects the CR of the content from the terminator (rules F2, S5). It is appended only once.
    assert_eq!(read(&mut again).await, "BROADCAST|longer than the pipe\r\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_stops_reading_but_not_sending() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let mut client = join(dialer, ConnectOptions::new(), &mut server).await;
    for number in 0..1000 {
        server.write_all(format!("BROADCAST|Bob|{number}\n").as_bytes()).await.unwrap();
    }
    sleep(Duration::from_secs(59)).await;
    client.broadcast("still here").await.unwrap();
    assert_eq!(read(&mut server).await, "BROADCAST|still here\n");
    for number in 0..1000 {
        let content = number.to_string();
        assert_eq!(client.next().await, Some(ClientEvent::Broadcast { from: "Bob".into(), content }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_send_sends_all_or_nothing() {
    let dialer = PreparedStreams::default();
    let mut server = dialer.prepare();
    let client = join(dialer, ConnectOptions::new(), &mut server).await;
    // More than the stream, the queue and the channel can hold: the last messages wait and are cancelled.
    let text = "x".repeat(1000);
    let mut taken = 0;
    for number in 0..300 {
        let send = client.sender().message("Bob", &text[number..]).await_within(Duration::from_millis(1)).await;
        taken += usize::from(send.is_some());
    }
    assert!((SEND_QUEUE + UNSENT_LIMIT..300).contains(&taken), "{taken}");
    let mut all = String::new();
    while all.matches('\n').count() < taken {
        all += &read(&mut server).await;
    }
    let lengths: Vec<_> = all.lines().map(|frame| frame.len() - "MESSAGE|Bob|".len()).collect();
    let expected: Vec<_> = (0..taken).map(|number| 1000 - number).collect();
    assert_eq!(lengths, expected);
}

#[tokio::test(start_paused = true)]
async fn frames_stay_complete_with_small_buffers() {
    let dialer = PreparedStreams::default();
    let (client, server) = duplex(7);
    dialer.0.lock().unwrap().push_back(client);
    let echo = tokio::spawn(async move {
        let (read, mut write) = tokio::io::split(server);
        let mut lines = BufReader::new(read).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            let answer = match line.split_once('|') {
                Some(("BROADCAST", content)) => format!("BROADCAST|Alice|{content}\n"),
                Some(_) => "CONNECT_ACK|OK\n".to_owned(),
                None => return,
            };
            write.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let (sender, mut receiver) = Client::over(dialer, "test", "Alice", ConnectOptions::new()).await.unwrap().split();
    for number in 0..50 {
        sender.broadcast(&format!("number {number}")).await.unwrap();
        // Dropping the future of `next` repeatedly loses no event.
        let mut event = None;
        while event.is_none() {
            event = receiver.next().await_within(Duration::ZERO).await.flatten();
        }
        let content = format!("number {number}");
        assert_eq!(event, Some(ClientEvent::Broadcast { from: "Alice".into(), content }));
    }
    drop((sender, receiver));
    echo.await.unwrap();
}

/// Drops a future that takes longer than a limit.
trait AwaitWithin: Future + Sized {
    async fn await_within(self, limit: Duration) -> Option<Self::Output> {
        tokio::time::timeout(limit, self).await.ok()
    }
}

impl<F: Future> AwaitWithin for F {}
