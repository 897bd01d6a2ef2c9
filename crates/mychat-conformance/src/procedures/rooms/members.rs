//! Users of a procedure who have negotiated the extension `rooms`, and waiting for what they get.

use crate::harness::connection::{ConnInbox, Connection};
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Control, StepResult};
use crate::harness::liveness::connect_users;

/// Logs in `count` users and lets each negotiate the extension. Inconclusive if they cannot.
pub(super) async fn connect_members(
    ctx: &mut CaseContext,
    stem: &str,
    count: usize,
) -> Result<Vec<Connection>, CaseFailure> {
    let in_login = |failure: CaseFailure| failure.in_control(Control::Login { connected: 0, wanted: count });
    let mut users = connect_users(ctx, stem, count).await.map_err(in_login)?;
    for user in &mut users {
        negotiate(ctx, user).await.map_err(|failure| failure.in_control(Control::Room))?;
    }
    Ok(users)
}

/// Asks for the extension. Returns the answer.
pub(super) async fn negotiate(ctx: &CaseContext, user: &mut Connection) -> Result<Vec<u8>, CaseFailure> {
    send(user, "CAPABILITIES|rooms").await;
    let at = await_frame(ctx, user, 0, |frame| frame.starts_with(b"CAPABILITIES|")).await?;
    Ok(user.inbox().frames[at].bytes.clone())
}

/// Lets users join a room one after the other. Inconclusive if one of them cannot.
pub(super) async fn join_in_order(ctx: &CaseContext, users: &mut [Connection], room: &str) -> StepResult {
    for user in users {
        join(ctx, user, room).await.map_err(|failure| failure.in_control(Control::Room))?;
    }
    Ok(())
}

/// Joins a room and waits for the whole answer.
pub(super) async fn join(ctx: &CaseContext, user: &mut Connection, room: &str) -> StepResult {
    let from = user.inbox().frames.len();
    send(user, &format!("JOIN|{room}")).await;
    let last = format!("OPERATORS|{room}|");
    await_frame(ctx, user, from, |frame| frame.starts_with(last.as_bytes())).await.map(|_| ())
}

/// Leaves a room and waits for the answer.
pub(super) async fn leave(ctx: &CaseContext, user: &mut Connection, room: &str) -> StepResult {
    let from = user.inbox().frames.len();
    send(user, &format!("LEAVE|{room}")).await;
    let answer = format!("LEAVE|{room}|{}", name(user));
    await_frame(ctx, user, from, |frame| frame == answer.as_bytes()).await.map(|_| ())
}

/// Sends frames in one write. A closed connection shows when its answers are missing.
pub(super) async fn send(user: &mut Connection, frames: &str) {
    let _ = user.send(frames.as_bytes()).await;
}

/// Waits for a frame at or behind the place `from` for which `is_wanted` returns true. Returns its place.
pub(super) async fn await_frame(
    ctx: &CaseContext,
    user: &Connection,
    from: usize,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> Result<usize, CaseFailure> {
    let look = |inbox: &mut ConnInbox| {
        let mut frames = inbox.frames.iter().enumerate().skip(from);
        let found = frames.find(|(_, frame)| is_wanted(&frame.bytes)).map(|(at, _)| at);
        found.map(Some).or_else(|| inbox.end.map(|_| None))
    };
    match user.wait_until(ctx.env.timeout, look).await {
        Some(Some(at)) => Ok(at),
        Some(None) => Err(unanswered(ctx, user, "the server closed the connection")),
        None => Err(unanswered(ctx, user, &format!("there was none {}", user.waited()))),
    }
}

/// Returns the failure of a request without its answer.
pub(super) fn unanswered(ctx: &CaseContext, user: &Connection, got: &str) -> CaseFailure {
    let last = user.sent.last().map(|sent| mychat_scenario::template::text::shown(sent)).unwrap_or_default();
    let want = format!("{} gets an answer to {}", user.actor, ctx.names.humanize(&last));
    CaseFailure::fail(want, got)
}

/// Returns the name on the wire.
pub(super) fn name(user: &Connection) -> &str {
    user.name.as_deref().unwrap_or_default()
}

/// Replaces the names on the wire by those of the connections.
pub(super) fn humanize(users: &[Connection], text: &str) -> String {
    users.iter().fold(text.to_owned(), |text, user| text.replace(name(user), &user.actor))
}

/// Returns the frames at or behind the place `from`.
pub(super) fn frames_from(user: &Connection, from: usize) -> Vec<Vec<u8>> {
    user.inbox().frames.iter().skip(from).map(|frame| frame.bytes.clone()).collect()
}
