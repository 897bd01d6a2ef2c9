//! Users who come and go, and the lists that the others get meanwhile and in the end.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use crate::script::alive::{numbered, users};
use crate::script::line::Line;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::model::procedures::{JoinLeave, JoinLeaveCheck};

pub(super) async fn join_leave(stage: &mut Stage, procedure: &JoinLeave) -> Played {
    match procedure.check {
        JoinLeaveCheck::Monotone => monotone(stage, procedure.users).await,
        JoinLeaveCheck::Broadcast => broadcast(stage, procedure).await,
        JoinLeaveCheck::Last => converges(stage, procedure).await,
    }
}

/// How users leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    /// As the protocol says.
    InOrder,
    /// Or by breaking off.
    Anyhow,
}

/// One random join or leave; names go round, so that a name is not taken again at once.
async fn turn(
    stage: &Stage,
    random: &mut ChaCha8Rng,
    here: &mut BTreeMap<usize, Line>,
    slots: usize,
    taken: &mut usize,
    leaving: Leaving,
) -> Played {
    let slot = random.random_range(0..slots);
    if let Some(mut line) = here.remove(&slot) {
        let how = if leaving == Leaving::Anyhow { random.random_range(0..3) } else { 2 };
        match how {
            0 => line.finish(true),
            1 => line.reset(),
            _ => {
                let _ = line.send(b"DISCONNECT").await;
                line.until(stage.around.patience, |inbox| inbox.end).await;
            }
        }
        return Ok(());
    }
    let name = numbered(&stage.cast, "turn", *taken % 10_000);
    *taken += 1;
    let mut line = stage.open(&format!("guest{slot}")).await?;
    let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
    let welcomed =
        line.until(stage.around.patience, |inbox| (inbox.answers > 0 || inbox.end.is_some()).then_some(inbox.welcomed));
    if welcomed.await != Some(true) {
        return Err(Trouble::fail("a user who joins while others leave gets CONNECT_ACK|OK", stage.latest(&line)));
    }
    here.insert(slot, line);
    Ok(())
}

async fn converges(stage: &mut Stage, procedure: &JoinLeave) -> Played {
    let mut random = ChaCha8Rng::seed_from_u64(stage.around.seed);
    let (mut here, mut taken) = (BTreeMap::new(), 0);
    let anchor = stage.welcome("anchor", &numbered(&stage.cast, "anch", 0)).await?;
    let times = stage.around.fewer(procedure.times, 15);
    for _ in 0..times {
        // Whether a connection that breaks off is cleaned up after is asked elsewhere.
        turn(stage, &mut random, &mut here, procedure.users, &mut taken, Leaving::InOrder).await?;
    }
    let mut truth: Vec<String> = here.values().chain([&anchor]).filter_map(|line| line.name.clone()).collect();
    truth.sort_unstable();
    let lines: Vec<&Line> = here.values().chain([&anchor]).collect();
    for round in 0..stage.around.fewer(SENTINELS, 1) {
        // Two come and go as fast as they are let in: the last lists are drawn up close together.
        let mut pair = [stage.open("sentinel0").await?, stage.open("sentinel1").await?];
        for (index, last) in pair.iter_mut().enumerate() {
            let name = numbered(&stage.cast, "last", round * 2 + index);
            let _ = last.send(format!("CONNECT|{name}").as_bytes()).await;
        }
        for last in &pair {
            last.until(stage.around.patience, |inbox| (inbox.answers > 0 || inbox.end.is_some()).then_some(())).await;
        }
        for last in &mut pair {
            let _ = last.send(b"DISCONNECT").await;
        }
        for last in &pair {
            last.until(stage.around.patience, |inbox| inbox.end).await;
        }
        // A list that was drawn up earlier and is sent late comes soon, or never.
        tokio::time::sleep(SETTLED).await;
        for line in &lines {
            true_in_the_end(stage, line, &truth, times).await?;
        }
    }
    Ok(())
}

/// How often somebody comes and goes at the end: whether an old list is sent last is a matter of luck.
const SENTINELS: usize = 4;
const SETTLED: std::time::Duration = std::time::Duration::from_millis(80);

