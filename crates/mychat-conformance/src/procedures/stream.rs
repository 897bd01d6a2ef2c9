//! Sends numbered frames, and checks that each recipient gets all of them once, unchanged, and in order if demanded.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mychat_proto::Framing;

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::model::procedures::{FrameOrder, StreamKind, StreamStep, WriteMode};
use mychat_scenario::template::text;

/// The number of frames of each sender with raw framing, where each frame needs a pause.
const MAX_RAW: usize = 40;
/// The time that a series may take with a slow server.
const MAX_TIME: Duration = Duration::from_secs(6);
/// The smallest number of frames of each sender.
const MIN_FRAMES: usize = 5;
/// The number of frames of each sender if each round waits for the one before.
const MAX_PACED: usize = 50;

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
    let (from, to) = (&stream.from, &stream.to);
    let raw = ctx.env.framing.send == Framing::Raw;
    // Each recipient gets the frames of all senders, so the limit applies to their sum.
    let senders = from.len().max(1);
    let count = ctx.env.scaled(stream.count * senders, MIN_FRAMES * senders) / senders;
    let mut count = if raw { count.min(MAX_RAW) } else { count };
    let recipient = match to.first() {
        Some(first) => ctx.conn(first)?.name.clone().unwrap_or_default(),
        None => return Ok(()),
    };
    if paced {
        count = count.min(MAX_PACED);
    }
    let nonce = format!("{}{}", ctx.names.nonce(), if paced { "g" } else { "" });
    let frame = |sender: usize, number: usize| {
        let private = match stream.kind {
            StreamKind::Message => true,
            StreamKind::Broadcast => false,
            StreamKind::Mixed => number.is_multiple_of(2),
        };
        let head = if private { format!("MESSAGE|{recipient}|") } else { "BROADCAST|".to_owned() };
        let mut frame = format!("{head}{nonce}-{sender:02}-{number:05}.").into_bytes();
        let size = stream.size.saturating_sub(1 + frame.len());
        frame.extend(text::padding(size));
        frame
    };
    if stream.write == WriteMode::Together {
        for (sender, actor) in from.iter().enumerate() {
            let mut bytes = Vec::new();
            for number in 0..count {
                let start = bytes.len();
                bytes.extend(frame(sender, number));
                ctx.env.framing.send.end(&mut bytes, start);
            }
            if stream.leave {
                let start = bytes.len();
                bytes.extend_from_slice(b"DISCONNECT");
                ctx.env.framing.send.end(&mut bytes, start);
            }
            ctx.send_from(actor, &bytes, false).await?;
        }
    } else {
        let (mut number, mut waits) = (0, paced);
        while number < count {
            let asked = Instant::now();
            for (sender, actor) in from.iter().enumerate() {
                ctx.send_from(actor, &frame(sender, number), true).await?;
            }
            number += 1;
            let has_arrived = (number == 1 || waits) && wait_for_frames(ctx, to, &nonce, from, number).await;
            // After one timeout, do not wait for later rounds.
            waits &= has_arrived;
            if has_arrived && number == 1 {
                count = frames_in_time(count, asked.elapsed());
            }
        }
    }
    let content = |sender: usize, number: usize| content(&frame(sender, number));
    let series = ExpectedFrames {
        from,
        count,
        ordered: stream.order == FrameOrder::Kept,
        nonce: &nonce,
        content: &content,
        dropped,
    };
    for receiver in to {
        receive(ctx, receiver, &series).await?;
    }
    if !stream.leave {
        for receiver in to {
            ctx.fence(receiver).await?;
            compare(ctx, receiver, &series)?;
        }
    }
    Ok(())
}

/// Waits until each recipient has `each` frames of each sender. Returns false after a timeout or a disconnect.
async fn wait_for_frames(ctx: &CaseContext, to: &[String], nonce: &str, from: &[String], each: usize) -> bool {
    for receiver in to {
        let Some(conn) = ctx.conns.get(receiver) else { return false };
        let expected = from.iter().filter(|sender| *sender != receiver).count() * each;
        let first = conn.wait_until(ctx.env.timeout, |inbox| {
            let own = inbox.frames.iter().filter(|frame| holds(&frame.bytes, nonce.as_bytes())).count();
            if own >= expected { Some(true) } else { inbox.end.map(|_| false) }
        });
        if first.await != Some(true) {
            return false;
        }
    }
    true
}

/// Returns the number of frames of each sender that fit into [`MAX_TIME`], if one round took `first`.
fn frames_in_time(count: usize, first: Duration) -> usize {
    let fit = (MAX_TIME.as_millis() / first.as_millis().max(1)) as usize;
    fit.max(MIN_FRAMES).min(count)
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

#[cfg(test)]
mod tests {
    use super::{Duration, MIN_FRAMES, frames_in_time};

    #[test]
    fn a_series_is_as_long_as_a_slow_server_can_do() {
        assert_eq!(frames_in_time(200, Duration::from_micros(300)), 200);
        assert_eq!(frames_in_time(200, Duration::from_millis(60)), 100);
        assert_eq!(frames_in_time(200, Duration::from_secs(3)), MIN_FRAMES);
    }
}
