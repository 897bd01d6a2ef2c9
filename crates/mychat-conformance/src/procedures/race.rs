//! Many users log in at the same time: with one name, which exactly one of them may get, or with a name each.

use crate::harness::connection::{ConnInbox, Connection};
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::liveness::{MIN_CAPACITY, numbered_name};
use mychat_scenario::model::procedures::{Race, RaceNames};

/// The largest number of rounds with new connections, for a server that does not accept a second `CONNECT` after a refusal.
const MAX_NEW_ROUNDS: usize = 20;

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
            check_all_listed(ctx, &conns).await?;
            leave(conns).await;
            return Ok(());
        }
        if !(MIN_CAPACITY..connections).contains(&won) || !test_full(ctx, &mut conns).await {
            let refused = Evidence::SimultaneousLoginsRefused { accepted: won };
            return Err(CaseFailure::fail(
                format!("of {connections} that ask for a name each at the same time, all get CONNECT_ACK|OK"),
                format!("{won} got CONNECT_ACK|OK"),
            )
            .with(refused));
        }
        // Try again with as many users as fit, and keep one place for the latecomer of `check_all_listed`.
        connections = won - 1;
        ctx.observed.push(format!("it takes {won} users and no more"));
        leave_and_wait(ctx, conns).await;
    }
}

/// Has all users ask for the same name, in many rounds. A server that looks up and registers a name without a lock has a
/// race window of microseconds, which only many rounds hit. Refused users try the next name on the same connection, which
/// makes rounds cheap, unless the server does not allow that.
async fn one_name(ctx: &mut CaseContext, race: &Race) -> StepResult {
    let (connections, rounds) = (race.connections, race.rounds);
    let fit = ctx.env.scaled(rounds, 3);
    let runs_all_rounds = fit == rounds && ctx.env.framing.send.is_terminated();
    let (mut conns, mut again) = (Vec::new(), runs_all_rounds);
    for round in 0..if runs_all_rounds { rounds } else { fit.min(MAX_NEW_ROUNDS) } {
        if !again && round >= MAX_NEW_ROUNDS {
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
        // The server may forbid another CONNECT after a refusal. Then nobody gets the name, which is no failure.
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

/// Adds new connections to `conns` until there are `connections` of them.
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

/// Waits for a reply to `CONNECT` beyond the first `before`. Returns whether the user is logged in; `None` without a reply.
async fn answered(ctx: &CaseContext, conn: &Connection, before: usize) -> Option<bool> {
    let look = |inbox: &mut ConnInbox| {
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

/// Tests if the refusals mean that the server is full: a single user is refused, too, but accepted after another one left.
async fn test_full(ctx: &CaseContext, conns: &mut [Connection]) -> bool {
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

/// Disconnects all users and waits until the server has closed their connections.
async fn leave_and_wait(ctx: &CaseContext, mut conns: Vec<Connection>) {
    for conn in &mut conns {
        let _ = conn.send(b"DISCONNECT").await;
    }
    for conn in &conns {
        conn.wait_at_most(ctx.env.timeout, |inbox| inbox.end).await;
    }
}

/// Fails unless a user who joins later gets a list of all, and everybody gets one after that user left.
async fn check_all_listed(ctx: &mut CaseContext, conns: &[Connection]) -> StepResult {
    let names: Vec<String> = conns.iter().filter_map(|conn| conn.name.clone()).collect();
    let missing = |list: &str| names.iter().filter(|name| !list.split(',').any(|other| other == *name)).count();
    let late = numbered_name(&ctx.names, "late", 0);
    let mut joiner = ctx.connect_as("latecomer", &late).await?;
    let timeout = ctx.env.timeout;
    let all =
        joiner.wait_list(timeout, |inbox| inbox.list.as_deref().is_some_and(|list| missing(list) == 0).then_some(()));
    if all.await.is_none() {
        let left = joiner.inbox().list.as_deref().map_or(names.len(), missing);
        return Err(CaseFailure::fail(
            format!("a user who joins afterwards gets a list of all {}", names.len()),
            format!("{left} of them are missing in it"),
        ));
    }
    let _ = joiner.send(b"DISCONNECT").await;
    for conn in conns {
        let settled = conn.wait_list(timeout, |inbox| {
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
