//! Somebody does not read: everybody else must not notice.

use std::time::{Duration, Instant};

use super::flood::grown;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::liveness::numbered_name;
use mychat_scenario::model::procedures::{SlowReader, StalledClient};
use mychat_scenario::template::text;

/// What the system may hold for a reader without the server noticing: its greatest send buffer.
const USUAL_SEND_BUFFER: usize = 4 << 20;
const FRAME: usize = 1000;
const BATCH: usize = 32;
/// A slow server is not flooded for longer: what it has shown by then has to do.
const ENOUGH: Duration = Duration::from_secs(12);
const SMALL_BUFFER: u32 = 4096;
/// Below this nobody speaks of a delay.
const UNNOTICED: Duration = Duration::from_millis(50);

pub(super) async fn slow_reader(ctx: &mut CaseContext, procedure: &SlowReader) -> StepResult {
    let volume = procedure.kib * 1024;
    let mut idle = ctx.open_with_buffer("dawdler", Some(SMALL_BUFFER)).await?;
    let name = numbered_name(&ctx.names, "slow", 0);
    ctx.login(&mut idle, &name).await?;
    let mut talker = ctx.connect_as("talker", &numbered_name(&ctx.names, "talk", 0)).await?;
    let listener = ctx.connect_as("listener", &numbered_name(&ctx.names, "hear", 0)).await?;
    for conn in [&idle, &talker, &listener] {
        conn.inbox().count_only = true;
    }
    if procedure.who == StalledClient::Sender {
        return unread_sender(ctx, idle, talker, listener, volume).await;
    }
    let mut baseline = Vec::new();
    for _ in 0..20 {
        baseline.extend(batch(ctx, &mut talker, &listener).await?);
    }
    idle.pause_reading(true);
    let before = ctx.env.watch.as_ref().map(|watch| watch.usage().rss);
    let mut times = Vec::new();
    let mut sent = 0;
    let started = Instant::now();
    while sent < volume && started.elapsed() < ENOUGH {
        let Some(time) = batch(ctx, &mut talker, &listener).await? else {
            return Err(CaseFailure::fail(
                "others' messages go on arriving while one client does not read",
                format!("none arrived any more after {} KiB", sent / 1024),
            )
            .with(Evidence::DeliveryBlocked));
        };
        times.push(time);
        sent += BATCH * FRAME;
    }
    // Before it reads again: what waits for it then, many a server gives back at once when it is gone.
    let kept = grown(ctx, before, procedure.memory_mib);
    let dropped = stuck(ctx, &idle, sent).await?;
    whole(ctx, &idle, &listener, dropped).await?;
    if !dropped {
        kept?;
        if sent < volume {
            return Err(CaseFailure::Inconclusive(format!(
                "in {} s it passed on {} of {} KiB: too little to tell what waits for a client that does not read",
                ENOUGH.as_secs(),
                sent / 1024,
                volume / 1024
            )));
        }
    }
    let (usual, now) = (p99(&mut baseline), p99(&mut times));
    let most = (usual * 5).max(UNNOTICED);
    if now <= most {
        return Ok(());
    }
    Err(CaseFailure::fail(
        format!(
            "p99 for {BATCH} messages to others at most {most:.1?} while one client does not read ({usual:.1?} before)"
        ),
        format!("{now:.1?}"),
    ))
}

/// Whoever reads again after a while may have missed messages, but those that it gets are messages.
async fn whole(ctx: &CaseContext, idle: &Connection, listener: &Connection, dropped: bool) -> StepResult {
    let (all, usual) = {
        let inbox = listener.inbox();
        (inbox.count, inbox.sizes)
    };
    idle.wait_until(ctx.env.timeout, |inbox| (inbox.count >= all || inbox.end.is_some()).then_some(())).await;
    let (got, rest, ended) = {
        let inbox = idle.inbox();
        (inbox.sizes, inbox.unfinished().len(), inbox.end.is_some())
    };
    let (Some((least, most)), Some((short, long))) = (got, usual) else { return Ok(()) };
    // Of the last one before a connection was cut there may be a part.
    if dropped || ended || rest == 0 && least >= short && most <= long {
        return Ok(());
    }
    Err(CaseFailure::fail(
        format!("the client that reads again gets whole messages, of {long} bytes"),
        format!("messages of {least} to {} bytes: parts were left out where its buffer was full", most.max(rest)),
    )
    .with(Evidence::PartialMessages))
}

