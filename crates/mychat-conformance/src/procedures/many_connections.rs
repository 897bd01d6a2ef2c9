//! Many connections: short ones, simultaneous ones, talking ones, and nearly silent ones.

use std::time::{Duration, Instant};

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::harness::liveness::{connect_users, connect_users_from, numbered_name};
use mychat_scenario::model::procedures::{Churn, ManyConnections, Trickle};

/// The tolerated growth in descriptors and threads.
const SLACK: u64 = 2;
/// The time for the logins of many users.
const LOGIN_TIME: Duration = Duration::from_secs(4);
/// The number of users of a slow server.
const FEWEST_USERS: usize = 10;
/// The longest duration of one round, for servers that accept connections slowly.
const ROUND: Duration = Duration::from_secs(2);

pub(super) async fn churn(ctx: &mut CaseContext, churn: &Churn) -> StepResult {
    let total = ctx.env.scaled(churn.connections, 10);
    let at_once = ctx.env.scaled(churn.at_once.max(1), 5);
    let counted = churn.count_resources;
    let rounds = if counted { 2 } else { 1 };
    let mut base = None;
    ctx.separate_throttle();
    for round in 0..rounds {
        let mut done = 0;
        let started = Instant::now();
        while done < total && started.elapsed() < ROUND {
            let mut conns = Vec::with_capacity(at_once);
            for index in 0..at_once.min(total - done) {
                conns.push(ctx.open("passerby").await?);
                if churn.users
                    && let Some(conn) = conns.last_mut()
                {
                    let name = numbered_name(&ctx.names, "pass", (round * total + done + index) % 10_000);
                    let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
                }
            }
            done += conns.len();
            for mut conn in conns {
                if churn.users {
                    conn.wait_until(ctx.env.timeout, |inbox| {
                        (inbox.connect_replies > 0 || inbox.end.is_some()).then_some(())
                    })
                    .await;
                }
                conn.close();
            }
        }
        if !counted {
            continue;
        }
        let Some(watch) = ctx.env.watch.clone() else { continue };
        match base {
            // The first round fills what the server keeps permanently: thread pools and caches.
            None => base = Some(wait_for_release(&watch, None).await),
            Some(base) => {
                let now = wait_for_release(&watch, Some(base)).await;
                let (fds, threads) = base;
                if now.0 > fds + SLACK || now.1 > threads + SLACK {
                    return Err(CaseFailure::fail(
                        format!(
                            "after {done} connections came and went: {fds} descriptors and {threads} threads, as before"
                        ),
                        format!("{} descriptors and {} threads", now.0, now.1),
                    ));
                }
                ctx.observed
                    .push(format!("{} descriptors and {} threads after {done} connections, as before", now.0, now.1));
            }
        }
    }
    Ok(())
}

