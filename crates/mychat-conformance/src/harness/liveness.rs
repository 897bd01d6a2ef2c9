//! The liveness check: two new users connect, and a message from one reaches the other.

use std::time::{Duration, Instant};

use crate::harness::TestEnv;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::CaseFailure;
use mychat_scenario::template::actor_names::ActorNames;

/// Names that differ in the first letter, because a server may truncate names (other checks report that).
const FIRST_NAME: &str = "abe";
const SECOND_NAME: &str = "bea";

/// Returns the time that the server needs for a reply to `CONNECT`.
///
/// Accepts replies in the wrong order, without terminators, or with wrong fields; other checks report those.
///
/// # Errors
///
/// Returns a description of the part that does not work: opening a connection, logging in, or delivering a message.
pub async fn measure_response_time(env: &TestEnv) -> Result<Duration, String> {
    let mut ctx = CaseContext::without_case("robust.alive", env.clone());
    let found = exchange(&mut ctx).await;
    ctx.disconnect_all().await;
    found
}

async fn exchange(ctx: &mut CaseContext) -> Result<Duration, String> {
    let timeout = ctx.env.timeout;
    let mut response_time = Duration::MAX;
    for (actor, called) in [("one", FIRST_NAME), ("two", SECOND_NAME)] {
        let name = ctx.names.wire(called);
        let mut conn = ctx.open(actor).await.map_err(|_| "the server no longer accepts connections".to_owned())?;
        let asked = Instant::now();
        let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
        let logged_in = |inbox: &mut crate::harness::connection::ConnInbox| {
            if inbox.logged_in || inbox.has_bytes(b"CONNECT_ACK|OK") { Some(true) } else { inbox.end.map(|_| false) }
        };
        if conn.wait_at_most(timeout, logged_in).await != Some(true) {
            return Err(match actor {
                "one" => "a new user could not connect".to_owned(),
                _ => "while one user was connected, a second one could not connect".to_owned(),
            });
        }
        // The shorter of the two, because a delay of this machine may be in the other one.
        response_time = response_time.min(asked.elapsed());
        ctx.conns.insert(actor.to_owned(), conn);
    }
    let to = ctx.names.wire(SECOND_NAME);
    if message_arrives(ctx, &to, "MESSAGE").await || message_arrives(ctx, "", "BROADCAST").await {
        return Ok(response_time);
    }
    Err("a new user's message did not reach another one".to_owned())
}

async fn message_arrives(ctx: &mut CaseContext, to: &str, command: &str) -> bool {
    let timeout = ctx.env.timeout / 2;
    // Only small letters, because a server may change others (other checks report that).
    let mark = format!("live{}{}", ctx.names.nonce(), if to.is_empty() { "all" } else { "one" });
    let frame = if to.is_empty() { format!("{command}|{mark}") } else { format!("{command}|{to}|{mark}") };
    let Some(conn) = ctx.conns.get_mut("one") else { return false };
    let _ = conn.send(frame.as_bytes()).await;
    let Some(conn) = ctx.conns.get("two") else { return false };
    let arrived = conn.wait_at_most(timeout, |inbox| {
        if inbox.has_bytes(mark.as_bytes()) { Some(true) } else { inbox.end.map(|_| false) }
    });
    arrived.await == Some(true)
}

/// A server that refuses a user while it has fewer users than this has failed; with more users it may be full.
pub(crate) const MIN_CAPACITY: usize = 10;

/// Logs in `count` users, one after the other. Skipped if the server says that it is full (503) before that.
pub(crate) async fn connect_users(
    ctx: &mut CaseContext,
    stem: &str,
    count: usize,
) -> Result<Vec<Connection>, CaseFailure> {
    let mut conns = Vec::with_capacity(count);
    for index in 0..count {
        let name = numbered_name(&ctx.names, stem, index);
        let mut conn = ctx.open(&format!("{stem}{index}")).await?;
        if let Err(failure) = ctx.login(&mut conn, &name).await {
            let says_full =
                conn.wait_at_most(ctx.env.quiet_period(), |inbox| inbox.has_bytes(b"ERROR|503|").then_some(()));
            if index >= MIN_CAPACITY && says_full.await.is_some() {
                return Err(CaseFailure::Skipped(format!(
                    "the check needs {count} users, and the server is full (503) with {index}"
                )));
            }
            return Err(failure);
        }
        conns.push(conn);
    }
    Ok(conns)
}

/// Returns the name on the wire of user number `index`. All names of one `stem` have the same length.
pub(crate) fn numbered_name(names: &ActorNames, stem: &str, index: usize) -> String {
    format!("{stem}{}{index:04}", names.nonce())
}
