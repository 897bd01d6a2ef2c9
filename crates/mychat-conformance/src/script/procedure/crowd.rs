//! Many connections: that come and go, that all talk, or that hardly say anything.

use std::time::{Duration, Instant};

use crate::script::alive::{numbered, users};
use crate::script::line::Line;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::model::procedures::{Churn, ManyConnections, Trickle};

/// Descriptors and threads that may come and go without being a leak.
const SLACK: u64 = 2;
/// A server that lets connections in slowly is not asked to let in more than it can in this time.
const ROUND: Duration = Duration::from_secs(10);

pub(super) async fn churn(stage: &mut Stage, churn: &Churn) -> Played {
    let total = stage.around.fewer(churn.connections, 10);
    let at_once = stage.around.fewer(churn.at_once.max(1), 5);
    let counted = churn.count_resources;
    let rounds = if counted { 2 } else { 1 };
    let mut base = None;
    for round in 0..rounds {
        let mut done = 0;
        let started = Instant::now();
        while done < total && started.elapsed() < ROUND {
            let mut lines = Vec::with_capacity(at_once);
            for index in 0..at_once.min(total - done) {
                lines.push(stage.open("passerby").await?);
                if churn.users
                    && let Some(line) = lines.last_mut()
                {
                    let name = numbered(&stage.cast, "pass", (round * total + done + index) % 10_000);
                    let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
                }
            }
            done += lines.len();
            for mut line in lines {
                if churn.users {
                    line.until(stage.around.patience, |inbox| (inbox.answers > 0 || inbox.end.is_some()).then_some(()))
                        .await;
                }
                line.finish(true);
            }
        }
        if !counted {
            continue;
        }
        let Some(watch) = stage.around.watch.clone() else { continue };
        match base {
            // The first round warms up what is kept for good: thread pools, caches.
            None => base = Some(settled(&watch, None).await),
            Some(base) => {
                let now = settled(&watch, Some(base)).await;
                let (fds, threads) = base;
                if now.0 > fds + SLACK || now.1 > threads + SLACK {
                    return Err(Trouble::fail(
                        format!(
                            "after {done} connections came and went: {fds} descriptors and {threads} threads, as before"
                        ),
                        format!("{} descriptors and {} threads", now.0, now.1),
                    ));
                }
                stage
                    .observed
                    .push(format!("{} descriptors and {} threads after {done} connections, as before", now.0, now.1));
            }
        }
    }
    Ok(())
}

/// Waits a moment for the counts to come down.
async fn settled(watch: &mychat_target::spawn::Watch, base: Option<(u64, u64)>) -> (u64, u64) {
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut last = (u64::MAX, u64::MAX);
    loop {
        let usage = watch.usage();
        let now = (usage.fds, usage.threads);
        let fine = base.map_or(now == last, |(fds, threads)| now.0 <= fds + SLACK && now.1 <= threads + SLACK);
        if fine || Instant::now() > deadline {
            return now;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(super) async fn many_connections(stage: &mut Stage, procedure: &ManyConnections) -> Played {
    let count = stage.around.fewer(procedure.users, 10);
    if procedure.simultaneous {
        return storm(stage, count).await;
    }
    let mut lines = users(stage, "many", count).await?;
    let broadcasts = procedure.broadcasts;
    for line in &lines {
        line.inbox().count_only = true;
    }
    for number in 0..broadcasts {
        for line in &mut lines {
            let _ = line.send(format!("BROADCAST|{}-{number}", stage.cast.nonce()).as_bytes()).await;
        }
    }
    let others = ((count - 1) * broadcasts) as u64;
    let mut delivered = 0;
    for line in &lines {
        let all =
            line.until(stage.around.patience, |inbox| (inbox.count >= others || inbox.end.is_some()).then_some(()));
        all.await;
        delivered += line.inbox().count;
    }
    let (least, most) = (others * count as u64, (others + broadcasts as u64) * count as u64);
    if (least..=most).contains(&delivered) {
        stage.observed.push(format!("{count} users, {delivered} deliveries"));
        return Ok(());
    }
    Err(Trouble::fail(
        format!("{least} deliveries, or {most} with the senders' own"),
        format!("{delivered} deliveries among {count} users"),
    ))
}

/// All connect at once.
async fn storm(stage: &mut Stage, count: usize) -> Played {
    let stage = &*stage;
    let started = Instant::now();
    let mut pending = tokio::task::JoinSet::new();
    for index in 0..count {
        let name = numbered(&stage.cast, "storm", index);
        let opening = stage.opening(&format!("storm{index}"));
        let patience = stage.around.patience;
        pending.spawn(async move {
            let mut line: Line = opening.await.ok()?;
            line.send(format!("CONNECT|{name}").as_bytes()).await.ok()?;
            let answered =
                line.until(patience, |inbox| (inbox.answers > 0 || inbox.end.is_some()).then_some(inbox.welcomed));
            (answered.await == Some(true)).then_some(line)
        });
    }
    let lines: Vec<Line> = pending.join_all().await.into_iter().flatten().collect();
    if lines.len() == count {
        return Ok(());
    }
    let taken = started.elapsed().as_secs_f64();
    Err(Trouble::fail(
        format!("{count} users who come at once are all let in"),
        format!("{} of them were let in after {taken:.1} s", lines.len()),
    ))
}

pub(super) async fn trickle(stage: &mut Stage, trickle: &Trickle) -> Played {
    let mut lines = Vec::new();
    for index in 0..stage.around.fewer(trickle.connections, 10) {
        lines.push(stage.open(&format!("drip{index}")).await?);
    }
    for byte in b"CON".iter().take(1 + trickle.seconds) {
        for line in &mut lines {
            let _ = line.put(&[*byte]).await;
        }
        let started = Instant::now();
        let mut pair = users(stage, "norm", 2).await.map_err(|_| {
            Trouble::fail(
                "others can connect while 50 connections say almost nothing",
                "a fresh user could not connect",
            )
        })?;
        let to = pair[1].name.clone().unwrap_or_default();
        let mark = format!("{}-drip", stage.cast.nonce());
        let _ = pair[0].send(format!("MESSAGE|{to}|{mark}").as_bytes()).await;
        let arrived = pair[1].until(stage.around.patience, |inbox| inbox.holds(mark.as_bytes()).then_some(()));
        if arrived.await.is_none() {
            return Err(Trouble::fail(
                "others' messages arrive while 50 connections say almost nothing",
                "one did not arrive",
            ));
        }
        for line in &mut pair {
            let _ = line.send(b"DISCONNECT").await;
            line.within(stage.around.patience / 4, |inbox| inbox.end).await;
        }
        tokio::time::sleep(Duration::from_millis(300).saturating_sub(started.elapsed())).await;
    }
    Ok(())
}