/// Returns the numbers of descriptors and threads, after waiting at most 2 s for them to fall to `base` or to be stable.
async fn wait_for_release(watch: &mychat_target::spawn::SpawnedServer, base: Option<(u64, u64)>) -> (u64, u64) {
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut last = (u64::MAX, u64::MAX);
    loop {
        let usage = watch.usage();
        let now = (usage.fds, usage.threads);
        let is_released = base.map_or(now == last, |(fds, threads)| now.0 <= fds + SLACK && now.1 <= threads + SLACK);
        if is_released || Instant::now() > deadline {
            return now;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(super) async fn many_connections(ctx: &mut CaseContext, procedure: &ManyConnections) -> StepResult {
    let count = ctx.env.scaled(procedure.users, 10);
    if procedure.simultaneous {
        return log_in_together(ctx, count).await;
    }
    let mut conns = connect_in_time(ctx, "many", count).await?;
    let count = conns.len();
    let broadcasts = procedure.broadcasts;
    for conn in &conns {
        conn.inbox().count_only = true;
    }
    for number in 0..broadcasts {
        for conn in &mut conns {
            let _ = conn.send(format!("BROADCAST|{}-{number}", ctx.names.nonce()).as_bytes()).await;
        }
    }
    let others = ((count - 1) * broadcasts) as u64;
    let mut delivered = 0;
    for conn in &conns {
        let all =
            conn.wait_until(ctx.env.timeout, |inbox| (inbox.count >= others || inbox.end.is_some()).then_some(()));
        all.await;
        delivered += conn.inbox().count;
    }
    let (min, max) = (others * count as u64, (others + broadcasts as u64) * count as u64);
    if (min..=max).contains(&delivered) {
        ctx.observed.push(format!("{count} users, {delivered} deliveries"));
        return Ok(());
    }
    Err(CaseFailure::fail(
        format!("{min} deliveries, or {max} with the senders' own"),
        format!("{delivered} deliveries among {count} users"),
    ))
}

/// Logs in users, one after the other: `count`, or as many as a slow server accepts within [`LOGIN_TIME`].
async fn connect_in_time(ctx: &mut CaseContext, stem: &str, count: usize) -> Result<Vec<Connection>, CaseFailure> {
    let started = Instant::now();
    let mut conns = Vec::with_capacity(count);
    while conns.len() < count && (conns.len() < FEWEST_USERS || started.elapsed() < LOGIN_TIME) {
        conns.extend(connect_users_from(ctx, stem, conns.len(), (conns.len() + FEWEST_USERS).min(count)).await?);
    }
    Ok(conns)
}

/// Logs in `count` users at the same time.
async fn log_in_together(ctx: &mut CaseContext, count: usize) -> StepResult {
    ctx.separate_throttle();
    let ctx = &*ctx;
    let started = Instant::now();
    let mut pending = tokio::task::JoinSet::new();
    for index in 0..count {
        let name = numbered_name(&ctx.names, "storm", index);
        let open_detached = ctx.open_detached(&format!("storm{index}"));
        let timeout = ctx.env.timeout;
        pending.spawn(async move {
            let mut conn: Connection = match open_detached.await {
                Ok(conn) => conn,
                Err(error) => {
                    return mychat_target::local_limit(&error).map(|_| Err(CaseFailure::no_connection(&error)));
                }
            };
            conn.send(format!("CONNECT|{name}").as_bytes()).await.ok()?;
            let answered = conn.wait_until(timeout, |inbox| {
                (inbox.connect_replies > 0 || inbox.end.is_some()).then_some(inbox.logged_in)
            });
            (answered.await == Some(true)).then_some(Ok(conn))
        });
    }
    let conns = pending.join_all().await.into_iter().flatten().collect::<Result<Vec<Connection>, _>>()?;
    if conns.len() == count {
        return Ok(());
    }
    let taken = started.elapsed().as_secs_f64();
    Err(CaseFailure::fail(
        format!("{count} users who come at once are all let in"),
        format!("{} of them were let in after {taken:.1} s", conns.len()),
    ))
}

pub(super) async fn trickle(ctx: &mut CaseContext, trickle: &Trickle) -> StepResult {
    let mut conns = Vec::new();
    for index in 0..ctx.env.scaled(trickle.connections, 10) {
        conns.push(ctx.open(&format!("drip{index}")).await?);
    }
    for byte in b"CON".iter().take(1 + trickle.seconds) {
        for conn in &mut conns {
            let _ = conn.send_bytes(&[*byte]).await;
        }
        let started = Instant::now();
        let mut pair = connect_users(ctx, "norm", 2).await.map_err(|_| {
            CaseFailure::fail(
                "others can connect while 50 connections say almost nothing",
                "a new user could not connect",
            )
        })?;
        let to = pair[1].name.clone().unwrap_or_default();
        let mark = format!("{}-drip", ctx.names.nonce());
        let _ = pair[0].send(format!("MESSAGE|{to}|{mark}").as_bytes()).await;
        let arrived = pair[1].wait_until(ctx.env.timeout, |inbox| inbox.has_bytes(mark.as_bytes()).then_some(()));
        if arrived.await.is_none() {
            return Err(CaseFailure::fail(
                "others' messages arrive while 50 connections say almost nothing",
                "one did not arrive",
            ));
        }
        for conn in &mut pair {
            let _ = conn.send(b"DISCONNECT").await;
            conn.wait_at_most(ctx.env.pace.close_wait_after_leave(ctx.env.timeout / 4), |inbox| inbox.end).await;
        }
        tokio::time::sleep(Duration::from_millis(300).saturating_sub(started.elapsed())).await;
    }
    Ok(())
}
