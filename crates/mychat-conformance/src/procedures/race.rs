//! Many who connect in the same moment: under one name, of which exactly one may win, or each under its own.

use crate::harness::connection::{Connection, Inbox};
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::liveness::{MIN_CAPACITY, numbered_name};
use mychat_scenario::model::procedures::{Race, RaceNames};

/// How many rounds there are at least: with new connections for all, where a refusal ends them.
const FRESH: usize = 20;

pub(super) async fn race(ctx: &mut CaseContext, race: &Race) -> StepResult {
    if race.names == RaceNames::Same {
        return one_name(ctx, race).await;
    }
    let mut connections = race.connections;
    loop {
        let mut conns = open(ctx, Vec::new(), connections).await?;
        for (index, conn) in conns.iter_mut().enumerate() {
            let name = numbered_name(&ctx.names, "race", index);
            let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
        }
        let mut won = 0;
        for conn in &conns {
            won += usize::from(answered(ctx, conn, 0).await.ok_or_else(|| unanswered(ctx, conn, connections))?);
        }
        if won == connections {
            complete(ctx, &conns).await?;
            leave(conns).await;
            return Ok(());
        }
        if !(MIN_CAPACITY..connections).contains(&won) || !is_full(ctx, &mut conns).await {
            let refused = Evidence::SimultaneousLoginsRefused { accepted: won };
            return Err(CaseFailure::fail(
                format!("of {connections} that ask for a name each at the same time, all get CONNECT_ACK|OK"),
                format!("{won} got CONNECT_ACK|OK"),
            )
            .with(refused));
        }
        // As many as it takes, and the one who comes later.
        connections = won - 1;
        ctx.observed.push(format!("it takes {won} users and no more"));
        depart(ctx, conns).await;
    }
}

/// Where a name is looked up and entered without a lock there are microseconds between the two: whether two fall into
/// them is a matter of luck, and so of many rounds. Who was refused tries the next name on the same connection, which
/// makes rounds cheap, unless this server does not let it.
async fn one_name(ctx: &mut CaseContext, race: &Race) -> StepResult {
    let (connections, rounds) = (race.connections, race.rounds);
    let fit = ctx.env.scaled(rounds, 3);
    let is_brisk = fit == rounds && ctx.env.framing.send.is_terminated();
    let (mut conns, mut again) = (Vec::new(), is_brisk);
    for round in 0..if is_brisk { rounds } else { fit.min(FRESH) } {
        if !again && round >= FRESH {
            break;
        }
        if !again {
            leave(std::mem::take(&mut conns)).await;
        }
        let kept = conns.len();
        conns = open(ctx, conns, connections).await?;
        let before: Vec<usize> = conns.iter().map(|conn| conn.inbox().connect_replies).collect();
        let name = numbered_name(&ctx.names, "race", round);
        for conn in &mut conns {
            let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
        }
        let (mut won, mut silent) = (0, None);
        for (index, conn) in conns.iter().enumerate() {
            match answered(ctx, conn, before[index]).await {
                Some(logged_in) => won += usize::from(logged_in),
                None if index < kept => again = false,
                None => silent = silent.or(Some(index)),
            }
            if silent.is_some() || !again && kept > 0 {
                break;
            }
        }
        if let Some(index) = silent {
            return Err(unanswered(ctx, &conns[index], connections));
        }
        // Whether somebody who was refused may try again is a reading: nobody wins then, and that says nothing.
        if won > 1 || won == 0 && kept == 0 {
            return Err(CaseFailure::fail(
                format!("of {connections} that ask for one name at the same time, exactly 1 gets CONNECT_ACK|OK"),
                format!("{won} got CONNECT_ACK|OK (round {})", round + 1),
            ));
        }
        let once = |(conn, before): (&Connection, &usize)| conn.inbox().connect_replies == before + 1;
        again &= won == 1 && conns.iter().zip(&before).all(once);
        let (gone, stays): (Vec<Connection>, Vec<Connection>) =
            conns.into_iter().partition(|conn| conn.is_user() || !conn.is_open());
        leave(gone).await;
        conns = stays;
    }
    leave(conns).await;
    Ok(())
}

