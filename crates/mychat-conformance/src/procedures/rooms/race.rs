//! Members of a room who act at the same time, in many rounds. For a correct server, the verdict is the same in every order.

use super::members::{
    await_frame, connect_members, frames_from, humanize, join, join_in_order, name, send, unanswered,
};
use super::replay::{ReceivedFrames, Replay};
use super::together;
use crate::harness::connection::{ConnInbox, Connection};
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use mychat_scenario::model::procedures::{RoomRace, RoomRaceKind};

/// The number of rounds with a slow server.
const FEWEST_ROUNDS: usize = 3;
/// The observer, who stays, and the users who act.
const USERS: usize = 4;

/// One user of a race.
#[derive(Debug)]
struct Racer {
    /// The number of requests so far that have an answer of their own.
    requests: usize,
    /// The place of the first frame of the race.
    from: usize,
}

pub(in crate::procedures) async fn room_race(ctx: &mut CaseContext, race: &RoomRace) -> StepResult {
    let rounds = ctx.env.scaled(race.rounds, FEWEST_ROUNDS);
    match race.of {
        RoomRaceKind::Leave | RoomRaceKind::Kick | RoomRaceKind::Order => compare_members(ctx, race.of, rounds).await,
        RoomRaceKind::Create => together::create(ctx, rounds).await,
        RoomRaceKind::Operators => together::operators_leave(ctx, rounds).await,
        RoomRaceKind::Duel => together::duel(ctx, rounds).await,
    }
}

/// Lets users act in one room and compares what they got with what the first one got, who stays.
async fn compare_members(ctx: &mut CaseContext, of: RoomRaceKind, rounds: usize) -> StepResult {
    let room = format!("race{}", ctx.names.nonce());
    let mut users = connect_members(ctx, "race", USERS).await?;
    join_in_order(ctx, &mut users, &room).await?;
    // The race begins behind the frames of the joins.
    let joined = format!("JOIN|{room}|{}", users.last().map(name).unwrap_or_default());
    for user in &users {
        await_frame(ctx, user, 0, |frame| frame == joined.as_bytes()).await?;
    }
    let mut racers: Vec<Racer> =
        users.iter().map(|user| Racer { requests: 0, from: user.inbox().frames.len() }).collect();
    for round in 0..rounds {
        for turn in 0..USERS {
            // Another one is first in each round.
            let number = (turn + round) % USERS;
            let requests = requests(of, number, round, &room, &users);
            if !requests.is_empty() {
                racers[number].requests += requests.iter().filter(|request| !request.starts_with("BROADCAST|")).count();
                send(&mut users[number], &requests.join("\n")).await;
            }
        }
        for (user, racer) in users.iter().zip(&racers) {
            await_answers(ctx, user, racer, &room).await?;
        }
        if of == RoomRaceKind::Kick {
            // Its frames are part of the order, too.
            join(ctx, &mut users[TARGET], &room).await.map_err(|failure| rejoin_failed(&failure))?;
            racers[TARGET].requests += 1;
        }
    }
    end_of_order(ctx, &mut users).await?;
    compare(ctx, &room, &users, &racers)
}

/// The user who is kicked.
const TARGET: usize = 2;

/// Returns the requests of a user in one round. The first user creates the room, observes and never leaves.
fn requests(of: RoomRaceKind, number: usize, round: usize, room: &str, users: &[Connection]) -> Vec<String> {
    let nonce = name(&users[0]);
    let say = |text: &str| format!("SAY|{room}|{text} {round} of {number}");
    let broadcast = || format!("BROADCAST|all {round} of {number} {nonce}");
    match (of, number) {
        (RoomRaceKind::Kick, 0) => vec![format!("KICK|{room}|{}", name(&users[TARGET]))],
        (RoomRaceKind::Kick, TARGET) => ["one", "two", "three"].map(say).to_vec(),
        (RoomRaceKind::Leave, 0) => Vec::new(),
        (RoomRaceKind::Leave, 2..) => vec![format!("LEAVE|{room}"), format!("JOIN|{room}")],
        _ => vec![say("before"), broadcast(), say("after")],
    }
}

