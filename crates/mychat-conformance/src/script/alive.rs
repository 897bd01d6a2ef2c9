//! Whether a server still serves: two fresh users come, and one message goes through.

use std::time::{Duration, Instant};

use super::line::Line;
use super::outcome::Trouble;
use super::stage::{Stage, Surroundings};
use mychat_scenario::template::actor_names::ActorNames;

/// Names that differ at once: a server that cuts names is a matter for other checks.
const ONE: &str = "abe";
const OTHER: &str = "bea";

/// Says what does not work, or else how long this server takes to answer. It forgives everything but silence: order,
/// glue, wrong fields.
pub async fn alive(around: &Surroundings) -> Result<Duration, String> {
    let mut stage = Stage::empty("robust.alive", around.clone());
    let found = look(&mut stage).await;
    stage.leave().await;
    found
}

async fn look(stage: &mut Stage) -> Result<Duration, String> {
    let patience = stage.around.patience;
    let mut pace = Duration::MAX;
    for (actor, called) in [("one", ONE), ("two", OTHER)] {
        let name = stage.cast.wire(called);
        let mut line = stage.open(actor).await.map_err(|_| "the server takes no connection any more".to_owned())?;
        let asked = Instant::now();
        let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
        let welcomed = |inbox: &mut super::line::Inbox| {
            if inbox.welcomed || inbox.holds(b"CONNECT_ACK|OK") { Some(true) } else { inbox.end.map(|_| false) }
        };
        if line.within(patience, welcomed).await != Some(true) {
            return Err(match actor {
                "one" => "a fresh user could not connect".to_owned(),
                _ => "while one user was connected, a second one could not connect".to_owned(),
            });
        }
        // The shorter of the two: a hiccup of this machine is no habit of the server.
        pace = pace.min(asked.elapsed());
        stage.lines.insert(actor.to_owned(), line);
    }
    let to = stage.cast.wire(OTHER);
    if passes(stage, &to, "MESSAGE").await || passes(stage, "", "BROADCAST").await {
        return Ok(pace);
    }
    Err("a fresh user's message did not reach another".to_owned())
}

async fn passes(stage: &mut Stage, to: &str, command: &str) -> bool {
    let patience = stage.around.patience / 2;
    // Small letters alone: what a server does to others is for the checks to say.
    let mark = format!("live{}{}", stage.cast.nonce(), if to.is_empty() { "all" } else { "one" });
    let frame = if to.is_empty() { format!("{command}|{mark}") } else { format!("{command}|{to}|{mark}") };
    let Some(line) = stage.lines.get_mut("one") else { return false };
    let _ = line.send(frame.as_bytes()).await;
    let Some(line) = stage.lines.get("two") else { return false };
    let arrived =
        line.within(patience, |inbox| if inbox.holds(mark.as_bytes()) { Some(true) } else { inbox.end.map(|_| false) });
    arrived.await == Some(true)
}

/// A server that takes fewer than these is not full.
pub const CROWD: usize = 10;

/// Users for procedures: each connected, in order.
pub async fn users(stage: &mut Stage, stem: &str, count: usize) -> Result<Vec<Line>, Trouble> {
    let mut lines = Vec::with_capacity(count);
    for index in 0..count {
        let name = numbered(&stage.cast, stem, index);
        let mut line = stage.open(&format!("{stem}{index}")).await?;
        if let Err(trouble) = stage.introduce(&mut line, &name).await {
            let says_full = line.within(stage.around.quiet(), |inbox| inbox.holds(b"ERROR|503|").then_some(()));
            if index >= CROWD && says_full.await.is_some() {
                return Err(Trouble::Skipped(format!(
                    "it takes {count} users, and the server is full (503) with {index}"
                )));
            }
            return Err(trouble);
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The wire name of one of many: equally long whatever the number.
pub fn numbered(cast: &ActorNames, stem: &str, index: usize) -> String {
    format!("{stem}{}{index:04}", cast.nonce())
}
