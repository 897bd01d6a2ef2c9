//! A frame that never ends.

use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::model::procedures::Flood;

const CHUNK: usize = 16 * 1024;

pub(super) async fn flood(stage: &mut Stage, flood: &Flood) -> Played {
    let actor = &flood.by;
    let before = stage.around.watch.as_ref().map(|watch| watch.usage().rss);
    let chunk = vec![b'x'; CHUNK];
    for number in 0..flood.kib * 1024 / CHUNK {
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
            format!("after {} KiB without a line end: an ERROR, or the connection closed", flood.kib),
            format!("neither within {}", humantime::format_duration(patience)),
        ));
    }
    grown(stage, before, flood.memory_mib)
}

/// Fails where the server's memory grew by more than `limit_mib` since `before`.
pub(super) fn grown(stage: &Stage, before: Option<u64>, limit_mib: Option<u64>) -> Played {
    let (Some(before), Some(watch), Some(limit)) = (before, &stage.around.watch, limit_mib) else { return Ok(()) };
    let grown = watch.usage().rss.saturating_sub(before) >> 20;
    if grown <= limit {
        return Ok(());
    }
    Err(Trouble::fail(format!("the server's memory grows by at most {limit} MiB"), format!("it grew by {grown} MiB")))
}
