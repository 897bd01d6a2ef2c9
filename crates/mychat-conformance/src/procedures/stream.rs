//! Sends numbered frames, and checks that each recipient gets all of them once, unchanged, and in order if demanded.

mod sent_frames;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::model::procedures::{FrameOrder, StreamStep, WriteMode};
use mychat_scenario::template::text;
use sent_frames::{SentFrames, send_in_rounds, send_together};

pub(super) async fn stream(ctx: &mut CaseContext, stream: &StreamStep) -> StepResult {
    let dropped = AtomicBool::new(false);
    let result = send_and_compare(ctx, stream, false, &dropped).await;
    // A server may disconnect a recipient whose backlog grows too large (M6). Repeat the series at the recipient's pace.
    let again = dropped.into_inner() && stream.write != WriteMode::Together;
    if again && reconnect(ctx, stream).await.is_ok() {
        let again = send_and_compare(ctx, stream, true, &AtomicBool::new(false)).await;
        return again.map_err(|second| if let Err(first) = &result { second.after(first) } else { second });
    }
    result
}

/// Logs in the actors whom the server disconnected, after all earlier frames have been handled. A sender may be among them,
/// because it did not read the many errors it got.
async fn reconnect(ctx: &mut CaseContext, stream: &StreamStep) -> StepResult {
    let to = &stream.to;
    for sender in stream.from.iter().filter(|sender| !to.contains(sender)) {
        ctx.fence(sender).await?;
    }
    for actor in stream.from.iter().chain(to) {
        let conn = ctx.conn(actor)?;
        if let Some(name) = conn.name.clone().filter(|_| !conn.is_open()) {
            let conn = ctx.connect_as(actor, &name).await?;
            ctx.conns.insert(actor.clone(), conn);
        }
    }
    Ok(())
}

/// Sends the series and checks the frames that arrive. `paced`: each round waits until the one before has arrived. Sets
/// `dropped` if the server disconnected a recipient that had got everything until then.
async fn send_and_compare(ctx: &mut CaseContext, stream: &StreamStep, paced: bool, dropped: &AtomicBool) -> StepResult {
    let Some(sent) = SentFrames::of(ctx, stream, paced)? else { return Ok(()) };
    let count = match stream.write {
        WriteMode::Together => send_together(ctx, stream, &sent).await?,
        WriteMode::Each => send_in_rounds(ctx, stream, &sent, paced).await?,
    };
    let content = |sender: usize, number: usize| content(&sent.frame(sender, number));
    let series = ExpectedFrames {
        from: &stream.from,
        count,
        ordered: stream.order == FrameOrder::Kept,
        nonce: &sent.nonce,
        content: &content,
        dropped,
    };
    for receiver in &stream.to {
        receive(ctx, receiver, &series).await?;
    }
    if !stream.leave {
        for receiver in &stream.to {
            ctx.fence(receiver).await?;
            compare(ctx, receiver, &series)?;
        }
    }
    Ok(())
}

/// The frames that must arrive.
struct ExpectedFrames<'s> {
    from: &'s [String],
    /// The number of frames of each sender.
    count: usize,
    /// True if each sender's frames must arrive in order.
    ordered: bool,
    /// The prefix of their content, which no other frame has.
    nonce: &'s str,
    /// Returns the content of a frame by the index of its sender and its number.
    content: &'s (dyn Fn(usize, usize) -> Vec<u8> + Sync),
    /// Set if a recipient got everything until the server disconnected it.
    dropped: &'s AtomicBool,
}

impl ExpectedFrames<'_> {
    fn expected(&self, to: &str) -> usize {
        self.from.iter().filter(|sender| *sender != to).count() * self.count
    }

    /// Returns true if `content` is that of any frame of this sender.
    fn is_expected(&self, sender: usize, content: &[u8]) -> bool {
        let digits = content.splitn(3, |byte| *byte == b'-').nth(2).unwrap_or_default();
        let digits = digits.split(|byte| *byte == b'.').next().and_then(|digits| std::str::from_utf8(digits).ok());
        let number = digits.and_then(|digits| digits.parse().ok()).filter(|number| *number < self.count);
        number.is_some_and(|number| (self.content)(sender, number) == content)
    }

    /// Returns true if a sender's frames are right and arrived once each, in any order.
    fn are_right(&self, sender: usize, name: &str, frames: &[&Vec<u8>]) -> bool {
        let mut seen = BTreeSet::new();
        frames.iter().all(|frame| {
            let (by, content) = fields(frame);
            by == name.as_bytes() && self.is_expected(sender, content) && seen.insert(content)
        })
    }
}

