//! Users who join and leave at random, and the lists that the others get.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::harness::liveness::{connect_users, numbered_name};
use crate::harness::pace::Awaited;
use mychat_scenario::model::procedures::{JoinLeave, JoinLeaveCheck};

pub(super) async fn join_leave(ctx: &mut CaseContext, procedure: &JoinLeave) -> StepResult {
    match procedure.check {
        JoinLeaveCheck::Monotone => monotone(ctx, procedure.users).await,
        JoinLeaveCheck::Broadcast => broadcast(ctx, procedure).await,
        JoinLeaveCheck::Last => converges(ctx, procedure).await,
    }
}

/// The ways in which users leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeaveStyle {
    /// By `DISCONNECT`.
    Disconnect,
    /// By `DISCONNECT`, FIN or RST at random.
    AnyWay,
}

/// The wait for the end of a connection, if the server has left another one open.
const LEFT_OPEN: std::time::Duration = std::time::Duration::from_millis(10);

/// The users who join and leave.
struct Guests {
    random: ChaCha8Rng,
    /// The present ones by slot.
    present: BTreeMap<usize, Connection>,
    slots: usize,
    /// The number of joins so far.
    joined: usize,
    leaving: LeaveStyle,
    /// False if the server has left a connection open after `DISCONNECT`. Another check is about that, so it is not waited for
    /// again.
    closes: bool,
}

impl Guests {
    fn new(ctx: &CaseContext, slots: usize, leaving: LeaveStyle) -> Self {
        let random = ChaCha8Rng::seed_from_u64(ctx.env.seed);
        Self { random, present: BTreeMap::new(), slots, joined: 0, leaving, closes: true }
    }

    /// Waits for the end of a connection after `DISCONNECT`.
    async fn wait_for_close(&mut self, ctx: &CaseContext, conn: &Connection) {
        if self.closes {
            self.closes = conn.wait_for(Awaited::Close, ctx.env.timeout, |inbox| inbox.end).await.is_some();
        } else {
            conn.wait_at_most(LEFT_OPEN, |inbox| inbox.end).await;
        }
    }
}

/// Makes one random user join or leave. Names rotate, so that a name is not reused at once.
async fn join_or_leave(ctx: &CaseContext, guests: &mut Guests) -> StepResult {
    let slot = guests.random.random_range(0..guests.slots);
    if let Some(mut conn) = guests.present.remove(&slot) {
        let how = if guests.leaving == LeaveStyle::AnyWay { guests.random.random_range(0..3) } else { 2 };
        match how {
            0 => conn.close(),
            1 => conn.reset(),
            _ => {
                let _ = conn.send(b"DISCONNECT").await;
                guests.wait_for_close(ctx, &conn).await;
            }
        }
        return Ok(());
    }
    let name = numbered_name(&ctx.names, "turn", guests.joined % 10_000);
    guests.joined += 1;
    let mut conn = ctx.open(&format!("guest{slot}")).await?;
    let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
    let logged_in = conn.wait_until(ctx.env.timeout, |inbox| {
        (inbox.connect_replies > 0 || inbox.end.is_some()).then_some(inbox.logged_in)
    });
    if logged_in.await != Some(true) {
        return Err(CaseFailure::fail(
            "a user who joins while others leave gets CONNECT_ACK|OK",
            ctx.describe_last(&conn),
        ));
    }
    guests.present.insert(slot, conn);
    Ok(())
}

