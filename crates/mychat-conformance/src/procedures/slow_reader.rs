//! One client does not read; the others must still get their messages in time.

use std::time::{Duration, Instant};

use super::flood::check_memory;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::liveness::numbered_name;
use mychat_scenario::model::procedures::{SlowReader, StalledClient};
use mychat_scenario::template::text;

/// The assumed largest send buffer of the system in bytes, if the real one is unknown. The server does not notice what
/// waits there.
const USUAL_SEND_BUFFER: usize = 4 << 20;
const FRAME: usize = 1000;
const BATCH: usize = 32;
/// The longest duration of the flood.
const MAX_FLOOD: Duration = Duration::from_secs(12);
const SMALL_BUFFER: u32 = 4096;
/// A shorter delay is never a failure.
const MIN_DELAY: Duration = Duration::from_millis(50);

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
        let time = batch(ctx, &mut talker, &listener).await?.ok_or_else(|| {
            CaseFailure::Inconclusive(format!(
                "{BATCH} messages in one write do not all arrive while everybody reads, so a client that does not read shows nothing"
            ))
        })?;
        baseline.push(time);
    }
    idle.pause_reading(true);
    let before = ctx.env.watch.as_ref().map(|watch| watch.usage().rss);
    let mut times = Vec::new();
    let mut sent = 0;
    let started = Instant::now();
    while sent < volume && started.elapsed() < MAX_FLOOD {
        let Some(time) = batch(ctx, &mut talker, &listener).await? else {
            return Err(CaseFailure::fail(
                "others' messages go on arriving while one client does not read",
                format!("none arrived any more after {} KiB", sent / 1024),
            )
            .with(Evidence::DeliveryBlocked));
        };
        times.push(time);
        sent += BATCH * FRAME;
        if is_too_slow(sent, volume, started.elapsed()) {
            break;
        }
    }
    // Measure the memory before the client reads again: many servers release it soon after that.
    let kept = check_memory(ctx, before, procedure.memory_mib);
    let dropped = test_dropped(ctx, &idle, sent).await?;
    check_complete_frames(ctx, &idle, &listener, dropped).await?;
    if !dropped {
        kept?;
        if sent < volume {
            return Err(CaseFailure::Inconclusive(format!(
                "in {:.0} s the server forwarded {} of {} KiB: too little to judge how it treats a client that does not read",
                started.elapsed().as_secs_f64(),
                sent / 1024,
                volume / 1024
            )));
        }
    }
    let (usual, now) = (p99(&mut baseline), p99(&mut times));
    let limit = (usual * 5).max(MIN_DELAY);
    if now <= limit {
        return Ok(());
    }
    Err(CaseFailure::fail(
        format!(
            "p99 for {BATCH} messages to others at most {limit:.1?} while one client does not read ({usual:.1?} before)"
        ),
        format!("{now:.1?}"),
    ))
}

/// Returns true if a server that forwarded `sent` bytes in `elapsed` will not forward `volume` bytes within [`MAX_FLOOD`].
fn is_too_slow(sent: usize, volume: usize, elapsed: Duration) -> bool {
    elapsed > MAX_FLOOD / 4 && sent as f64 / elapsed.as_secs_f64() * MAX_FLOOD.as_secs_f64() < volume as f64
}

/// Fails if the client that reads again gets parts of messages. Missing messages are allowed.
async fn check_complete_frames(
    ctx: &CaseContext,
    idle: &Connection,
    listener: &Connection,
    dropped: bool,
) -> StepResult {
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
    // The last frame before a disconnect may be incomplete.
    if dropped || ended || rest == 0 && least >= short && most <= long {
        return Ok(());
    }
    Err(CaseFailure::fail(
        format!("the client that reads again gets whole messages, of {long} bytes"),
        format!("messages of {least} to {} bytes: parts were left out where its buffer was full", most.max(rest)),
    )
    .with(Evidence::PartialMessages))
}

/// Broadcasts [`BATCH`] frames and returns the time until the listener has all of them; `None` if they do not arrive.
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

/// Returns true if the server disconnected the client that did not read. Inconclusive if it did not, and the system's buffers
/// may have held everything.
async fn test_dropped(ctx: &CaseContext, idle: &Connection, volume: usize) -> Result<bool, CaseFailure> {
    let received = idle.inbox().count;
    idle.pause_reading(false);
    let more = idle.wait_until(ctx.env.timeout, |inbox| {
        (inbox.count > received || inbox.end.is_some()).then_some(inbox.end.is_some())
    });
    let Some(ended) = more.await else {
        return Err(CaseFailure::Inconclusive(
            "the server sent nothing to the client that did not read, so nothing was delayed".to_owned(),
        ));
    };
    let buffer = mychat_os::proc::largest_send_buffer().unwrap_or(USUAL_SEND_BUFFER);
    if !ended && volume < buffer + (1 << 20) {
        return Err(CaseFailure::Inconclusive(format!(
            "{volume} bytes may all wait in the system's buffers: it is not proven that the server was blocked"
        )));
    }
    // If it was disconnected while it did not read, the end comes after the bytes in the system's buffers.
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

#[cfg(test)]
mod tests {
    use super::{Duration, is_too_slow};

    #[test]
    fn a_slow_server_is_given_up_after_a_quarter_of_the_time() {
        assert!(!is_too_slow(100, 8192, Duration::from_secs(2)), "it may still warm up");
        assert!(is_too_slow(1000, 8192, Duration::from_secs(4)));
        assert!(!is_too_slow(4000, 8192, Duration::from_secs(4)));
    }
}
