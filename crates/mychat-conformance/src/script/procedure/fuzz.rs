//! Messages with seeded damage; where one does harm, the smallest that does is searched for.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::Instant;

use crate::script::alive::numbered;
use crate::script::line::Line;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::model::procedures::Fuzz;
use mychat_scenario::template::text;

/// After so many messages somebody looks whether others still work.
const BATCH: usize = 50;
/// The search for the smallest input ends after this time, with what it has.
const SEARCH: Duration = Duration::from_secs(12);

pub(super) async fn fuzz(stage: &mut Stage, fuzz: &Fuzz) -> Played {
    let mut random = ChaCha8Rng::seed_from_u64(stage.around.seed);
    let count = stage.around.fewer(fuzz.frames, 100);
    let deadline = Instant::now() + stage.around.longest / 2;
    let frames: Vec<Vec<u8>> = (0..count).map(|_| damaged(&mut random, stage.cast.nonce())).collect();
    let mut names = 0;
    let mut pair = Pair::come(stage, &mut names).await?;
    let mut lines: Vec<Option<Line>> = (0..fuzz.connections.max(1)).map(|_| None).collect();
    for (number, batch) in frames.chunks(BATCH).enumerate() {
        if Instant::now() > deadline {
            stage.observed.push(format!("{} messages, and no time for more", number * BATCH));
            break;
        }
        let harm = harm(stage, batch, &mut lines, &mut pair, &mut names).await;
        if let Some(harm) = harm {
            drop((lines, pair));
            let (from, to) = (number * BATCH + 1, number * BATCH + batch.len());
            let smallest = smallest(stage, batch.to_vec(), &mut names).await;
            let words = match smallest.as_slice() {
                [one] => format!("the smallest input found that does it: {}", text::shown(one)),
                [] => format!("it was one of the messages {from} to {to}"),
                some => format!(
                    "{} messages do it together, the last is {}",
                    some.len(),
                    text::shown(&some[some.len() - 1])
                ),
            };
            let seed = stage.around.seed;
            return Err(Trouble::fail(
                "after damaged messages of others two bystanders still write to each other, and new users can connect",
                stage.cast.humanize(&format!("{harm}; {words} (seed {seed})")),
            ));
        }
    }
    Ok(())
}

/// Two users who have nothing to do with it.
struct Pair {
    one: Line,
    other: Line,
    marks: usize,
}

impl Pair {
    async fn come(stage: &Stage, names: &mut usize) -> Result<Self, Trouble> {
        *names += 2;
        let one = stage.welcome("bystander", &numbered(&stage.cast, "byst", *names)).await?;
        let other = stage.welcome("neighbour", &numbered(&stage.cast, "byst", *names + 1)).await?;
        Ok(Self { one, other, marks: 0 })
    }

    /// Waits until all that a connection said has been looked at: a message behind it arrives, or it is closed.
    async fn behind(&mut self, stage: &Stage, line: &mut Line) {
        let to = self.other.name.clone().unwrap_or_default();
        self.marks += 1;
        let mark = format!("{}-behind-{}.", stage.cast.nonce(), self.marks);
        let _ = line.send(format!("MESSAGE|{to}|{mark}").as_bytes()).await;
        let patience = stage.around.patience / 2;
        let arrived =
            self.other.within(patience, |inbox| (inbox.holds(mark.as_bytes()) || inbox.end.is_some()).then_some(()));
        let closed = async {
            // Open for all the time: then it is the other who decides.
            if line.within(patience, |inbox| inbox.end).await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = arrived => {}
            () = closed => {}
        }
    }

    async fn works(&mut self, stage: &Stage) -> bool {
        let to = self.other.name.clone().unwrap_or_default();
        self.marks += 1;
        let mark = format!("{}-still-{}.", stage.cast.nonce(), self.marks);
        let _ = self.one.send(format!("MESSAGE|{to}|{mark}").as_bytes()).await;
        let arrived = self.other.until(stage.around.patience, |inbox| {
            if inbox.holds(mark.as_bytes()) { Some(true) } else { inbox.end.map(|_| false) }
        });
        arrived.await == Some(true)
    }
}

/// Sends messages and says what harm they did, if any. Hanging up on nonsense is none.
async fn harm(
    stage: &Stage,
    frames: &[Vec<u8>],
    lines: &mut [Option<Line>],
    pair: &mut Pair,
    names: &mut usize,
) -> Option<String> {
    for (number, frame) in frames.iter().enumerate() {
        let index = number % lines.len();
        if !lines[index].as_ref().is_some_and(Line::is_open) {
            *names += 1;
            let name = numbered(&stage.cast, "fuzz", *names % 10_000);
            match stage.welcome(&format!("fuzzer{index}"), &name).await {
                Ok(line) => lines[index] = Some(line),
                Err(_) => return Some("no new user can connect".to_owned()),
            }
        }
        if let Some(line) = &mut lines[index] {
            let _ = line.send(frame).await;
        }
    }
    for line in lines.iter_mut().flatten().filter(|line| line.is_open()) {
        pair.behind(stage, line).await;
    }
    (!pair.works(stage).await).then(|| "a message between two bystanders no longer arrives".to_owned())
}

/// Leaves out what is not needed: half of the messages, then parts of the last one. Empty where it cannot be repeated.
async fn smallest(stage: &mut Stage, frames: Vec<Vec<u8>>, names: &mut usize) -> Vec<Vec<u8>> {
    let deadline = Instant::now() + SEARCH;
    if !repeats(stage, &frames, names).await {
        return Vec::new();
    }
    let mut frames = frames;
    'fewer: while frames.len() > 1 {
        for part in [frames.len() / 2..frames.len(), 0..frames.len() / 2] {
            if Instant::now() > deadline {
                return frames;
            }
            if repeats(stage, &frames[part.clone()], names).await {
                frames = frames[part].to_vec();
                continue 'fewer;
            }
        }
        return frames;
    }
    let mut size = frames[0].len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < frames[0].len() {
            if Instant::now() > deadline {
                return frames;
            }
            let mut shorter = frames[0].clone();
            shorter.drain(at..(at + size).min(frames[0].len()));
            if !shorter.is_empty() && repeats(stage, std::slice::from_ref(&shorter), names).await {
                frames[0] = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    frames
}

/// Whether these messages do harm again, to a server started afresh where that can be done.
async fn repeats(stage: &Stage, frames: &[Vec<u8>], names: &mut usize) -> bool {
    let mut pair = Pair::come(stage, names).await;
    if pair.is_err()
        && let Some(watch) = &stage.around.watch
        && watch.start_afresh().await.is_ok()
    {
        pair = Pair::come(stage, names).await;
    }
    let Ok(mut pair) = pair else { return false };
    harm(stage, frames, &mut [None], &mut pair, names).await.is_some()
}

fn damaged(random: &mut ChaCha8Rng, nonce: &str) -> Vec<u8> {
    let seeds = [
        "MESSAGE|nobody|hi",
        "BROADCAST|hello",
        "CONNECT|x",
        "USER_LIST|a,b",
        "ERROR|404|x",
        "MESSAGE||",
        "|||",
        "BROADCAST",
    ];
    let mut frame = format!("{}{nonce}", seeds[random.random_range(0..seeds.len())]).into_bytes();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..frame.len().max(1));
        match random.random_range(0..4) {
            0 if at < frame.len() => frame[at] = random.random(),
            1 if at < frame.len() => {
                frame.remove(at);
            }
            2 => frame.insert(at.min(frame.len()), b'|'),
            _ => frame.insert(at.min(frame.len()), random.random()),
        }
    }
    frame.retain(|byte| *byte != b'\n');
    frame
}
