//! Sends damaged messages drawn from a seed. If some do harm, searches the smallest input that does.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::Instant;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::harness::join_all;
use crate::harness::liveness::numbered_name;
use crate::harness::pace::Awaited;
use mychat_scenario::model::procedures::Fuzz;
use mychat_scenario::template::text;

/// The number of messages between two checks of the bystanders.
const BATCH: usize = 50;
/// The search for the smallest input ends after this time, with what it has.
const SEARCH: Duration = Duration::from_secs(5);
/// The longest wait for a later message of a user who sent damaged ones. If it is too short, a later batch shows the harm.
const HANDLED: Duration = Duration::from_millis(400);

pub(super) async fn fuzz(ctx: &mut CaseContext, fuzz: &Fuzz) -> StepResult {
    let mut random = ChaCha8Rng::seed_from_u64(ctx.env.seed);
    let count = ctx.env.scaled(fuzz.frames, 100);
    let deadline = Instant::now() + ctx.env.max_duration / 6;
    let frames: Vec<Vec<u8>> = (0..count).map(|_| damaged(&mut random, ctx.names.nonce())).collect();
    let mut names = 0;
    let mut pair = Bystanders::connect(ctx, &mut names).await?;
    let mut conns: Vec<Option<Connection>> = (0..fuzz.connections.max(1)).map(|_| None).collect();
    for (number, batch) in frames.chunks(BATCH).enumerate() {
        if Instant::now() > deadline {
            ctx.observed.push(format!("{} messages; the time was over", number * BATCH));
            break;
        }
        let harm = harm(ctx, batch, &mut conns, &mut pair, &mut names).await;
        if let Some(harm) = harm {
            drop((conns, pair));
            let (from, to) = (number * BATCH + 1, number * BATCH + batch.len());
            let smallest = smallest(ctx, batch.to_vec(), &mut names).await;
            let input = match smallest.as_slice() {
                [one] => format!("the smallest input found that causes it: {}", text::shown(one)),
                [] => format!("it was one of the messages {from} to {to}"),
                some => format!(
                    "{} messages cause it together, the last is {}",
                    some.len(),
                    text::shown(&some[some.len() - 1])
                ),
            };
            let seed = ctx.env.seed;
            return Err(CaseFailure::fail(
                "after damaged messages of others two bystanders still write to each other, and new users can connect",
                ctx.names.humanize(&format!("{harm}; {input} (seed {seed})")),
            ));
        }
    }
    Ok(())
}

/// Two users who send no damaged messages.
struct Bystanders {
    one: Connection,
    other: Connection,
    marks: usize,
}

impl Bystanders {
    async fn connect(ctx: &CaseContext, names: &mut usize) -> Result<Self, CaseFailure> {
        *names += 2;
        let one = ctx.connect_as("bystander", &numbered_name(&ctx.names, "byst", *names)).await?;
        let other = ctx.connect_as("neighbour", &numbered_name(&ctx.names, "byst", *names + 1)).await?;
        Ok(Self { one, other, marks: 0 })
    }

    /// Waits until the server has handled everything from `conns`: a later message of each arrives, or the server closes it.
    async fn wait_until_handled(&mut self, ctx: &CaseContext, conns: &mut [Option<Connection>]) {
        let to = self.other.name.clone().unwrap_or_default();
        let mut waits = Vec::with_capacity(conns.len());
        for conn in conns.iter_mut().flatten().filter(|conn| conn.is_open()) {
            self.marks += 1;
            let mark = format!("{}-behind-{}.", ctx.names.nonce(), self.marks);
            let _ = conn.send(format!("MESSAGE|{to}|{mark}").as_bytes()).await;
            waits.push((conn, mark));
        }
        let longest = (ctx.env.timeout / 2).min(HANDLED.max(ctx.env.response_time * 20));
        let time = ctx.env.pace.optional_wait(Awaited::Reply, longest);
        join_all(waits.iter().map(|(conn, mark)| is_handled(conn, mark, &self.other, time)).collect()).await;
    }

    async fn exchange_message(&mut self, ctx: &CaseContext) -> bool {
        let to = self.other.name.clone().unwrap_or_default();
        self.marks += 1;
        let mark = format!("{}-still-{}.", ctx.names.nonce(), self.marks);
        let _ = self.one.send(format!("MESSAGE|{to}|{mark}").as_bytes()).await;
        let arrived = self.other.wait_until(ctx.env.timeout, |inbox| {
            if inbox.has_bytes(mark.as_bytes()) { Some(true) } else { inbox.end.map(|_| false) }
        });
        arrived.await == Some(true)
    }
}

/// Waits at most `time` until `mark` arrives at `other`, or the server closes `conn`.
async fn is_handled(conn: &Connection, mark: &str, other: &Connection, time: Duration) {
    let arrived =
        other.wait_at_most(time, |inbox| (inbox.has_bytes(mark.as_bytes()) || inbox.end.is_some()).then_some(()));
    let closed = async {
        // If it stays open, only the message decides.
        if conn.wait_at_most(time, |inbox| inbox.end).await.is_none() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = arrived => {}
        () = closed => {}
    }
}

/// Sends messages and describes the harm that they did, if any. Closing the fuzzer's connection is no harm.
async fn harm(
    ctx: &CaseContext,
    frames: &[Vec<u8>],
    conns: &mut [Option<Connection>],
    pair: &mut Bystanders,
    names: &mut usize,
) -> Option<String> {
    for (number, frame) in frames.iter().enumerate() {
        let index = number % conns.len();
        if !conns[index].as_ref().is_some_and(Connection::is_open) {
            *names += 1;
            let name = numbered_name(&ctx.names, "fuzz", *names % 10_000);
            match ctx.connect_as(&format!("fuzzer{index}"), &name).await {
                Ok(conn) => conns[index] = Some(conn),
                Err(_) => return Some("no new user can connect".to_owned()),
            }
        }
        if let Some(conn) = &mut conns[index] {
            let _ = conn.send(frame).await;
        }
    }
    pair.wait_until_handled(ctx, conns).await;
    (!pair.exchange_message(ctx).await).then(|| "a message between two bystanders no longer arrives".to_owned())
}

/// Removes messages, then parts of the last one, while the harm repeats. Returns nothing if it does not repeat at all.
async fn smallest(ctx: &mut CaseContext, frames: Vec<Vec<u8>>, names: &mut usize) -> Vec<Vec<u8>> {
    let deadline = Instant::now() + SEARCH;
    if !repeats(ctx, &frames, names).await {
        return Vec::new();
    }
    let mut frames = frames;
    'scaled: while frames.len() > 1 {
        for part in [frames.len() / 2..frames.len(), 0..frames.len() / 2] {
            if Instant::now() > deadline {
                return frames;
            }
            if repeats(ctx, &frames[part.clone()], names).await {
                frames = frames[part].to_vec();
                continue 'scaled;
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
            if !shorter.is_empty() && repeats(ctx, std::slice::from_ref(&shorter), names).await {
                frames[0] = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    frames
}

/// Returns true if these messages do harm again. Restarts the server before if this tool started it and it is down.
async fn repeats(ctx: &CaseContext, frames: &[Vec<u8>], names: &mut usize) -> bool {
    let mut pair = Bystanders::connect(ctx, names).await;
    if pair.is_err()
        && let Some(watch) = &ctx.env.watch
        && watch.start_afresh().await.is_ok()
    {
        pair = Bystanders::connect(ctx, names).await;
    }
    let Ok(mut pair) = pair else { return false };
    harm(ctx, frames, &mut [None], &mut pair, names).await.is_some()
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
