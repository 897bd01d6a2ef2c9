//! Many who connect in the same moment: under one name, of which exactly one may win, or each under its own.

use crate::scenario::model::Procedure;
use crate::script::alive::numbered;
use crate::script::line::Line;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;

/// A server that lets in fewer than these is not full.
const CROWD: usize = 10;

pub(super) async fn race(stage: &mut Stage, procedure: &Procedure) -> Played {
    let same = procedure.is("names", "same");
    let mut connections = procedure.number("connections");
    let mut round = 0;
    while round < stage.around.fewer(procedure.number("rounds"), 3) {
        let mut lines = Vec::with_capacity(connections);
        for index in 0..connections {
            lines.push(stage.open(&format!("racer{index}")).await?);
        }
        for (index, line) in lines.iter_mut().enumerate() {
            let name = numbered(&stage.cast, "race", if same { round } else { index });
            let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
        }
        let mut won = 0;
        for line in &lines {
            let answered = line.until(stage.around.patience, |inbox| {
                (inbox.answers > 0 || inbox.end.is_some() || !inbox.frames.is_empty()).then_some(inbox.welcomed)
            });
            match answered.await {
                Some(welcomed) => won += usize::from(welcomed),
                None => {
                    return Err(Trouble::fail(
                        format!("each of {connections} simultaneous CONNECTs is answered"),
                        format!(
                            "{} had no answer within {}",
                            line.actor,
                            humantime::format_duration(stage.around.patience)
                        ),
                    ));
                }
            }
        }
        let want = if same { 1 } else { connections };
        if !same && (CROWD..connections).contains(&won) && is_full(stage, &mut lines).await {
            // As many as it takes, and the one who comes later.
            connections = won - 1;
            stage.observed.push(format!("it takes {won} users and no more"));
            depart(stage, lines).await;
            continue;
        }
        if won != want {
            let whose = if same { "one name" } else { "a name each" };
            return Err(Trouble::fail(
                format!("of {connections} that ask for {whose} at the same time, exactly {want} get CONNECT_ACK|OK"),
                format!("{won} got CONNECT_ACK|OK (round {})", round + 1),
            ));
        }
        if !same {
            complete(stage, &lines).await?;
        }
        for line in &mut lines {
            let _ = line.send(b"DISCONNECT").await;
            line.finish(false);
        }
        round += 1;
    }
    Ok(())
}

/// Whether those who were refused were so because no more are let in: one who comes alone is refused too, and is not when
/// somebody has left.
async fn is_full(stage: &Stage, lines: &mut [Line]) -> bool {
    if stage.welcome("latecomer", &numbered(&stage.cast, "full", 0)).await.is_ok() {
        return false;
    }
    let Some(user) = lines.iter_mut().find(|line| line.is_user()) else { return false };
    let _ = user.send(b"DISCONNECT").await;
    user.until(stage.around.patience, |inbox| inbox.end).await;
    let Ok(mut newcomer) = stage.welcome("newcomer", &numbered(&stage.cast, "full", 1)).await else { return false };
    let _ = newcomer.send(b"DISCONNECT").await;
    newcomer.until(stage.around.patience, |inbox| inbox.end).await;
    true
}

/// All leave, and are gone.
async fn depart(stage: &Stage, mut lines: Vec<Line>) {
    for line in &mut lines {
        let _ = line.send(b"DISCONNECT").await;
    }
    for line in &lines {
        line.within(stage.around.patience, |inbox| inbox.end).await;
    }
}

/// A late joiner sees them all, and after it has left each of them does.
async fn complete(stage: &mut Stage, lines: &[Line]) -> Played {
    let names: Vec<String> = lines.iter().filter_map(|line| line.name.clone()).collect();
    let missing = |list: &str| names.iter().filter(|name| !list.split(',').any(|other| other == *name)).count();
    let late = numbered(&stage.cast, "late", 0);
    let mut joiner = stage.welcome("latecomer", &late).await?;
    let patience = stage.around.patience;
    let all =
        joiner.until(patience, |inbox| inbox.list.as_deref().is_some_and(|list| missing(list) == 0).then_some(()));
    if all.await.is_none() {
        let left = joiner.inbox().list.as_deref().map_or(names.len(), missing);
        return Err(Trouble::fail(
            format!("a user who joins afterwards gets a list of all {}", names.len()),
            format!("{left} of them are missing in it"),
        ));
    }
    let _ = joiner.send(b"DISCONNECT").await;
    for line in lines {
        let settled = line.until(patience, |inbox| {
            let list = inbox.list.as_deref()?;
            (missing(list) == 0 && !list.split(',').any(|name| name == late)).then_some(())
        });
        if settled.await.is_none() {
            let left = line.inbox().list.as_deref().map_or(names.len(), missing);
            return Err(Trouble::fail(
                format!("the last list of each is all {}, without the one who left", names.len()),
                format!("{}'s last list lacks {left} of them, or still has the one who left", line.actor),
            ));
        }
    }
    Ok(())
}
