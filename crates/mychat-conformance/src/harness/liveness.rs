//! The liveness check: two new users connect, and a message from one reaches the other.

use std::time::{Duration, Instant};

use crate::harness::TestEnv;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::CaseFailure;
use crate::harness::pace::Awaited;
use mychat_scenario::template::actor_names::ActorNames;

/// The finding that no connection can be opened.
pub(crate) const NO_CONNECTION: &str = "the server no longer accepts connections";

/// Names that differ in the first letter, because a server may truncate names (other checks report that).
const FIRST_NAME: &str = "abe";
const SECOND_NAME: &str = "bea";

/// A server that replies to `CONNECT` within this time gets the message and the broadcast one after the other.
const FAST_RESPONSE: Duration = Duration::from_millis(20);

/// The result of a liveness check of a server that serves users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serving {
    /// The time that the server needs for a reply to `CONNECT`.
    pub(crate) response_time: Duration,
    /// True if a private message arrived.
    pub(crate) messages: bool,
    /// True if a broadcast arrived; none if none was sent.
    pub(crate) broadcasts: Option<bool>,
}

/// Returns the time that the server needs for a reply to `CONNECT`.
///
/// Accepts replies in the wrong order, without terminators, or with wrong fields; other checks report those.
///
/// # Errors
///
/// Returns a description of the part that does not work: opening a connection, logging in, or delivering a message.
pub async fn measure_response_time(env: &TestEnv) -> Result<Duration, String> {
    Ok(check_liveness(env, false).await?.response_time)
}

/// Connects two users and sends a private message from one to the other, and a broadcast if `tries_broadcast` is set. A
/// server that delivers one of the two is alive.
///
/// # Errors
///
/// As [`measure_response_time`].
pub(crate) async fn check_liveness(env: &TestEnv, tries_broadcast: bool) -> Result<Serving, String> {
    let mut ctx = CaseContext::without_case("robust.alive", env.clone());
    let found = exchange(&mut ctx, tries_broadcast).await;
    ctx.disconnect_all().await;
    found
}

async fn exchange(ctx: &mut CaseContext, tries_broadcast: bool) -> Result<Serving, String> {
    let response_time = connect_two(ctx).await?;
    let (one, all) = (mark(ctx, "one"), mark(ctx, "all"));
    let to = ctx.names.wire(SECOND_NAME);
    send(ctx, &format!("MESSAGE|{to}|{one}")).await;
    // One of the two has arrived, so the other one needs little time, and less if private messages never arrive.
    let soon = ctx.env.quiet_period() * 2;
    let pace = &ctx.env.pace;
    let soon = if pace.fences_work() { soon } else { pace.optional_wait(Awaited::Reply, soon) };
    // A server may take two messages that arrive together for one: other checks report that.
    let one_by_one = tries_broadcast && response_time <= FAST_RESPONSE;
    if one_by_one {
        arrives(ctx, &[&one], soon).await;
    }
    if tries_broadcast {
        send(ctx, &format!("BROADCAST|{all}")).await;
    }
    let mut messages = arrives(ctx, &[&one, &all], ctx.env.timeout / 2).await.then(|| has_arrived(ctx, &one));
    if messages.is_none() && !tries_broadcast {
        send(ctx, &format!("BROADCAST|{all}")).await;
        messages = arrives(ctx, &[&all], ctx.env.timeout / 2).await.then_some(false);
    }
    let Some(messages) = messages else { return Err("a new user's message did not reach another one".to_owned()) };
    let messages = messages || tries_broadcast && !one_by_one && arrives(ctx, &[&one], soon).await;
    let broadcasts = if tries_broadcast { Some(arrives(ctx, &[&all], soon).await) } else { None };
    if messages {
        // Fences are private messages, too.
        ctx.env.pace.record_fence(true);
    }
    Ok(Serving { response_time, messages, broadcasts })
}

/// Connects the two users. Returns the shorter of the two response times: a delay of this machine may be in the other one.
async fn connect_two(ctx: &mut CaseContext) -> Result<Duration, String> {
    let timeout = ctx.env.timeout;
    let mut response_time = Duration::MAX;
    for (actor, called) in [("one", FIRST_NAME), ("two", SECOND_NAME)] {
        let name = ctx.names.wire(called);
        let mut conn = ctx.open_detached(actor).await.map_err(|error| match mychat_target::local_limit(&error) {
            Some(limit) => limit.to_owned(),
            None => NO_CONNECTION.to_owned(),
        })?;
        let asked = Instant::now();
        let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
        let logged_in = |inbox: &mut crate::harness::connection::ConnInbox| {
            if inbox.logged_in || inbox.has_bytes(b"CONNECT_ACK|OK") { Some(true) } else { inbox.end.map(|_| false) }
        };
        if conn.wait_at_most_for(Awaited::Reply, timeout, logged_in).await != Some(true) {
            return Err(match actor {
                "one" => "a new user could not connect".to_owned(),
                _ => "while one user was connected, a second one could not connect".to_owned(),
            });
        }
        response_time = response_time.min(asked.elapsed());
        ctx.conns.insert(actor.to_owned(), conn);
    }
    if let Some(one) = ctx.conns.get("one").filter(|_| !ctx.env.pace.is_known(Awaited::List)) {
        // Before the first check, the lists show how long the server takes to send one.
        let listed = |inbox: &mut crate::harness::connection::ConnInbox| inbox.list.is_some().then_some(());
        one.wait_at_most_for(Awaited::List, ctx.env.quiet_period(), listed).await;
    }
    Ok(response_time)
}

/// Returns content by which a message is recognised. Only small letters, because a server may change others (other checks
/// report that).
fn mark(ctx: &CaseContext, kind: &str) -> String {
    format!("live{}{kind}", ctx.names.nonce())
}

async fn send(ctx: &mut CaseContext, frame: &str) {
    if let Some(conn) = ctx.conns.get_mut("one") {
        let _ = conn.send(frame.as_bytes()).await;
    }
}

/// Returns true if one of the marks reaches the second user within `time`.
async fn arrives(ctx: &CaseContext, marks: &[&String], time: Duration) -> bool {
    let Some(conn) = ctx.conns.get("two") else { return false };
    let arrived = conn.wait_at_most_for(Awaited::Reply, time, |inbox| {
        let any = marks.iter().any(|mark| inbox.has_bytes(mark.as_bytes()));
        if any { Some(true) } else { inbox.end.map(|_| false) }
    });
    arrived.await == Some(true)
}

fn has_arrived(ctx: &CaseContext, mark: &str) -> bool {
    ctx.conns.get("two").is_some_and(|conn| conn.inbox().has_bytes(mark.as_bytes()))
}

/// A server that refuses a user while it has fewer users than this has failed; with more users it may be full.
pub(crate) const MIN_CAPACITY: usize = 10;

/// Logs in `count` users, one after the other. Skipped if the server says that it is full (503) before that.
pub(crate) async fn connect_users(
    ctx: &mut CaseContext,
    stem: &str,
    count: usize,
) -> Result<Vec<Connection>, CaseFailure> {
    connect_users_from(ctx, stem, 0, count).await
}

/// Logs in the users `first` to `count - 1` of `count`.
pub(crate) async fn connect_users_from(
    ctx: &mut CaseContext,
    stem: &str,
    first: usize,
    count: usize,
) -> Result<Vec<Connection>, CaseFailure> {
    let mut conns = Vec::with_capacity(count - first);
    for index in first..count {
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