/// Returns the sender and the content of a forwarded frame.
fn fields(frame: &[u8]) -> (&[u8], &[u8]) {
    let mut fields = frame.splitn(3, |byte| *byte == b'|').skip(1);
    (fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
}

/// Returns the content of a frame as it is sent: the last field of `MESSAGE` or `BROADCAST`.
fn content(frame: &[u8]) -> Vec<u8> {
    let skip = if frame.starts_with(b"MESSAGE|") { 3 } else { 2 };
    frame.splitn(skip, |byte| *byte == b'|').last().unwrap_or_default().to_vec()
}

async fn receive(ctx: &mut CaseContext, to: &str, series: &ExpectedFrames<'_>) -> StepResult {
    let expected = series.expected(to);
    let nonce = series.nonce.as_bytes();
    let timeout = ctx.env.timeout_for(series.from.len() * series.count);
    let conn = ctx.conn(to)?;
    let mut before = 0;
    loop {
        let arrived = conn.wait_until(timeout, |inbox| {
            let arrived = inbox.frames.len();
            (arrived >= expected || inbox.end.is_some() || arrived > before).then_some(arrived)
        });
        match arrived.await {
            Some(arrived) if arrived < expected && conn.is_open() => before = arrived,
            _ => break,
        }
    }
    // Frames of others may have been among those that were counted.
    let complete = |inbox: &mut crate::harness::connection::ConnInbox| {
        let own = inbox.frames.iter().filter(|frame| holds(&frame.bytes, nonce)).count();
        (own >= expected || inbox.end.is_some()).then_some(())
    };
    conn.wait_until(timeout, complete).await;
    compare(ctx, to, series)
}

fn compare(ctx: &mut CaseContext, to: &str, series: &ExpectedFrames<'_>) -> StepResult {
    let (from, count, expected) = (series.from, series.count, series.expected(to));
    let nonce = series.nonce;
    let conn = ctx.conn(to)?;
    let frames: Vec<Vec<u8>> = conn.inbox().frames.iter().map(|frame| frame.bytes.clone()).collect();
    conn.inbox().frames.iter_mut().for_each(|frame| frame.consumed = true);
    let mut got = 0;
    for (sender, actor) in from.iter().enumerate().filter(|(_, actor)| *actor != to) {
        let mark = format!("{nonce}-{sender:02}-");
        let name = ctx.conns.get(actor).and_then(|conn| conn.name.clone()).unwrap_or_default();
        let own: Vec<&Vec<u8>> = frames.iter().filter(|frame| holds(frame, mark.as_bytes())).collect();
        got += own.len();
        let right = |number: usize, frame: &[u8]| {
            number < count && fields(frame) == (name.as_bytes(), (series.content)(sender, number).as_slice())
        };
        let wrong = own.iter().enumerate().find(|(number, frame)| !right(*number, frame));
        let Some((number, frame)) = wrong else { continue };
        let are_right = series.are_right(sender, &name, &own);
        if are_right && !series.ordered {
            continue;
        }
        let wanted = if number < count {
            format!("{} from {actor}", text::shown(&(series.content)(sender, number)))
        } else {
            format!("nothing more: all {count} have come")
        };
        let shown = text::shown(frame);
        let mut failure = CaseFailure::fail(
            ctx.names.humanize(&format!("message {} of {count} at {to}: {wanted}", number + 1)),
            ctx.names.humanize(&format!("{to} got {shown}")),
        );
        // A gap alone is a loss; an earlier message after a later one was overtaken.
        if are_right && !own.is_sorted_by_key(|frame| fields(frame).1) {
            failure = failure.with(Evidence::Overtaken);
        }
        let frame = (*frame).clone();
        return Err(failure.with(Evidence::UnexpectedFrame { actor: to.to_owned(), frame }));
    }
    if got >= expected {
        return Ok(());
    }
    series.dropped.fetch_or(!ctx.conn(to)?.is_open(), Ordering::Relaxed);
    let mut told = format!("{got} of them; then nothing more came");
    for actor in from.iter().chain([&to.to_owned()]) {
        let Some(conn) = ctx.conns.get(actor) else { continue };
        let inbox = conn.inbox();
        if let Some(error) = inbox.frames.iter().rev().find(|frame| frame.bytes.starts_with(b"ERROR|")) {
            told = format!("{told}; {actor} got {}", text::shown(&error.bytes));
        }
        if inbox.end.is_some() {
            told = format!("{told}; the server closed {actor}'s connection");
        }
    }
    let order = if series.ordered { ", in order" } else { "" };
    Err(CaseFailure::fail(format!("{to} gets all {expected} messages{order}"), told))
}

fn holds(frame: &[u8], part: &[u8]) -> bool {
    crate::harness::connection::contains(frame, part)
        && (frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|"))
        && !crate::harness::connection::contains(frame, b"|fence-")
}