async fn true_in_the_end(stage: &Stage, line: &Line, truth: &[String], times: usize) -> Played {
    let nonce = stage.cast.nonce();
    let own = |list: &str| {
        let mut names: Vec<String> = list.split(',').filter(|name| name.contains(nonce)).map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let right = line.until(stage.around.patience, |inbox| (own(inbox.list.as_deref()?) == truth).then_some(()));
    if right.await.is_some() {
        return Ok(());
    }
    let got = line.inbox().list.as_deref().map(own).unwrap_or_default();
    let ghosts = got.iter().filter(|name| !truth.contains(name)).count();
    let missing = truth.iter().filter(|name| !got.contains(name)).count();
    Err(Trouble::fail(
        format!("after {times} joins and leaves {}'s last list names the {} who are there", line.actor, truth.len()),
        format!(
            "it has {} names: {ghosts} of users who left, {missing} missing, {} twice",
            got.len(),
            got.len() + missing - ghosts - truth.len()
        ),
    ))
}

async fn monotone(stage: &mut Stage, count: usize) -> Played {
    let observer = stage.welcome("observer", &numbered(&stage.cast, "obse", 0)).await?;
    observer.inbox().kept = Some(Vec::new());
    let joined = users(stage, "join", count).await?;
    let last = numbered(&stage.cast, "join", count - 1);
    observer.until(stage.around.patience, |inbox| inbox.list.as_deref()?.contains(&last).then_some(())).await;
    let nonce = stage.cast.nonce().to_owned();
    let lists = observer.inbox().kept.clone().unwrap_or_default();
    let sizes: Vec<usize> =
        lists.iter().map(|list| list.split(',').filter(|name| name.contains(&nonce)).count()).collect();
    drop(joined);
    if sizes.last().is_none_or(|size| *size < count) {
        return Err(Trouble::Inconclusive(
            "the observer did not see all of them, so the order of its lists says nothing".to_owned(),
        ));
    }
    match sizes.windows(2).find(|pair| pair[1] < pair[0]) {
        None => Ok(()),
        Some(pair) => Err(Trouble::fail(
            "while users only join, no list is shorter than the one before",
            format!("a list of {} names after one of {}", pair[1], pair[0]),
        )),
    }
}

async fn broadcast(stage: &mut Stage, procedure: &JoinLeave) -> Played {
    let mut random = ChaCha8Rng::seed_from_u64(stage.around.seed);
    let (mut here, mut taken) = (BTreeMap::new(), 0);
    let mut steady = users(stage, "stay", 4).await?;
    let times = stage.around.fewer(procedure.times, 10);
    for number in 0..times {
        turn(stage, &mut random, &mut here, procedure.users, &mut taken, Leaving::Anyhow).await?;
        let _ = steady[0].send(format!("BROADCAST|{}-{number:05}.", stage.cast.nonce()).as_bytes()).await;
    }
    let head = format!("BROADCAST|{}|", steady[0].name.clone().unwrap_or_default());
    for line in &steady[1..] {
        let own = |inbox: &crate::script::line::Inbox| -> Vec<Vec<u8>> {
            inbox
                .frames
                .iter()
                .filter(|frame| frame.bytes.starts_with(head.as_bytes()))
                .map(|frame| frame.bytes.clone())
                .collect()
        };
        line.until(stage.around.patience, |inbox| (own(inbox).len() >= times || inbox.end.is_some()).then_some(()))
            .await;
        let got = own(&line.inbox());
        let once = (0..times).all(|number| {
            let mark = format!("-{number:05}.");
            got.iter().filter(|frame| frame.ends_with(mark.as_bytes())).count() == 1
        });
        if !once {
            return Err(Trouble::fail(
                format!("{} was there all the time and gets each of {times} broadcasts once", line.actor),
                format!("it got {} frames", got.len()),
            ));
        }
    }
    Ok(())
}

pub(super) async fn overlong_list(stage: &mut Stage, count: usize) -> Played {
    let mut lines: Vec<Line> = Vec::new();
    let mut refused = None;
    for index in 0..count {
        let name = numbered(&stage.cast, "overlon", index);
        let mut line = stage.open(&format!("user{index}")).await?;
        let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
        let answer = line
            .until(stage.around.patience, |inbox| (inbox.answers > 0 || inbox.end.is_some()).then_some(inbox.welcomed));
        if answer.await != Some(true) {
            refused = Some(index);
            break;
        }
        lines.push(line);
    }
    let nonce = stage.cast.nonce().to_owned();
    let there = lines.len();
    let Some(last) = lines.last() else {
        return Err(Trouble::Inconclusive("nobody could connect".to_owned()));
    };
    let own = |list: &str| list.split(',').filter(|name| name.contains(&nonce)).count();
    last.until(stage.around.patience / 2, |inbox| (own(inbox.list.as_deref()?) == there).then_some(())).await;
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
    stage.observed.push(match policy {
        "refused" => format!("list_over_limit: refused (user {} is not let in)", there + 1),
        "exceeds" => format!("list_over_limit: exceeds (a list of {longest} bytes, beyond T2's 1024)"),
        "truncated" => format!("list_over_limit: truncated ({whole} of {there} names)"),
        _ => format!("list_over_limit: continued ({there} names in several lists)"),
    });
    match stage.around.declared.get("list_over_limit").cloned() {
        Some(declared) if declared != policy => {
            stage.declared = true;
            Err(Trouble::fail(format!("list_over_limit: {declared}, as declared"), policy))
        }
        _ => Ok(()),
    }
}
