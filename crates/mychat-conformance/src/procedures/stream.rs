//! Numbered frames from some to others: everything, once, unharmed, and in order where that is what is asked.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mychat_proto::Framing;

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::model::procedures::{FrameOrder, Stream, StreamKind, WriteMode};
use mychat_scenario::template::text;

/// Without terminators each frame takes a pause, so a series is a short one.
const MOST_RAW: usize = 40;
/// How long a series may take a slow server, and how short it is at least.
const LONG: Duration = Duration::from_secs(6);
const FEWEST: usize = 5;
/// As many of each sender are enough where each is waited for.
const GENTLE: usize = 50;

pub(super) async fn stream(ctx: &mut CaseContext, stream: &Stream) -> StepResult {
    let dropped = AtomicBool::new(false);
    let played = play(ctx, stream, false, &dropped).await;
    // What many send at once may be more than a server keeps for one (M6): whoever was dropped for that is written to again,
    // no faster than it reads.
    let again = dropped.into_inner() && stream.write != WriteMode::Together;
    if again && come_back(ctx, stream).await.is_ok() {
        let again = play(ctx, stream, true, &AtomicBool::new(false)).await;
        return again.map_err(|second| if let Err(first) = &played { second.after(first) } else { second });
    }
    played
}

/// Lets in again whom the server has closed (a sender may have got too many errors to keep), when all that was sent to them before is done with.
async fn come_back(ctx: &mut CaseContext, stream: &Stream) -> StepResult {
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

/// Sends everything and looks at what came. `gently`: a round of frames has arrived before the next is sent. Says in `dropped`
/// whether a recipient got all it was sent up to where the server closed it.
async fn play(ctx: &mut CaseContext, stream: &Stream, gently: bool, dropped: &AtomicBool) -> StepResult {
    let (from, to) = (&stream.from, &stream.to);
    let raw = ctx.env.framing.send == Framing::Raw;
    // One recipient has to be told all that all of them send.
    let senders = from.len().max(1);
    let count = ctx.env.scaled(stream.count * senders, FEWEST * senders) / senders;
    let mut count = if raw { count.min(MOST_RAW) } else { count };
    let recipient = match to.first() {
        Some(first) => ctx.conn(first)?.name.clone().unwrap_or_default(),
        None => return Ok(()),
    };
    if gently {
        count = count.min(GENTLE);
    }
    let nonce = format!("{}{}", ctx.names.nonce(), if gently { "g" } else { "" });
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
        let (mut number, mut waits) = (0, gently);
        while number < count {
            let asked = Instant::now();
            for (sender, actor) in from.iter().enumerate() {
                ctx.send_from(actor, &frame(sender, number), true).await?;
            }
            number += 1;
            let whole = (number == 1 || waits) && arrived(ctx, to, &nonce, from, number).await;
            // Who waited in vain once has waited enough.
            waits &= whole;
            if whole && number == 1 {
                count = fitting(count, asked.elapsed());
            }
        }
    }
    let content = |sender: usize, number: usize| content(&frame(sender, number));
    let series =
        Series { from, count, ordered: stream.order == FrameOrder::Kept, nonce: &nonce, content: &content, dropped };
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

/// Waits until so many frames of each sender have come, and says whether they did. How long the first took tells how many a
/// server can be asked for that writes slowly, whatever it is that slows it down.
async fn arrived(ctx: &CaseContext, to: &[String], nonce: &str, from: &[String], each: usize) -> bool {
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

/// As many of each sender as take no longer than a check may, where one of each took so long.
fn fitting(count: usize, first: Duration) -> usize {
    let fit = (LONG.as_millis() / first.as_millis().max(1)) as usize;
    fit.max(FEWEST).min(count)
}

/// What must arrive.
struct Series<'s> {
    from: &'s [String],
    /// Frames a sender.
    count: usize,
    /// Whether each sender's frames must come in their order.
    ordered: bool,
    /// What stands in all of them and in no others.
    nonce: &'s str,
    /// What a recipient sees of a sender's frame of some number.
    content: &'s (dyn Fn(usize, usize) -> Vec<u8> + Sync),
    /// Whether all was well up to where the server closed a recipient.
    dropped: &'s AtomicBool,
}

impl Series<'_> {
    fn expected(&self, to: &str) -> usize {
        self.from.iter().filter(|sender| *sender != to).count() * self.count
    }

    /// Whether this is some frame of a sender's, whatever its place.
    fn is_one(&self, sender: usize, content: &[u8]) -> bool {
        let digits = content.splitn(3, |byte| *byte == b'-').nth(2).unwrap_or_default();
        let digits = digits.split(|byte| *byte == b'.').next().and_then(|digits| std::str::from_utf8(digits).ok());
        let number = digits.and_then(|digits| digits.parse().ok()).filter(|number| *number < self.count);
        number.is_some_and(|number| (self.content)(sender, number) == content)
    }

    /// Whether all that came from a sender is what it sent, each frame once, though not in their order.
    fn overtake(&self, sender: usize, name: &str, frames: &[&Vec<u8>]) -> bool {
        let mut seen = BTreeSet::new();
        frames.iter().all(|frame| {
            let (by, content) = fields(frame);
            by == name.as_bytes() && self.is_one(sender, content) && seen.insert(content)
        })
    }
}

/// The sender and the content of what a recipient got.
fn fields(frame: &[u8]) -> (&[u8], &[u8]) {
    let mut fields = frame.splitn(3, |byte| *byte == b'|').skip(1);
    (fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
}

/// What a recipient sees of a frame: all behind the second field of `MESSAGE`, or the first of `BROADCAST`.
fn content(frame: &[u8]) -> Vec<u8> {
    let skip = if frame.starts_with(b"MESSAGE|") { 3 } else { 2 };
    frame.splitn(skip, |byte| *byte == b'|').last().unwrap_or_default().to_vec()
}

async fn receive(ctx: &mut CaseContext, to: &str, series: &Series<'_>) -> StepResult {
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
    let complete = |inbox: &mut crate::harness::connection::Inbox| {
        let own = inbox.frames.iter().filter(|frame| holds(&frame.bytes, nonce)).count();
        (own >= expected || inbox.end.is_some()).then_some(())
    };
    conn.wait_until(timeout, complete).await;
    compare(ctx, to, series)
}

fn compare(ctx: &mut CaseContext, to: &str, series: &Series<'_>) -> StepResult {
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
        let is_overtaken = series.overtake(sender, &name, &own);
        if is_overtaken && !series.ordered {
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
        if is_overtaken {
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
    use super::{Duration, FEWEST, fitting};

    #[test]
    fn a_series_is_as_long_as_a_slow_server_can_do() {
        assert_eq!(fitting(200, Duration::from_micros(300)), 200);
        assert_eq!(fitting(200, Duration::from_millis(60)), 100);
        assert_eq!(fitting(200, Duration::from_secs(3)), FEWEST);
    }
}
