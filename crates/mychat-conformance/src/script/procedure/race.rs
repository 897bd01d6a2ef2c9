//! Many who connect in the same moment: under one name, of which exactly one may win, or each under its own.

use crate::script::alive::{CROWD, numbered};
use crate::script::line::{Inbox, Line};
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::model::procedures::{Race, RaceNames};

const SAME_NAMES: &str = "names that only begin alike are taken for one: they are compared by a part, or cut (see msg.exact-name and name.long)";
const TOO_MANY: &str = "only so many users are let in at once: an array of a fixed size, a pool of threads, or a race between those who come";

/// How many rounds there are at least: with new connections for all, where a refusal ends them.
const FRESH: usize = 20;

pub(super) async fn race(stage: &mut Stage, race: &Race) -> Played {
    if race.names == RaceNames::Same {
        return one_name(stage, race).await;
    }
    let mut connections = race.connections;
    loop {
        let mut lines = open(stage, Vec::new(), connections).await?;
        for (index, line) in lines.iter_mut().enumerate() {
            let name = numbered(&stage.cast, "race", index);
            let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
        }
        let mut won = 0;
        for line in &lines {
            won += usize::from(answered(stage, line, 0).await.ok_or_else(|| unanswered(stage, line, connections))?);
        }
        if won == connections {
            complete(stage, &lines).await?;
            leave(lines).await;
            return Ok(());
        }
        if !(CROWD..connections).contains(&won) || !is_full(stage, &mut lines).await {
            let _ = stage.blame.set(if won == 1 { SAME_NAMES } else { TOO_MANY });
            return Err(Trouble::fail(
                format!("of {connections} that ask for a name each at the same time, all get CONNECT_ACK|OK"),
                format!("{won} got CONNECT_ACK|OK"),
            ));
        }
        // As many as it takes, and the one who comes later.
        connections = won - 1;
        stage.observed.push(format!("it takes {won} users and no more"));
        depart(stage, lines).await;
    }
}

/// Where a name is looked up and entered without a lock there are microseconds between the two: whether two fall into
/// them is a matter of luck, and so of many rounds. Who was refused tries the next name on the same connection, which
/// makes rounds cheap, unless this server does not let it.
async fn one_name(stage: &mut Stage, race: &Race) -> Played {
    let (connections, rounds) = (race.connections, race.rounds);
    let fit = stage.around.fewer(rounds, 3);
    let is_brisk = fit == rounds && stage.around.manner.send.is_terminated();
    let (mut lines, mut again) = (Vec::new(), is_brisk);
    for round in 0..if is_brisk { rounds } else { fit.min(FRESH) } {
        if !again && round >= FRESH {
            break;
        }
        if !again {
            leave(std::mem::take(&mut lines)).await;
        }
        let kept = lines.len();
        lines = open(stage, lines, connections).await?;
        let before: Vec<usize> = lines.iter().map(|line| line.inbox().answers).collect();
        let name = numbered(&stage.cast, "race", round);
        for line in &mut lines {
            let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
        }
        let (mut won, mut silent) = (0, None);
        for (index, line) in lines.iter().enumerate() {
            match answered(stage, line, before[index]).await {
                Some(welcomed) => won += usize::from(welcomed),
                None if index < kept => again = false,
                None => silent = silent.or(Some(index)),
            }
            if silent.is_some() || !again && kept > 0 {
                break;
            }
        }
        if let Some(index) = silent {
            return Err(unanswered(stage, &lines[index], connections));
        }
        // Whether somebody who was refused may try again is a reading: nobody wins then, and that says nothing.
        if won > 1 || won == 0 && kept == 0 {
            return Err(Trouble::fail(
                format!("of {connections} that ask for one name at the same time, exactly 1 gets CONNECT_ACK|OK"),
                format!("{won} got CONNECT_ACK|OK (round {})", round + 1),
            ));
        }
        let once = |(line, before): (&Line, &usize)| line.inbox().answers == before + 1;
        again &= won == 1 && lines.iter().zip(&before).all(once);
        let (gone, stays): (Vec<Line>, Vec<Line>) =
            lines.into_iter().partition(|line| line.is_user() || !line.is_open());
        leave(gone).await;
        lines = stays;
    }
    leave(lines).await;
    Ok(())
}

/// As many connections as asked for, with those that are there.
async fn open(stage: &Stage, mut lines: Vec<Line>, connections: usize) -> Result<Vec<Line>, Trouble> {
    for index in lines.len()..connections {
        lines.push(stage.open(&format!("racer{index}")).await?);
    }
    Ok(lines)
}

/// Whether it is let in; `None`: it has no answer beyond those it had.
async fn answered(stage: &Stage, line: &Line, before: usize) -> Option<bool> {
    let look = |inbox: &mut Inbox| {
        let any = before == 0 && !inbox.frames.is_empty();
        (inbox.answers > before || inbox.end.is_some() || any).then_some(inbox.welcomed)
    };
    line.until(stage.around.patience, look).await
}

fn unanswered(stage: &Stage, line: &Line, connections: usize) -> Trouble {
    let patience = humantime::format_duration(stage.around.patience);
    Trouble::fail(
        format!("each of {connections} simultaneous CONNECTs is answered"),
        format!("{} had no answer within {patience}", line.actor),
    )
}

async fn leave(mut lines: Vec<Line>) {
    for line in &mut lines {
        let _ = line.send(b"DISCONNECT").await;
        line.finish(false);
    }
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