/// As many connections as asked for, with those that are there.
async fn open(
    ctx: &CaseContext,
    mut conns: Vec<Connection>,
    connections: usize,
) -> Result<Vec<Connection>, CaseFailure> {
    for index in conns.len()..connections {
        conns.push(ctx.open(&format!("racer{index}")).await?);
    }
    Ok(conns)
}

/// Whether it is let in; `None`: it has no answer beyond those it had.
async fn answered(ctx: &CaseContext, conn: &Connection, before: usize) -> Option<bool> {
    let look = |inbox: &mut Inbox| {
        let any = before == 0 && !inbox.frames.is_empty();
        (inbox.connect_replies > before || inbox.end.is_some() || any).then_some(inbox.logged_in)
    };
    conn.wait_until(ctx.env.timeout, look).await
}

fn unanswered(ctx: &CaseContext, conn: &Connection, connections: usize) -> CaseFailure {
    let timeout = humantime::format_duration(ctx.env.timeout);
    CaseFailure::fail(
        format!("each of {connections} simultaneous CONNECTs is answered"),
        format!("{} had no answer within {timeout}", conn.actor),
    )
}

async fn leave(mut conns: Vec<Connection>) {
    for conn in &mut conns {
        let _ = conn.send(b"DISCONNECT").await;
        conn.close_sending();
    }
}

/// Whether those who were refused were so because no more are let in: one who comes alone is refused too, and is not when
/// somebody has left.
async fn is_full(ctx: &CaseContext, conns: &mut [Connection]) -> bool {
    if ctx.connect_as("latecomer", &numbered_name(&ctx.names, "full", 0)).await.is_ok() {
        return false;
    }
    let Some(user) = conns.iter_mut().find(|conn| conn.is_user()) else { return false };
    let _ = user.send(b"DISCONNECT").await;
    user.wait_until(ctx.env.timeout, |inbox| inbox.end).await;
    let Ok(mut newcomer) = ctx.connect_as("newcomer", &numbered_name(&ctx.names, "full", 1)).await else {
        return false;
    };
    let _ = newcomer.send(b"DISCONNECT").await;
    newcomer.wait_until(ctx.env.timeout, |inbox| inbox.end).await;
    true
}

/// All leave, and are gone.
async fn depart(ctx: &CaseContext, mut conns: Vec<Connection>) {
    for conn in &mut conns {
        let _ = conn.send(b"DISCONNECT").await;
    }
    for conn in &conns {
        conn.wait_at_most(ctx.env.timeout, |inbox| inbox.end).await;
    }
}

/// A late joiner sees them all, and after it has left each of them does.
async fn complete(ctx: &mut CaseContext, conns: &[Connection]) -> StepResult {
    let names: Vec<String> = conns.iter().filter_map(|conn| conn.name.clone()).collect();
    let missing = |list: &str| names.iter().filter(|name| !list.split(',').any(|other| other == *name)).count();
    let late = numbered_name(&ctx.names, "late", 0);
    let mut joiner = ctx.connect_as("latecomer", &late).await?;
    let timeout = ctx.env.timeout;
    let all =
        joiner.wait_until(timeout, |inbox| inbox.list.as_deref().is_some_and(|list| missing(list) == 0).then_some(()));
    if all.await.is_none() {
        let left = joiner.inbox().list.as_deref().map_or(names.len(), missing);
        return Err(CaseFailure::fail(
            format!("a user who joins afterwards gets a list of all {}", names.len()),
            format!("{left} of them are missing in it"),
        ));
    }
    let _ = joiner.send(b"DISCONNECT").await;
    for conn in conns {
        let settled = conn.wait_until(timeout, |inbox| {
            let list = inbox.list.as_deref()?;
            (missing(list) == 0 && !list.split(',').any(|name| name == late)).then_some(())
        });
        if settled.await.is_none() {
            let left = conn.inbox().list.as_deref().map_or(names.len(), missing);
            return Err(CaseFailure::fail(
                format!("the last list of each is all {}, without the one who left", names.len()),
                format!("{}'s last list lacks {left} of them, or still has the one who left", conn.actor),
            ));
        }
    }
    Ok(())
}