async fn converges(ctx: &mut CaseContext, procedure: &JoinLeave) -> StepResult {
    let mut guests = Guests::new(ctx, procedure.users, LeaveStyle::Disconnect);
    let anchor = ctx.connect_as("anchor", &numbered_name(&ctx.names, "anch", 0)).await?;
    let times = ctx.env.scaled(procedure.times, 15);
    for _ in 0..times {
        // Whether a connection that breaks off is cleaned up after is asked elsewhere.
        join_or_leave(ctx, &mut guests).await?;
    }
    let present = std::mem::take(&mut guests.present);
    let mut expected: Vec<String> = present.values().chain([&anchor]).filter_map(|conn| conn.name.clone()).collect();
    expected.sort_unstable();
    let conns: Vec<&Connection> = present.values().chain([&anchor]).collect();
    for round in 0..ctx.env.scaled(ROUNDS, 1) {
        // Two come and go as fast as they are let in: the last lists are drawn up close together.
        let mut pair = [ctx.open("sentinel0").await?, ctx.open("sentinel1").await?];
        for (index, last) in pair.iter_mut().enumerate() {
            let name = numbered_name(&ctx.names, "last", round * 2 + index);
            let _ = last.send(format!("CONNECT|{name}").as_bytes()).await;
        }
        for last in &pair {
            last.wait_until(ctx.env.timeout, |inbox| (inbox.connect_replies > 0 || inbox.end.is_some()).then_some(()))
                .await;
        }
        for last in &mut pair {
            let _ = last.send(b"DISCONNECT").await;
        }
        for last in &pair {
            guests.wait_for_close(ctx, last).await;
        }
        // An outdated list that is sent late arrives within this time.
        tokio::time::sleep(LATE_LIST).await;
        for conn in &conns {
            check_last_list(ctx, conn, &expected, times).await?;
        }
    }
    Ok(())
}

/// The number of final rounds, because only some of them hit the race in which an outdated list is sent last.
const ROUNDS: usize = 4;
const LATE_LIST: std::time::Duration = std::time::Duration::from_millis(80);

