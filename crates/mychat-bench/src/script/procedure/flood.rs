//! Bytes that no client would send: a frame that never ends, and frames with seeded damage.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use crate::scenario::model::Procedure;
use crate::script::alive::numbered;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use crate::script::text;

const CHUNK: usize = 16 * 1024;

pub(super) async fn flood(stage: &mut Stage, procedure: &Procedure) -> Played {
    let Some(actor) = procedure.who("by").first() else { return Ok(()) };
    let before = stage.around.watch.as_ref().map(|watch| watch.usage().rss);
    let chunk = vec![b'x'; CHUNK];
    for number in 0..procedure.number("kib") * 1024 / CHUNK {
        let line = stage.line(actor)?;
        let bytes = if number == 0 { [&b"BROADCAST|"[..], &chunk].concat() } else { chunk.clone() };
        if line.put(&bytes).await.is_err() || !line.is_open() {
            break;
        }
    }
    let patience = stage.around.patience;
    let line = stage.line(actor)?;
    let refused = line.until(patience, |inbox| {
        let error = inbox.frames.iter().any(|frame| frame.bytes.starts_with(b"ERROR"));
        (inbox.end.is_some() || error).then_some(())
    });
    if refused.await.is_none() {
        return Err(Trouble::fail(
            format!("after {} KiB without a line end: an ERROR, or the connection closed", procedure.number("kib")),
            format!("neither within {}", humantime::format_duration(patience)),
        ));
    }
    grown(stage, before, procedure.number("memory"))
}

/// Fails where the server's memory grew by more than so many MiB since `before`.
pub(super) fn grown(stage: &Stage, before: Option<u64>, most_mib: usize) -> Played {
    let (Some(before), Some(watch)) = (before, &stage.around.watch) else { return Ok(()) };
    let grown = watch.usage().rss.saturating_sub(before) >> 20;
    if most_mib == 0 || grown <= most_mib as u64 {
        return Ok(());
    }
    Err(Trouble::fail(
        format!("the server's memory grows by at most {most_mib} MiB"),
        format!("it grew by {grown} MiB"),
    ))
}

pub(super) async fn fuzz(stage: &mut Stage, procedure: &Procedure) -> Played {
    let mut random = ChaCha8Rng::seed_from_u64(stage.around.seed);
    let connections = procedure.number("connections").max(1);
    let bystander = stage.welcome("bystander", &numbered(&stage.cast, "byst", 0)).await?;
    stage.lines.insert("bystander".to_owned(), bystander);
    let mut lines = Vec::new();
    for index in 0..connections {
        lines.push(stage.welcome(&format!("fuzzer{index}"), &numbered(&stage.cast, "fuzz", index)).await?);
    }
    let (mut renewed, mut last) = (connections, Vec::new());
    for number in 0..procedure.number("frames") {
        let index = number % connections;
        if !lines[index].is_open() {
            // Hanging up on nonsense is right; a new connection must be possible all the same.
            lines[index] = stage
                .welcome(&format!("fuzzer{index}"), &numbered(&stage.cast, "fuzz", renewed))
                .await
                .map_err(|_| {
                    Trouble::fail(
                        "after a damaged frame a new user can still connect",
                        format!("not after {}", text::shown(&last)),
                    )
                })?;
            renewed += 1;
        }
        last = damaged(&mut random, stage.cast.nonce());
        let _ = lines[index].send(&last).await;
    }
    drop(lines);
    let works = stage.round_trip("bystander").await;
    // Some of them are legal broadcasts.
    stage.line("bystander")?.inbox().frames.clear();
    if works {
        return Ok(());
    }
    let (seed, shown) = (stage.around.seed, text::shown(&last));
    Err(Trouble::fail(
        "a bystander's connection works after all of them",
        format!("it does not; the last frame was {shown} (seed {seed})"),
    ))
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
