//! Waits for a reply that one user does not get, on a server in this process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mychat_proto::Framing;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::FramingPair;
use crate::harness::TestEnv;
use crate::harness::context::CaseContext;
use crate::harness::liveness::check_liveness;

/// The writers of the users by name.
type Users = Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<OwnedWriteHalf>>>>>;

/// Serves `CONNECT` and `MESSAGE`, after `delay` each. Users called `mute…` get no answer.
async fn serve(listener: TcpListener, delay: Duration) {
    let users = Users::default();
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_user(stream, Arc::clone(&users), delay));
    }
}

async fn serve_user(stream: TcpStream, users: Users, delay: Duration) {
    let (reader, writer) = stream.into_split();
    let (mut lines, writer) = (BufReader::new(reader).lines(), Arc::new(tokio::sync::Mutex::new(writer)));
    let mut own = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        tokio::time::sleep(delay).await;
        let (frame, to) = match line.splitn(3, '|').collect::<Vec<_>>().as_slice() {
            ["CONNECT", name] if name.starts_with("mute") => continue,
            ["CONNECT", name] => {
                (*name).clone_into(&mut own);
                users.lock().unwrap_or_else(PoisonError::into_inner).insert(own.clone(), Arc::clone(&writer));
                ("CONNECT_ACK|OK\nUSER_LIST|\n".to_owned(), Some(Arc::clone(&writer)))
            }
            ["MESSAGE", to, text] => {
                let to = users.lock().unwrap_or_else(PoisonError::into_inner).get(*to).cloned();
                (format!("MESSAGE|{own}|{text}\n"), to)
            }
            _ => return,
        };
        if let Some(to) = to {
            let _ = to.lock().await.write_all(frame.as_bytes()).await;
        }
    }
}

/// Starts the server, and returns its address.
pub(crate) async fn start(delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, delay));
    address
}

/// Returns the time after which the answer to a `CONNECT` counts as missing, on a server whose pace a liveness check has shown.
async fn wait_for_answer(server: SocketAddr, timeout: Duration, others: usize) -> Duration {
    let framing = FramingPair { send: Framing::Lf, receive: Framing::Lf };
    let env = TestEnv::new(server, framing, timeout, 1);
    for _ in 0..2 {
        check_liveness(&env, false).await.unwrap();
    }
    let mut ctx = CaseContext::without_case("t", env);
    for index in 0..others {
        let name = ctx.names.wire(&format!("ana{index}"));
        let conn = ctx.connect_as("ana", &name).await.unwrap();
        ctx.conns.insert(format!("ana{index}"), conn);
    }
    let mut mute = ctx.open("mute").await.unwrap();
    mute.send(b"CONNECT|mute").await.unwrap();
    let started = Instant::now();
    let answer = mute.wait_until(timeout, |inbox| (inbox.connect_replies > 0).then_some(())).await;
    assert_eq!(answer, None);
    started.elapsed()
}

/// Far longer than anything takes, so that a busy machine changes nothing.
const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_user_who_is_not_answered_while_others_are_served_is_not_waited_for() {
    let server = start(Duration::ZERO).await;
    for others in 0..3 {
        let waited = wait_for_answer(server, LONG, others).await;
        assert!(waited < LONG / 2, "{waited:?} with {others} others");
        assert!(waited >= Duration::from_millis(300), "{waited:?} with {others} others");
    }
}

#[tokio::test]
async fn a_server_that_is_slow_with_everybody_is_given_the_whole_timeout() {
    let server = start(Duration::from_millis(40)).await;
    let timeout = Duration::from_millis(1500);
    for others in [0, 2] {
        assert!(wait_for_answer(server, timeout, others).await >= timeout, "with {others} others");
    }
}
