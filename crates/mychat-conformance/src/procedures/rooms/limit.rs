//! The number of rooms that one user may be in.

use super::members::{await_frame, connect_members, frames_from, negotiate, send};
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};

pub(in crate::procedures) async fn room_limit(ctx: &mut CaseContext, most: usize) -> StepResult {
    let mut users = connect_members(ctx, "lim", 1).await?;
    let Some(user) = users.first_mut() else { return Ok(()) };
    let answer = negotiate(ctx, user).await?;
    let Some(limit) = announced_limit(&answer) else {
        return Err(CaseFailure::Inconclusive(
            "the answer to CAPABILITIES names no limit (see ext.announced)".to_owned(),
        ));
    };
    if limit > most {
        return Err(CaseFailure::Skipped(format!("a user may be in {limit} rooms; this check tries {most}")));
    }
    let from = user.inbox().frames.len();
    let room = |number: usize| format!("l{}x{number}", ctx.names.nonce());
    for number in 0..=limit {
        send(user, &format!("JOIN|{}", room(number))).await;
    }
    // One answer more: it shows that the request before was answered.
    send(user, &format!("LEAVE|{}", room(0))).await;
    await_frame(ctx, user, from, |frame| frame.starts_with(b"LEAVE|")).await?;
    let frames = frames_from(user, from);
    let joined = frames.iter().filter(|frame| frame.starts_with(b"JOIN|")).count();
    let refused = frames.iter().filter(|frame| frame.starts_with(b"ERROR|503|")).count();
    if (joined, refused) == (limit, 1) {
        return Ok(());
    }
    let want = format!(
        "of {} rooms, a user joins {limit}, as the server announced, and gets ERROR|503 for the last",
        limit + 1
    );
    Err(CaseFailure::fail(want, format!("it joined {joined} and got {refused} ERROR|503")))
}

/// Returns the limit in an answer to `CAPABILITIES`.
fn announced_limit(answer: &[u8]) -> Option<usize> {
    let list = std::str::from_utf8(answer.strip_prefix(b"CAPABILITIES|")?).ok()?;
    list.split(',').find_map(|entry| entry.strip_prefix("rooms="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::announced_limit;

    #[test]
    fn the_limit_is_read_from_the_answer() {
        assert_eq!(announced_limit(b"CAPABILITIES|history=5,rooms=50"), Some(50));
        assert_eq!(announced_limit(b"CAPABILITIES|rooms"), None);
        assert_eq!(announced_limit(b"CAPABILITIES|"), None);
    }
}
