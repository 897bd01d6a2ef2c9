//! Sends the frames of a series.

use std::time::{Duration, Instant};

use mychat_proto::Framing;

use super::holds;
use crate::harness::context::CaseContext;
use crate::harness::failure::CaseFailure;
use mychat_scenario::model::procedures::{StreamKind, StreamStep};
use mychat_scenario::template::text;

/// The number of frames of each sender with raw framing, where each frame needs a pause.
const MAX_RAW: usize = 40;
/// The time that a series may take with a slow server.
const MAX_TIME: Duration = Duration::from_secs(6);
/// The smallest number of frames of each sender.
const MIN_FRAMES: usize = 5;
/// The number of frames of each sender if each round waits for the one before.
const MAX_PACED: usize = 50;

/// The frames of a series.
pub(super) struct SentFrames {
    kind: StreamKind,
    /// The name of the first recipient, who gets the private messages.
    recipient: String,
    /// The prefix of their content, which no other frame has.
    pub(super) nonce: String,
    /// The least size of a frame.
    size: usize,
    /// The number of frames of each sender.
    count: usize,
}

impl SentFrames {
    /// The frames of a series; `None` if it has no recipient.
    pub(super) fn of(ctx: &mut CaseContext, stream: &StreamStep, paced: bool) -> Result<Option<Self>, CaseFailure> {
        let Some(first) = stream.to.first() else { return Ok(None) };
        // Each recipient gets the frames of all senders, so the limit applies to their sum.
        let senders = stream.from.len().max(1);
        let mut count = ctx.env.scaled(stream.count * senders, MIN_FRAMES * senders) / senders;
        if ctx.env.framing.send == Framing::Raw {
            count = count.min(MAX_RAW);
        }
        if paced {
            count = count.min(MAX_PACED);
        }
        let recipient = ctx.conn(first)?.name.clone().unwrap_or_default();
        let nonce = format!("{}{}", ctx.names.nonce(), if paced { "g" } else { "" });
        Ok(Some(Self { kind: stream.kind, recipient, nonce, size: stream.size, count }))
    }

    pub(super) fn frame(&self, sender: usize, number: usize) -> Vec<u8> {
        let private = match self.kind {
            StreamKind::Message => true,
            StreamKind::Broadcast => false,
            StreamKind::Mixed => number.is_multiple_of(2),
        };
        let head = if private { format!("MESSAGE|{}|", self.recipient) } else { "BROADCAST|".to_owned() };
        let mut frame = format!("{head}{}-{sender:02}-{number:05}.", self.nonce).into_bytes();
        let size = self.size.saturating_sub(1 + frame.len());
        frame.extend(text::padding(size));
        frame
    }
}

/// Sends all frames of each sender in one write. Returns the number of frames of each.
pub(super) async fn send_together(
    ctx: &mut CaseContext,
    stream: &StreamStep,
    sent: &SentFrames,
) -> Result<usize, CaseFailure> {
    for (sender, actor) in stream.from.iter().enumerate() {
        let mut bytes = Vec::new();
        let last = stream.leave.then(|| b"DISCONNECT".to_vec());
        for frame in (0..sent.count).map(|number| sent.frame(sender, number)).chain(last) {
            let start = bytes.len();
            bytes.extend(frame);
            ctx.env.framing.send.end(&mut bytes, start);
        }
        ctx.send_from(actor, &bytes, false).await?;
    }
    Ok(sent.count)
}

/// Sends one frame of each sender after the other. Returns the number of frames of each, which is smaller for a slow server.
pub(super) async fn send_in_rounds(
    ctx: &mut CaseContext,
    stream: &StreamStep,
    sent: &SentFrames,
    paced: bool,
) -> Result<usize, CaseFailure> {
    let (mut count, mut number, mut waits) = (sent.count, 0, paced);
    while number < count {
        let asked = Instant::now();
        for (sender, actor) in stream.from.iter().enumerate() {
            ctx.send_from(actor, &sent.frame(sender, number), true).await?;
        }
        number += 1;
        let has_arrived = (number == 1 || waits) && wait_for_frames(ctx, stream, &sent.nonce, number).await;
        // After one timeout, do not wait for later rounds.
        waits &= has_arrived;
        if has_arrived && number == 1 {
            count = frames_in_time(count, asked.elapsed());
        }
    }
    Ok(count)
}

/// Waits until each recipient has `each` frames of each sender. Returns false after a timeout or a disconnect.
async fn wait_for_frames(ctx: &CaseContext, stream: &StreamStep, nonce: &str, each: usize) -> bool {
    for receiver in &stream.to {
        let Some(conn) = ctx.conns.get(receiver) else { return false };
        let expected = stream.from.iter().filter(|sender| *sender != receiver).count() * each;
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
