//! Tests of the library over real sockets.

use std::time::Duration;

use mychat_client::{
    Backoff, Client, ClientEvent, CloseReason, ConnectError, ConnectOptions, DisconnectCause, Framing, FramingChoice,
    Refusal, SendError,
};

use crate::test_server::{DEADLINE, TestServer};

async fn next(client: &mut Client) -> ClientEvent {
    tokio::time::timeout(DEADLINE, client.next()).await.expect("an event in time").expect("not closed")
}

/// Returns the next event that is not a roster.
async fn news(client: &mut Client) -> ClientEvent {
    loop {
        match next(client).await {
            ClientEvent::Roster(_) => {}
            event => return event,
        }
    }
}

fn quick() -> Backoff {
    Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(20), attempts: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_talk() {
    let server = TestServer::start();
    let mut alice = Client::connect(&server.addr(), "Alice").await.unwrap();
    assert!(matches!(next(&mut alice).await, ClientEvent::Roster(roster) if roster.users == ["Alice"]));
    let mut bob = Client::connect(&server.addr(), "Bob").await.unwrap();
    assert!(matches!(next(&mut alice).await, ClientEvent::Roster(roster) if roster.joined == ["Bob"]));
    alice.broadcast("hola | todos ").await.unwrap();
    assert_eq!(news(&mut bob).await, ClientEvent::Broadcast { from: "Alice".into(), content: "hola | todos ".into() });
    assert_eq!(
        news(&mut alice).await,
        ClientEvent::Broadcast { from: "Alice".into(), content: "hola | todos ".into() }
    );
    bob.message("Alice", "¿qué tal?").await.unwrap();
    assert_eq!(news(&mut alice).await, ClientEvent::Message { from: "Bob".into(), content: "¿qué tal?".into() });
    bob.disconnect().await;
    assert!(matches!(next(&mut alice).await, ClientEvent::Roster(roster) if roster.left == ["Bob"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_recipient_arrives_as_an_event() {
    let server = TestServer::start();
    let mut alice = Client::connect(&server.addr(), "Alice").await.unwrap();
    alice.message("Nobody", "hola").await.unwrap();
    let ClientEvent::Error(error) = news(&mut alice).await else { panic!("an error") };
    assert_eq!(error.kind(), Some(mychat_client::ErrorCode::NoSuchUser));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_a_reason() {
    let server = TestServer::start();
    let reasons = [
        ("409", Refusal::InUse),
        ("422", Refusal::IllegalName),
        ("503", Refusal::Unavailable),
        ("499", Refusal::Other { code: "499".into(), text: "no".into() }),
        ("", Refusal::Unexplained),
    ];
    for (code, reason) in reasons {
        server.refuse_next(code);
        let error = Client::connect(&server.addr(), "Alice").await.unwrap_err();
        assert!(matches!(&error, ConnectError::Refused(refusal) if *refusal == reason), "{code}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_names_and_dead_addresses_are_typed_errors() {
    assert!(matches!(Client::connect("127.0.0.1:1", "a|b").await, Err(ConnectError::IllegalName(_))));
    assert!(matches!(Client::connect("127.0.0.1:1", "A").await, Err(ConnectError::Unreachable { .. })));
    assert!(matches!(Client::connect("no-such-host.invalid:1", "A").await, Err(ConnectError::Unreachable { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_speaks_to_a_server_without_terminators() {
    let server = TestServer::raw();
    let mut alice = ConnectOptions::new().framing(FramingChoice::Raw).connect(&server.addr(), "Alice").await.unwrap();
    assert_eq!(alice.broadcast("a|b").await, Err(SendError::PipeInRaw));
    for text in ["uno", "dos", "tres"] {
        alice.broadcast(text).await.unwrap();
        // Each text is received before the next one is sent. The tests with a paused clock cover the gap.
        server.hears(&format!("BROADCAST|{text}"));
        assert_eq!(news(&mut alice).await, ClientEvent::Broadcast { from: "Alice".into(), content: text.into() });
    }
    alice.disconnect().await;
    server.hears("DISCONNECT");
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_finds_a_server_with_terminators() {
    let server = TestServer::start();
    let options = ConnectOptions::new().framing(FramingChoice::Auto);
    let alice = options.connect(&server.addr(), "Alice").await.unwrap();
    assert_eq!(alice.sender().framing(), Some(Framing::Lf));
    server.hears("CONNECT|Alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_reconnect_a_loss_is_the_end() {
    let server = TestServer::start();
    let mut alice = Client::connect(&server.addr(), "Alice").await.unwrap();
    server.drop_all();
    let end = news(&mut alice).await;
    assert!(
        matches!(end, ClientEvent::Closed(CloseReason::Lost(DisconnectCause::ServerClosed | DisconnectCause::Io(_)))),
        "{end:?}"
    );
    assert_eq!(alice.next().await, None);
    assert_eq!(alice.broadcast("anyone?").await, Err(SendError::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_reconnect_the_client_returns_after_a_restart() {
    let server = TestServer::start();
    let mut alice = ConnectOptions::new().reconnect(quick()).connect(&server.addr(), "Alice").await.unwrap();
    server.go_down();
    assert!(matches!(news(&mut alice).await, ClientEvent::Lost { attempt: 1, .. }));
    assert_eq!(alice.broadcast("anyone?").await, Err(SendError::Offline));
    server.come_up();
    loop {
        match news(&mut alice).await {
            ClientEvent::Lost { .. } => {}
            event => break assert_eq!(event, ClientEvent::Reconnected { framing: Framing::Lf }),
        }
    }
    alice.broadcast("back").await.unwrap();
    server.hears("BROADCAST|back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_attempts_is_limited() {
    let server = TestServer::start();
    let backoff = Backoff { attempts: Some(2), ..quick() };
    let mut alice = ConnectOptions::new().reconnect(backoff).connect(&server.addr(), "Alice").await.unwrap();
    server.go_down();
    assert!(matches!(news(&mut alice).await, ClientEvent::Lost { attempt: 1, .. }));
    assert!(matches!(news(&mut alice).await, ClientEvent::Lost { attempt: 2, .. }));
    assert!(matches!(news(&mut alice).await, ClientEvent::Closed(CloseReason::Lost(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_both_halves_leaves() {
    let server = TestServer::start();
    drop(Client::connect(&server.addr(), "Alice").await.unwrap());
    server.hears("DISCONNECT");
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_messages_are_sent_before_disconnecting() {
    let server = TestServer::start();
    let (sender, mut receiver) = Client::connect(&server.addr(), "Alice").await.unwrap().split();
    for number in 0..100 {
        sender.broadcast(&number.to_string()).await.unwrap();
    }
    sender.disconnect().await;
    server.hears("BROADCAST|99");
    server.hears("DISCONNECT");
    let mut broadcasts = 0;
    while let Some(event) = receiver.next().await {
        broadcasts += usize::from(matches!(event, ClientEvent::Broadcast { .. }));
    }
    assert_eq!(broadcasts, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn continued_lists_and_invalid_frames_are_read() {
    let server = TestServer::start();
    let mut alice = Client::connect(&server.addr(), "Alice").await.unwrap();
    next(&mut alice).await;
    server.tell("Alice", "USER_LIST|Alice,Bob,\nUSER_LIST|Carla\nNONSENSE\n\nBROADCAST|Bob|still here\r");
    assert!(matches!(next(&mut alice).await, ClientEvent::Roster(roster) if roster.joined == ["Bob", "Carla"]));
    assert!(matches!(next(&mut alice).await, ClientEvent::Unreadable(_)));
    assert_eq!(next(&mut alice).await, ClientEvent::Broadcast { from: "Bob".into(), content: "still here".into() });
}
