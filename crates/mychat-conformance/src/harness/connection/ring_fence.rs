//! Ring fences: after a silence, each user of a case sends a message to the next one. Their arrival proves that the server
//! has handled everything that these users sent, and has sent everything that it owed them. If only some arrive, the server
//! is not busy, and has lost the others.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::members::Participant;
use super::{Connection, ReaderState};
use crate::harness::join_all;
use crate::harness::pace::{FenceResult, ServerPace};
use crate::harness::wire_log::Direction;

/// With more users than this, only some of them send a fence.
const MAX_PARTICIPANTS: usize = 48;

/// A fence that is on its way.
struct SentFence<'p> {
    number: u64,
    to: &'p Participant,
}

/// The wait for a message to its own sender: a server may not deliver it.
const TO_SELF_WAIT: Duration = Duration::from_millis(250);

/// The fences of one round that arrived.
enum RoundResult {
    All,
    /// Some of them; the first one after this time.
    Some(Duration),
    /// The only participant does not get a message that it sends to itself.
    NoMessageToSelf,
    /// A write failed, so the round is incomplete.
    NotSent,
}

impl Connection {
    /// Sends a ring fence and waits for its arrival, without a limit: the caller has one. Connections of a case that wait at
    /// the same time share a fence, because a server may take two messages that arrive together for one.
    pub(super) async fn ring_fence(&self) -> FenceResult {
        let config = &self.config;
        if !config.pace.fences_work() {
            return FenceResult::Impossible;
        }
        let asked = Instant::now();
        let mut latest = config.members.latest_fence().await;
        if let Some((started, result)) = *latest
            && started >= asked
        {
            return result;
        }
        let started = Instant::now();
        let result = self.send_ring(started).await;
        *latest = Some((started, result));
        result
    }

    async fn send_ring(&self, started: Instant) -> FenceResult {
        let config = &self.config;
        let (mut ring, mut is_complete) = config.members.participants(config.framing.send, config.timeout);
        if ring.len() > MAX_PARTICIPANTS {
            ring.truncate(MAX_PARTICIPANTS);
            is_complete = false;
        }
        if ring.is_empty() || ring.len() == 1 && !config.pace.delivers_to_self() {
            return FenceResult::Impossible;
        }
        // After the first round all stimuli are handled. What they caused arrives before the second round.
        for _ in 0..2 {
            match self.pass_round(&ring).await {
                RoundResult::All if ring.len() == 1 => config.pace.record_message_to_self(true),
                RoundResult::All => {}
                RoundResult::Some(first) => return FenceResult::OthersServed(first),
                RoundResult::NoMessageToSelf => {
                    config.pace.record_message_to_self(false);
                    return FenceResult::Impossible;
                }
                RoundResult::NotSent => return FenceResult::Missing,
            }
        }
        let taken = started.elapsed();
        if is_complete { FenceResult::Complete(taken) } else { FenceResult::Partial(taken) }
    }

    /// Sends one message from each participant to the next one, or from the only one to itself, and waits until all arrive, or end with their connection. Waits
    /// without a limit as long as none arrives.
    async fn pass_round(&self, ring: &[Participant]) -> RoundResult {
        let mut sent = Vec::with_capacity(ring.len());
        for (index, from) in ring.iter().enumerate() {
            let to = &ring[(index + 1) % ring.len()];
            let (number, mark) = self.config.members.next_fence();
            let mut bytes = format!("MESSAGE|{}|{mark}", to.name).into_bytes();
            self.config.framing.send.end(&mut bytes, 0);
            if !write_whole(from, &bytes).await {
                return RoundResult::NotSent;
            }
            self.config.wire_log.note(&from.member.actor, Direction::Sent, &bytes);
            sent.push(SentFence { number, to });
        }
        let any = Notify::new();
        let arrivals = sent.iter().map(|fence| async {
            wait_for_fence(&fence.to.reader, fence.number).await;
            any.notify_one();
        });
        tokio::select! {
            biased;
            _ = join_all(arrivals.collect()) => RoundResult::All,
            first = give_up_stragglers(&any, &self.config.pace) => RoundResult::Some(first),
            () = tokio::time::sleep(TO_SELF_WAIT), if ring.len() == 1 => RoundResult::NoMessageToSelf,
        }
    }
}

/// Waits for the first arrival, and then as long as another one may take. Returns the time until the first one.
async fn give_up_stragglers(any: &Notify, pace: &ServerPace) -> Duration {
    let started = Instant::now();
    any.notified().await;
    let first = started.elapsed();
    tokio::time::sleep_until(started + pace.straggler_wait(first)).await;
    first
}

/// The longest wait for space in the send buffer.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

async fn write_whole(from: &Participant, bytes: &[u8]) -> bool {
    let deadline = Instant::now() + WRITE_TIMEOUT;
    let mut rest = bytes;
    while !rest.is_empty() {
        match from.stream.try_write(rest) {
            Ok(written @ 1..) => rest = &rest[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if !matches!(tokio::time::timeout_at(deadline, from.stream.writable()).await, Ok(Ok(()))) {
                    break;
                }
            }
            _ => break,
        }
    }
    if rest.len() != bytes.len() && !rest.is_empty() {
        from.member.record_incomplete_write();
    }
    rest.is_empty()
}

async fn wait_for_fence(reader: &ReaderState, number: u64) {
    loop {
        let notified = reader.progress.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        {
            let inbox = reader.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            if inbox.fences.contains(&number) || inbox.end.is_some() {
                return;
            }
        }
        notified.await;
    }
}
