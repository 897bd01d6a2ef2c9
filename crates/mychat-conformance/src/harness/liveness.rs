//! Whether a server still serves: two fresh users come, and one message goes through.

use std::time::{Duration, Instant};

use crate::harness::TestEnv;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::CaseFailure;
use mychat_scenario::template::actor_names::ActorNames;

/// Names that differ at once: a server that cuts names is a matter for other checks.
const ONE: &str = "abe";
const OTHER: &str = "bea";

/// Says what does not work, or else how long this server takes to answer. It forgives everything but silence: order,
/// glue, wrong fields.
pub async fn measure_response_time(env: &TestEnv) -> Result<Duration, String> {
    let mut ctx = CaseContext::without_case("robust.alive", env.clone());
    let found = exchange(&mut ctx).await;
    ctx.disconnect_all().await;
    found
}

async fn exchange(ctx: &mut CaseContext) -> Result<Duration, String> {
    let timeout = ctx.env.timeout;
    let mut response_time = Duration::MAX;
    for (actor, called) in [("one", ONE), ("two", OTHER)] {
        let name = ctx.names.wire(called);
        let mut conn = ctx.open(actor).await.map_err(|_| "the server takes no connection any more".to_owned())?;
        let asked = Instant::now();
        let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
        let logged_in = |inbox: &mut crate::harness::connection::Inbox| {
            if inbox.logged_in || inbox.has_bytes(b"CONNECT_ACK|OK") { Some(true) } else { inbox.end.map(|_| false) }
        };
        if conn.wait_at_most(timeout, logged_in).await != Some(true) {
            return Err(match actor {
                "one" => "a fresh user could not connect".to_owned(),
                _ => "while one user was connected, a second one could not connect".to_owned(),
            });
        }
        // The shorter of the two: a hiccup of this machine is no habit of the server.
        response_time = response_time.min(asked.elapsed());
        ctx.conns.insert(actor.to_owned(), conn);
    }
    let to = ctx.names.wire(OTHER);
    if message_arrives(ctx, &to, "MESSAGE").await || message_arrives(ctx, "", "BROADCAST").await {
        return Ok(response_time);
    }
    Err("a fresh user's message did not reach another".to_owned())
}

async fn message_arrives(ctx: &mut CaseContext, to: &str, command: &str) -> bool {
    let timeout = ctx.env.timeout / 2;
    // Small letters alone: what a server does to others is for the checks to say.
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

/// A server that takes fewer than these is not full.
pub(crate) const MIN_CAPACITY: usize = 10;

/// Users for procedures: each connected, in order.
pub(crate) async fn connect_users(
    ctx: &mut CaseContext,
    stem: &str,
    count: usize,
) -> Result<Vec<Connection>, CaseFailure> {
    let mut conns = Vec::with_capacity(count);
    for index in 0..count {
        let name = numbered_name(&ctx.names, stem, index);
        let mut conn = ctx.open(&format!("{stem}{index}")).await?;
        if let Err(trouble) = ctx.login(&mut conn, &name).await {
            let says_full =
                conn.wait_at_most(ctx.env.quiet_period(), |inbox| inbox.has_bytes(b"ERROR|503|").then_some(()));
            if index >= MIN_CAPACITY && says_full.await.is_some() {
                return Err(CaseFailure::Skipped(format!(
                    "it takes {count} users, and the server is full (503) with {index}"
                )));
            }
            return Err(trouble);
        }
        conns.push(conn);
    }
    Ok(conns)
}

/// The wire name of one of many: equally long whatever the number.
pub(crate) fn numbered_name(cast: &ActorNames, stem: &str, index: usize) -> String {
    format!("{stem}{}{index:04}", cast.nonce())
}
