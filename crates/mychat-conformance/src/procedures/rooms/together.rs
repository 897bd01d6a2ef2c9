//! Rounds in which two users act at the same time on one room: they create it, leave it, or kick each other.

use std::collections::BTreeSet;

use super::members::{await_frame, connect_members, frames_from, humanize, join, join_in_order, leave, name, send};
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::steps::rooms::split_names;

/// Two users create one room: exactly one of them comes first and is its operator (rules Q3 and Q6).
pub(super) async fn create(ctx: &mut CaseContext, rounds: usize) -> StepResult {
    let mut users = connect_members(ctx, "new", 2).await?;
    for round in 0..rounds {
        let room = format!("new{}x{round}", ctx.names.nonce());
        let from: Vec<usize> = users.iter().map(|user| user.inbox().frames.len()).collect();
        send(&mut users[round % 2], &format!("JOIN|{room}")).await;
        send(&mut users[1 - round % 2], &format!("JOIN|{room}")).await;
        let last = format!("OPERATORS|{room}|");
        for (user, from) in users.iter().zip(&from) {
            await_frame(ctx, user, *from, |frame| frame.starts_with(last.as_bytes())).await?;
        }
        check_creators(&users, &from, &room)?;
        for user in &mut users {
            leave(ctx, user, &room).await?;
        }
    }
    Ok(())
}

fn check_creators(users: &[Connection], from: &[usize], room: &str) -> StepResult {
    let state = |at: usize| {
        let frames = frames_from(&users[at], from[at]);
        (list(&frames, "MEMBERS", room), list(&frames, "OPERATORS", room))
    };
    let own = |at: usize| BTreeSet::from([name(&users[at]).as_bytes().to_vec()]);
    let both: BTreeSet<Vec<u8>> = own(0).union(&own(1)).cloned().collect();
    let is_first = |at: usize| state(at) == (own(at), own(at));
    let is_second = |at: usize| state(at) == (both.clone(), own(1 - at));
    if is_first(0) && is_second(1) || is_first(1) && is_second(0) {
        return Ok(());
    }
    let shown = |at: usize| {
        let (members, operators) = state(at);
        format!("{} got the members {} and the operators {}", name(&users[at]), joined(&members), joined(&operators))
    };
    let want = "of two who create a room at the same time, one is alone in it and its operator; the other one joins it";
    Err(CaseFailure::fail(want, humanize(users, &format!("{}; {}", shown(0), shown(1)))))
}

/// The only operator and the member who has been in the room for the longest time leave: the third one is told in each order
/// that it is the operator in the end (rule Q6).
pub(super) async fn operators_leave(ctx: &mut CaseContext, rounds: usize) -> StepResult {
    let mut users = connect_members(ctx, "ops", 3).await?;
    for round in 0..rounds {
        let room = format!("ops{}x{round}", ctx.names.nonce());
        join_in_order(ctx, &mut users, &room).await?;
        let from = users[2].inbox().frames.len();
        send(&mut users[round % 2], &format!("LEAVE|{room}")).await;
        send(&mut users[1 - round % 2], &format!("LEAVE|{room}")).await;
        let [first, second, third] = [0, 1, 2].map(|at| name(&users[at]).to_owned());
        let end = format!("OPERATORS|{room}|{third}");
        await_frame(ctx, &users[2], from, |frame| frame == end.as_bytes()).await?;
        let gone = |user: &str| format!("LEAVE|{room}|{user}");
        let orders = [
            vec![gone(&first), format!("OPERATORS|{room}|{second}"), gone(&second), end.clone()],
            vec![gone(&second), gone(&first), end.clone()],
        ];
        let got: Vec<String> = frames_from(&users[2], from)
            .iter()
            .map(|frame| String::from_utf8_lossy(frame).into_owned())
            .filter(|frame| frame.starts_with("LEAVE|") || frame.starts_with("OPERATORS|"))
            .collect();
        if !orders.contains(&got) {
            let want = format!("{third} gets {}, or {}", orders[0].join(", "), orders[1].join(", "));
            return Err(CaseFailure::fail(humanize(&users, &want), humanize(&users, &got.join(", "))));
        }
        leave(ctx, &mut users[2], &room).await?;
    }
    Ok(())
}

