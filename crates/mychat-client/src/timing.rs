//! Tests of everything that has to do with time: over memory, with a clock that stands still until all wait.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use mychat_proto::{Framing, UserName};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, advance, sleep};

use crate::connection::Dial;
use crate::error::{ConnectError, Loss, Refusal};
use crate::event::{Closed, Event, RosterTracker};
use crate::handshake::{self, Session};
use crate::link::{Link, Order, State};
use crate::options::{Backoff, FramingChoice, Options};

/// Gives out streams that were laid ready; refuses when there is none.
#[derive(Default)]
struct Ready(Mutex<VecDeque<DuplexStream>>);

impl Dial for Ready {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        self.0.lock().unwrap().pop_front().ok_or(io::ErrorKind::ConnectionRefused.into())
    }
}

impl Ready {
    /// The server's end of the next connection.
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

fn alice() -> UserName {
    UserName::new("Alice").unwrap()
}

async fn shake(dialer: &Ready, framing: FramingChoice) -> Result<Session<DuplexStream>, ConnectError> {
    handshake::connect(dialer, "test", &alice(), &Options::new().framing(framing)).await
}

#[tokio::test(start_paused = true)]
async fn auto_takes_an_answer_within_300_ms_for_raw() {
    let dialer = Ready::default();
    let mut server = dialer.prepare();
    let serving = async {
        assert_eq!(read(&mut server).await, "CONNECT|Alice");
        sleep(Duration::from_millis(299)).await;
        // Glued together, as a segment may be.
        server.write_all(b"CONNECT_ACK|OKUSER_LIST|Alice").await.unwrap();
    };
    let (session, ()) = tokio::join!(shake(&dialer, FramingChoice::Auto), serving);
    assert_eq!(session.unwrap().framing, Framing::Raw);
}

#[tokio::test(start_paused = true)]
async fn auto_sends_the_line_feed_after_300_ms() {
    let dialer = Ready::default();
    let mut server = dialer.prepare();
    let start = Instant::now();
    let serving = async {
        assert_eq!(read(&mut server).await, "CONNECT|Alice");
        assert_eq!(read(&mut server).await, "\n");
        assert_eq!(start.elapsed().as_millis(), 300);
        server.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    };
    let (session, ()) = tokio::join!(shake(&dialer, FramingChoice::Auto), serving);
    assert_eq!(session.unwrap().framing, Framing::Lf);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_ten_seconds() {
    let dialer = Ready::default();
    let _server = dialer.prepare();
    let error = shake(&dialer, FramingChoice::Lf).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoAnswer { waited } if waited.as_secs() == 10));
}

#[tokio::test(start_paused = true)]
async fn a_full_server_may_close_without_an_answer() {
    let dialer = Ready::default();
    let mut server = dialer.prepare();
    server.write_all(b"ERROR|503|full\n").await.unwrap();
    server.shutdown().await.unwrap();
    let error = shake(&dialer, FramingChoice::Lf).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused(Refusal::Unavailable)), "{error:?}");
}

/// A running link and the far ends of its channels.
struct Running {
    orders: mpsc::Sender<Order>,
    events: mpsc::Receiver<Event>,
    _state: watch::Receiver<State>,
}

async fn run(dialer: Ready, options: Options, mut server: DuplexStream) -> (Running, DuplexStream) {
    let accept = async {
        read(&mut server).await;
        server.write_all(b"CONNECT_ACK|OK\n").await.unwrap();
    };
    let name = alice();
    let (session, ()) = tokio::join!(handshake::connect(&dialer, "test", &name, &options), accept);
    let session = session.unwrap();
    let (give_orders, orders) = mpsc::channel(8);
    let (events, take_events) = mpsc::channel(8);
    let (state, take_state) = watch::channel(State::Online(session.framing));
    let roster = RosterTracker::default();
    let unsent = VecDeque::new();
    let link = Link { dialer, addr: "test".into(), name, options, orders, events, state, roster, unsent };
    tokio::spawn(link.run(session));
    (Running { orders: give_orders, events: take_events, _state: take_state }, server)
}

#[tokio::test(start_paused = true)]
async fn raw_frames_keep_their_distance() {
    let dialer = Ready::default();
    let server = dialer.prepare();
    let (running, mut server) = run(dialer, Options::new().framing(FramingChoice::Raw), server).await;
    let mut last = Instant::now();
    for text in ["a", "b", "c"] {
        running.orders.send(Order::Send(text.into())).await.unwrap();
    }
    for text in ["a", "b", "c"] {
        assert_eq!(read(&mut server).await, text);
        assert!(last.elapsed() >= Duration::from_millis(50), "{text} came after {:?}", last.elapsed());
        last = Instant::now();
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_to_come_back_grow_apart() {
    let dialer = Ready::default();
    let server = dialer.prepare();
    let (mut running, server) = run(dialer, Options::new().reconnect(Backoff::default()), server).await;
    drop(server);
    for (number, longest) in [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 8000), (6, 15000), (7, 15000)] {
        let Some(Event::Lost { attempt, retry_in, .. }) = running.events.recv().await else { panic!("a loss") };
        assert_eq!(attempt, number);
        assert!((longest / 2..=longest).contains(&(retry_in.as_millis() as u64)), "{number}: {retry_in:?}");
    }
    // Nobody is left: the task ends, and with it the channel.
    drop(running.orders);
    running.events.close();
}

#[tokio::test(start_paused = true)]
async fn a_name_that_stays_in_use_is_given_up() {
    let dialer = Ready::default();
    let server = dialer.prepare();
    for _ in 0..5 {
        let mut ghost = dialer.prepare();
        ghost.write_all(b"CONNECT_ACK|FAIL\nERROR|409|in use\n").await.unwrap();
        tokio::spawn(async move { ghost.read_to_end(&mut Vec::new()).await });
    }
    let (mut running, server) = run(dialer, Options::new().reconnect(Backoff::default()), server).await;
    drop(server);
    let mut attempts = 0;
    let closed = loop {
        match running.events.recv().await.unwrap() {
            Event::Lost { .. } => attempts += 1,
            event => break event,
        }
    };
    assert_eq!(attempts, 3);
    assert_eq!(closed, Event::Closed(Closed::Lost(Loss::Refused(Refusal::InUse))));
}

#[tokio::test(start_paused = true)]
async fn leaving_waits_two_seconds_for_a_server_that_does_not_close() {
    let dialer = Ready::default();
    let server = dialer.prepare();
    let (mut running, mut server) = run(dialer, Options::new(), server).await;
    let start = Instant::now();
    running.orders.send(Order::Leave).await.unwrap();
    assert_eq!(read(&mut server).await, "DISCONNECT\n");
    assert_eq!(running.events.recv().await, Some(Event::Closed(Closed::Left)));
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_does_not_listen_stops_the_reading_and_not_the_sending() {
    let dialer = Ready::default();
    let server = dialer.prepare();
    let (mut running, mut server) = run(dialer, Options::new(), server).await;
    for number in 0..1000 {
        server.write_all(format!("BROADCAST|Bob|{number}\n").as_bytes()).await.unwrap();
    }
    running.orders.send(Order::Send("BROADCAST|still here".into())).await.unwrap();
    assert_eq!(read(&mut server).await, "BROADCAST|still here\n");
    advance(Duration::from_secs(60)).await;
    assert_eq!(running.events.len(), 8, "the channel is full and nothing else piles up");
    for number in 0..1000 {
        let content = number.to_string();
        assert_eq!(running.events.recv().await, Some(Event::Broadcast { from: "Bob".into(), content }));
    }
}