/// Waits until each request of a user is answered: by its own echo, or by an error (rule Q1).
async fn await_answers(ctx: &CaseContext, user: &Connection, racer: &Racer, room: &str) -> StepResult {
    let own: Vec<String> = ["JOIN", "LEAVE", "SAY", "KICK"].map(|verb| format!("{verb}|{room}|{}", name(user))).into();
    let is_answer = |frame: &[u8]| {
        let is_own = |own: &String| {
            frame.strip_prefix(own.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"|"))
        };
        frame.starts_with(b"ERROR|") || own.iter().any(is_own)
    };
    let count =
        |inbox: &ConnInbox| inbox.frames.iter().skip(racer.from).filter(|frame| is_answer(&frame.bytes)).count();
    let answered = user.wait_until(ctx.env.timeout, |inbox| {
        if count(inbox) >= racer.requests { Some(true) } else { inbox.end.map(|_| false) }
    });
    if answered.await == Some(true) && count(&user.inbox()) == racer.requests {
        return Ok(());
    }
    let got = format!("{} requests had {} answers", racer.requests, count(&user.inbox()));
    Err(unanswered(ctx, user, &got))
}

fn rejoin_failed(failure: &CaseFailure) -> CaseFailure {
    let got = if let CaseFailure::Fail { got, .. } = failure { got.clone() } else { "it could not".to_owned() };
    CaseFailure::fail("a user who was kicked joins again", got)
}

/// Sends a broadcast, which has its place behind all that was answered, and waits until all others have got it.
async fn end_of_order(ctx: &CaseContext, users: &mut [Connection]) -> StepResult {
    let Some((first, others)) = users.split_first_mut() else { return Ok(()) };
    let mark = format!("end {}", name(first));
    send(first, &format!("BROADCAST|{mark}")).await;
    let end = format!("BROADCAST|{}|{mark}", name(first));
    for user in &*others {
        await_frame(ctx, user, 0, |frame| frame == end.as_bytes()).await?;
    }
    // It need not get its own broadcast.
    let Some(second) = others.first_mut() else { return Ok(()) };
    let end = format!("BROADCAST|{}|{mark}", name(second));
    send(second, &format!("BROADCAST|{mark}")).await;
    await_frame(ctx, first, 0, |frame| frame == end.as_bytes()).await.map(|_| ())
}

/// Compares the frames of all users with those of the first one.
fn compare(ctx: &CaseContext, room: &str, users: &[Connection], racers: &[Racer]) -> StepResult {
    let received: Vec<ReceivedFrames> = users
        .iter()
        .zip(racers)
        .map(|(user, racer)| ReceivedFrames {
            name: name(user).as_bytes().to_vec(),
            frames: without_end(frames_from(user, racer.from)),
        })
        .collect();
    let members: Vec<Vec<u8>> = received.iter().map(|user| user.name.clone()).collect();
    let replay = Replay { room, nonce: ctx.names.nonce(), members: &members };
    let Some((observer, others)) = received.split_first() else { return Ok(()) };
    for (user, conn) in others.iter().zip(&users[1..]) {
        replay.compare(observer, user).map_err(|found| {
            ctx.config.wire_log.mark(&conn.actor, &found.frame);
            CaseFailure::fail(humanize(users, &found.want), humanize(users, &found.got))
        })?;
    }
    Ok(())
}

/// Leaves out the broadcasts of [`end_of_order`], which not all users got before the comparison.
fn without_end(mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    frames.retain(|frame| {
        let content = frame.splitn(3, |byte| *byte == b'|').nth(2).unwrap_or_default();
        !(frame.starts_with(b"BROADCAST|") && content.starts_with(b"end "))
    });
    frames
}
