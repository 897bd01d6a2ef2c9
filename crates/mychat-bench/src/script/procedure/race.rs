//! Many who connect in the same moment: under one name, of which exactly one may win, or each under its own.

use crate::scenario::model::Procedure;
use crate::script::alive::numbered;
use crate::script::line::Line;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;

pub(super) async fn race(stage: &mut Stage, procedure: &Procedure) -> Played {
    let connections = procedure.number("connections");
    for round in 0..stage.around.fewer(procedure.number("rounds"), 3) {
        let same = procedure.is("names", "same");
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
    }
    Ok(())
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