/// Broadcasts a few frames and waits until the listener has them; `None`: they did not come.
async fn batch(
    ctx: &CaseContext,
    talker: &mut Connection,
    listener: &Connection,
) -> Result<Option<Duration>, CaseFailure> {
    let head = format!("BROADCAST|{}", ctx.names.nonce());
    let frame = [head.as_bytes(), &text::padding(FRAME - head.len() - 1)].concat();
    let mut bytes = Vec::with_capacity(BATCH * FRAME);
    for _ in 0..BATCH {
        let start = bytes.len();
        bytes.extend_from_slice(&frame);
        ctx.env.framing.send.end(&mut bytes, start);
    }
    let until = listener.inbox().count + BATCH as u64;
    let started = Instant::now();
    talker.sent.clear();
    if talker.send_bytes(&bytes).await.is_err() {
        return Ok(None);
    }
    let arrived = listener.wait_until(ctx.env.timeout, |inbox| (inbox.count >= until).then_some(()));
    Ok(arrived.await.map(|()| started.elapsed()))
}

/// Whether the client that does not read was dropped; where it was not, that the server had more for it than the
/// system holds must be certain.
async fn stuck(ctx: &CaseContext, idle: &Connection, volume: usize) -> Result<bool, CaseFailure> {
    let heard = idle.inbox().count;
    idle.pause_reading(false);
    let more = idle.wait_until(ctx.env.timeout, |inbox| {
        (inbox.count > heard || inbox.end.is_some()).then_some(inbox.end.is_some())
    });
    let Some(ended) = more.await else {
        return Err(CaseFailure::Inconclusive(
            "the client that did not read was sent nothing, so nobody was held up".to_owned(),
        ));
    };
    let buffer = mychat_os::proc::largest_send_buffer().unwrap_or(USUAL_SEND_BUFFER);
    if !ended && volume < buffer + (1 << 20) {
        return Err(CaseFailure::Inconclusive(format!(
            "{volume} bytes may all wait in the system's buffers: it is not proven that the server was held up"
        )));
    }
    // Dropped during the stall, its end stands behind what the system still held.
    let end = idle.wait_at_most(Duration::from_millis(200), |inbox| inbox.end);
    Ok(ended || end.await.is_some())
}

async fn unread_sender(
    ctx: &mut CaseContext,
    mut sender: Connection,
    mut talker: Connection,
    listener: Connection,
    volume: usize,
) -> StepResult {
    sender.pause_reading(true);
    let frame = text::padding(FRAME - 11);
    let mut bytes = [b"BROADCAST|", frame.as_slice()].concat();
    ctx.env.framing.send.end(&mut bytes, 0);
    let (mut sent, mut offset, mut blocked) = (0, 0, Instant::now());
    while sent < volume && blocked.elapsed() < Duration::from_millis(300) {
        match sender.try_write(&bytes[offset..]) {
            Ok(written) => {
                offset = (offset + written) % bytes.len();
                (sent, blocked) = (sent + written, Instant::now());
                tokio::task::yield_now().await;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err(_) => break,
        }
    }
    sender.sent.clear();
    let to = listener.name.clone().unwrap_or_default();
    listener.inbox().count_only = false;
    let mark = format!("{}-after", ctx.names.nonce());
    let _ = talker.send(format!("MESSAGE|{to}|{mark}").as_bytes()).await;
    let arrived = listener.wait_until(ctx.env.timeout * 2, |inbox| inbox.has_bytes(mark.as_bytes()).then_some(()));
    match arrived.await {
        Some(()) => Ok(()),
        None => Err(CaseFailure::fail(
            "others' messages arrive although one sender does not read its own",
            match listener.inbox().end {
                None => format!("a message between two others did not, after {} KiB", sent / 1024),
                Some(_) => format!("the server closed a reading user's connection after {} KiB", sent / 1024),
            },
        )),
    }
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).or(times.last()).copied().unwrap_or_default()
}
