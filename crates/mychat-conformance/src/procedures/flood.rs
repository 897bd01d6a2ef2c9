//! Sends a frame without an end.

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use mychat_scenario::model::procedures::Flood;

const CHUNK: usize = 16 * 1024;

pub(super) async fn flood(ctx: &mut CaseContext, flood: &Flood) -> StepResult {
    let actor = &flood.by;
    let before = ctx.env.watch.as_ref().map(|watch| watch.usage().rss);
    let chunk = vec![b'x'; CHUNK];
    for number in 0..flood.kib * 1024 / CHUNK {
        let conn = ctx.conn(actor)?;
        let bytes = if number == 0 { [&b"BROADCAST|"[..], &chunk].concat() } else { chunk.clone() };
        if conn.send_bytes(&bytes).await.is_err() || !conn.is_open() {
            break;
        }
    }
    let timeout = ctx.env.timeout;
    let conn = ctx.conn(actor)?;
    let refused = conn.wait_until(timeout, |inbox| {
        let error = inbox.frames.iter().any(|frame| frame.bytes.starts_with(b"ERROR"));
        (inbox.end.is_some() || error).then_some(())
    });
    if refused.await.is_none() {
        return Err(CaseFailure::fail(
            format!("after {} KiB without a line end: an ERROR, or the connection closed", flood.kib),
            format!("neither {}", conn.waited()),
        ));
    }
    check_memory(ctx, before, flood.memory_mib)
}

/// Fails if the server's memory grew by more than `limit_mib` since `before`.
pub(super) fn check_memory(ctx: &CaseContext, before: Option<u64>, limit_mib: Option<u64>) -> StepResult {
    let (Some(before), Some(watch), Some(limit)) = (before, &ctx.env.watch, limit_mib) else { return Ok(()) };
    let grown = watch.usage().rss.saturating_sub(before) >> 20;
    if grown <= limit {
        return Ok(());
    }
    Err(CaseFailure::fail(
        format!("the server's memory grows by at most {limit} MiB"),
        format!("it grew by {grown} MiB"),
    ))
}
