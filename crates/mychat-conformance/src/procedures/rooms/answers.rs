//! Two requests about different rooms that must get the same answer.

use crate::harness::connection::ConnInbox;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use mychat_scenario::template::text;

pub(in crate::procedures) async fn same_answers(
    ctx: &mut CaseContext,
    of: &str,
    first: &str,
    second: &str,
) -> StepResult {
    let (one, other) = (answer(ctx, of, first).await?, answer(ctx, of, second).await?);
    let room = |request: &str| {
        let request = text::bytes(request, &ctx.names);
        request.split(|byte| *byte == b'|').nth(1).map(<[u8]>::to_vec).unwrap_or_default()
    };
    if with_room(&one, &room(first), &room(second)) == other {
        return Ok(());
    }
    let shown = |written: &str| text::shown(&text::bytes(written, &ctx.names));
    let want = format!("{of} gets the same answer to {} and to {}", shown(first), shown(second));
    let got = format!("{} and {}", text::shown(&one), text::shown(&other));
    ctx.config.wire_log.mark(of, &other);
    Err(CaseFailure::fail(ctx.names.humanize(&want), ctx.names.humanize(&got)))
}

/// Sends a request and takes the next frame.
async fn answer(ctx: &mut CaseContext, of: &str, request: &str) -> Result<Vec<u8>, CaseFailure> {
    let bytes = text::bytes(request, &ctx.names);
    ctx.send_from(of, &bytes, true).await?;
    let timeout = ctx.env.timeout;
    let Some(conn) = ctx.conns.get(of) else {
        return Err(CaseFailure::Inconclusive(format!("{of} has no connection")));
    };
    let look = |inbox: &mut ConnInbox| {
        let found = inbox.frames.iter_mut().find(|frame| !frame.consumed && !ctx.ignores(of, &frame.bytes, false));
        let Some(frame) = found else { return inbox.end.map(|_| None) };
        frame.consumed = true;
        Some(Some(frame.bytes.clone()))
    };
    let got = match conn.wait_until(timeout, look).await {
        Some(Some(answer)) => return Ok(answer),
        Some(None) => format!("the server closed {of}'s connection"),
        None => format!("no reply {}", conn.waited()),
    };
    let want = format!("{of} gets an answer to {}", ctx.names.humanize(&text::shown(&bytes)));
    Err(CaseFailure::fail(want, got))
}

/// Replaces the name of one room in an answer by that of another one.
fn with_room(answer: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match memchr::memmem::find(answer, from).filter(|_| !from.is_empty()) {
        Some(at) => [&answer[..at], to, &with_room(&answer[at + from.len()..], from, to)].concat(),
        None => answer.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::with_room;

    #[test]
    fn only_the_name_of_the_room_may_differ() {
        assert_eq!(with_room(b"ERROR|404|no dark or dark", b"dark", b"void"), b"ERROR|404|no void or void");
        assert_eq!(with_room(b"ERROR|404|no", b"dark", b"void"), b"ERROR|404|no");
        assert_eq!(with_room(b"x", b"", b"void"), b"x");
    }
}