/// Two operators kick each other: the first one in the order wins, and the other one is no member any more (rule Q6).
pub(super) async fn duel(ctx: &mut CaseContext, rounds: usize) -> StepResult {
    let mut users = connect_members(ctx, "duel", 3).await?;
    let room = format!("duel{}", ctx.names.nonce());
    join_in_order(ctx, &mut users, &room).await?;
    let mut operator = 0;
    for round in 0..rounds {
        let from: Vec<usize> = users.iter().map(|user| user.inbox().frames.len()).collect();
        grant(ctx, &mut users, operator, 1 - operator, &room).await?;
        for at in [round % 2, 1 - round % 2] {
            let target = name(&users[1 - at]).to_owned();
            send(&mut users[at], &format!("KICK|{room}|{target}")).await;
        }
        for at in [0, 1] {
            let own = format!("KICK|{room}|{}|", name(&users[at]));
            let is_answer = |frame: &[u8]| frame.starts_with(own.as_bytes()) || frame.starts_with(b"ERROR|");
            await_frame(ctx, &users[at], from[at], is_answer).await?;
        }
        operator = check_duel(&users, &from, &room)?;
        join(ctx, &mut users[1 - operator], &room).await?;
        // The observer has all frames of this round when it has got this one.
        let joined = format!("JOIN|{room}|{}", name(&users[1 - operator]));
        await_frame(ctx, &users[2], from[2], |frame| frame == joined.as_bytes()).await?;
        let kicks = frames_from(&users[2], from[2]).iter().filter(|frame| frame.starts_with(b"KICK|")).count();
        if kicks != 1 {
            let want = "of two operators who kick each other at the same time, one is kicked";
            return Err(CaseFailure::fail(want, format!("the other member got {kicks} KICKs")));
        }
    }
    Ok(())
}

async fn grant(ctx: &CaseContext, users: &mut [Connection], by: usize, to: usize, room: &str) -> StepResult {
    let from = users[to].inbox().frames.len();
    let target = name(&users[to]).to_owned();
    send(&mut users[by], &format!("GRANT|{room}|{target}")).await;
    let granted = format!("GRANT|{room}|{}|{target}", name(&users[by]));
    await_frame(ctx, &users[to], from, |frame| frame == granted.as_bytes()).await.map(|_| ())
}

/// Returns the user who won: the other one got its `KICK`, and `ERROR|404` for its own.
fn check_duel(users: &[Connection], from: &[usize], room: &str) -> Result<usize, CaseFailure> {
    let got = |at: usize, start: &str| {
        let frames = frames_from(&users[at], from[at]);
        frames.iter().filter(|frame| frame.starts_with(start.as_bytes())).count()
    };
    let kick = |by: usize| format!("KICK|{room}|{}|{}", name(&users[by]), name(&users[1 - by]));
    let has_won = |at: usize| got(at, &kick(at)) == 1 && got(at, "ERROR|") == 0 && got(1 - at, "ERROR|404|") == 1;
    match [has_won(0), has_won(1)] {
        [true, false] => Ok(0),
        [false, true] => Ok(1),
        _ => {
            let want = "of two operators who kick each other at the same time, the first one kicks the other one, who gets \
                        ERROR|404 for its own KICK";
            let kicks = [got(0, &kick(0)), got(1, &kick(1))];
            let errors = [got(0, "ERROR|"), got(1, "ERROR|")];
            Err(CaseFailure::fail(want, format!("they got {kicks:?} echoes and {errors:?} errors")))
        }
    }
}

/// Returns the names in the first list of this kind.
fn list(frames: &[Vec<u8>], verb: &str, room: &str) -> BTreeSet<Vec<u8>> {
    let head = format!("{verb}|{room}|");
    let found = frames.iter().find_map(|frame| frame.strip_prefix(head.as_bytes()));
    found.map(split_names).unwrap_or_default().into_iter().collect()
}

fn joined(names: &BTreeSet<Vec<u8>>) -> String {
    let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}