async fn check_last_list(ctx: &CaseContext, conn: &Connection, expected: &[String], times: usize) -> StepResult {
    let nonce = ctx.names.nonce();
    let own = |list: &str| {
        let mut names: Vec<String> = list.split(',').filter(|name| name.contains(nonce)).map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let right = conn.wait_list(ctx.env.timeout, |inbox| (own(inbox.list.as_deref()?) == expected).then_some(()));
    if right.await.is_some() {
        return Ok(());
    }
    let got = conn.inbox().list.as_deref().map(own).unwrap_or_default();
    let ghosts = got.iter().filter(|name| !expected.contains(name)).count();
    let missing = expected.iter().filter(|name| !got.contains(name)).count();
    Err(CaseFailure::fail(
        format!("after {times} joins and leaves {}'s last list names the {} who are there", conn.actor, expected.len()),
        format!(
            "it has {} names: {ghosts} of users who left, {missing} missing, {} twice",
            got.len(),
            got.len() + missing - ghosts - expected.len()
        ),
    ))
}

async fn monotone(ctx: &mut CaseContext, count: usize) -> StepResult {
    let observer = ctx.connect_as("observer", &numbered_name(&ctx.names, "obse", 0)).await?;
    observer.inbox().kept_lists = Some(Vec::new());
    let joined = connect_users(ctx, "join", count).await?;
    let last = numbered_name(&ctx.names, "join", count - 1);
    observer.wait_list(ctx.env.timeout, |inbox| inbox.list.as_deref()?.contains(&last).then_some(())).await;
    let nonce = ctx.names.nonce().to_owned();
    let lists = observer.inbox().kept_lists.clone().unwrap_or_default();
    let sizes: Vec<usize> =
        lists.iter().map(|list| list.split(',').filter(|name| name.contains(&nonce)).count()).collect();
    drop(joined);
    if sizes.last().is_none_or(|size| *size < count) {
        return Err(CaseFailure::Inconclusive(
            "the observer did not see all of them, so the order of its lists says nothing".to_owned(),
        ));
    }
    match sizes.windows(2).find(|pair| pair[1] < pair[0]) {
        None => Ok(()),
        Some(pair) => Err(CaseFailure::fail(
            "while users only join, no list is shorter than the one before",
            format!("a list of {} names after one of {}", pair[1], pair[0]),
        )),
    }
}

async fn broadcast(ctx: &mut CaseContext, procedure: &JoinLeave) -> StepResult {
    let mut guests = Guests::new(ctx, procedure.users, LeaveStyle::AnyWay);
    let mut steady = connect_users(ctx, "stay", 4).await?;
    let times = ctx.env.scaled(procedure.times, 10);
    for number in 0..times {
        join_or_leave(ctx, &mut guests).await?;
        let _ = steady[0].send(format!("BROADCAST|{}-{number:05}.", ctx.names.nonce()).as_bytes()).await;
    }
    let head = format!("BROADCAST|{}|", steady[0].name.clone().unwrap_or_default());
    for conn in &steady[1..] {
        let own = |inbox: &crate::harness::connection::ConnInbox| -> Vec<Vec<u8>> {
            inbox
                .frames
                .iter()
                .filter(|frame| frame.bytes.starts_with(head.as_bytes()))
                .map(|frame| frame.bytes.clone())
                .collect()
        };
        conn.wait_until(ctx.env.timeout, |inbox| (own(inbox).len() >= times || inbox.end.is_some()).then_some(()))
            .await;
        let got = own(&conn.inbox());
        let once = (0..times).all(|number| {
            let mark = format!("-{number:05}.");
            got.iter().filter(|frame| frame.ends_with(mark.as_bytes())).count() == 1
        });
        if !once {
            return Err(CaseFailure::fail(
                format!("{} was there all the time and gets each of {times} broadcasts once", conn.actor),
                format!("it got {} frames", got.len()),
            ));
        }
    }
    Ok(())
}

pub(super) async fn overlong_list(ctx: &mut CaseContext, count: usize) -> StepResult {
    let mut conns: Vec<Connection> = Vec::new();
    let mut refused = None;
    for index in 0..count {
        let name = numbered_name(&ctx.names, "overlon", index);
        let mut conn = ctx.open(&format!("user{index}")).await?;
        let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
        let answer = conn.wait_until(ctx.env.timeout, |inbox| {
            (inbox.connect_replies > 0 || inbox.end.is_some()).then_some(inbox.logged_in)
        });
        if answer.await != Some(true) {
            refused = Some(index);
            break;
        }
        conns.push(conn);
    }
    let nonce = ctx.names.nonce().to_owned();
    let there = conns.len();
    let Some(last) = conns.last() else {
        return Err(CaseFailure::Inconclusive("nobody could connect".to_owned()));
    };
    let own = |list: &str| list.split(',').filter(|name| name.contains(&nonce)).count();
    last.wait_list(ctx.env.timeout / 2, |inbox| (own(inbox.list.as_deref()?) == there).then_some(())).await;
    let inbox = last.inbox();
    let longest = inbox.list_frames.iter().map(|list| list.len() + 10).max().unwrap_or(0);
    let whole = inbox.list.as_deref().map_or(0, own);
    let policy = match refused {
        Some(_) => "refused",
        None if longest > mychat_proto::MAX_FRAME => "exceeds",
        None if whole == there && inbox.list_frames.len() > 1 => "continued",
        None if whole == there => "continued",
        None => "truncated",
    };
    drop(inbox);
    ctx.observed.push(match policy {
        "refused" => format!("list_over_limit: refused (user {} is not let in)", there + 1),
        "exceeds" => format!("list_over_limit: exceeds (a list of {longest} bytes, beyond T2's 1024)"),
        "truncated" => format!("list_over_limit: truncated ({whole} of {there} names)"),
        _ => format!("list_over_limit: continued ({there} names in several lists)"),
    });
    match ctx.env.declared.get("list_over_limit").cloned() {
        Some(declared) if declared != policy => {
            ctx.declared = true;
            Err(CaseFailure::fail(format!("list_over_limit: {declared}, as declared"), policy))
        }
        _ => Ok(()),
    }
}
