//! The steps of a case: sending, and checking the frames that arrive.

use std::time::Duration;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::harness::pace::{Awaited, FenceResult};
use mychat_scenario::model::CloseKind;
use mychat_scenario::template::text;

mod list;
mod gets;
mod silence;
mod closed;
pub(crate) mod rooms;

impl CaseContext {
    pub(crate) async fn connect(&mut self, actor: &str, other: Option<&str>) -> StepResult {
        let name = self.names.wire(other.unwrap_or(actor));
        let again = other.is_some() || self.conns.contains_key(actor);
        let started = tokio::time::Instant::now();
        let patience = self.env.pace.full_wait(Awaited::Release, FenceResult::Impossible, 0, self.env.timeout);
        let mut was_refused = false;
        loop {
            let result = self.connect_as(actor, &name).await;
            match result {
                // The name was in use a moment ago: the server may need some time to release it.
                Err(CaseFailure::Fail { .. }) if again && started.elapsed() < patience => {
                    was_refused = true;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Ok(conn) => {
                    if was_refused {
                        self.env.pace.record_arrival(Awaited::Release, started.elapsed());
                    }
                    self.conns.insert(actor.to_owned(), conn);
                    return Ok(());
                }
                Err(failure) => {
                    if was_refused {
                        self.env.pace.record_missing(Awaited::Release, started.elapsed(), self.env.timeout);
                    }
                    return Err(failure);
                }
            }
        }
    }

    /// Sends a frame or bytes. A closed connection is no failure here: the step that expects a reply reports it.
    pub(crate) async fn send_from(&mut self, actor: &str, bytes: &[u8], is_frame: bool) -> StepResult {
        if let Some(name) =
            bytes.strip_prefix(b"CONNECT|").filter(|_| !self.conns.get(actor).is_some_and(Connection::is_user))
        {
            self.names.rename(actor, String::from_utf8_lossy(name).trim_end_matches(['\r', '\n']));
        }
        if bytes.starts_with(b"DISCONNECT") {
            self.mark_lists_stale();
        }
        let conn = self.conn(actor)?;
        let sent = if is_frame { conn.send(bytes).await } else { conn.send_bytes(bytes).await };
        match sent {
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(CaseFailure::Inconclusive(format!("the server does not read what {actor} sends")))
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn send_raw(
        &mut self,
        actor: &str,
        written: &str,
        split: Option<usize>,
        every: Option<Duration>,
    ) -> StepResult {
        let mut bytes = text::bytes(written, &self.names);
        match self.env.framing.send {
            mychat_proto::Framing::CrLf => bytes = text::crlf(&bytes),
            mychat_proto::Framing::Raw if bytes.last() == Some(&b'\n') => bytes.truncate(bytes.len() - 1),
            _ => {}
        }
        if bytes.starts_with(b"CONNECT|") {
            let name: Vec<u8> = bytes[8..].iter().copied().take_while(|byte| !b"\r\n".contains(byte)).collect();
            self.conn(actor)?.name = Some(String::from_utf8_lossy(&name).into_owned());
        }
        let size = split.unwrap_or(bytes.len()).max(1);
        for (index, piece) in bytes.chunks(size).enumerate() {
            if index > 0
                && let Some(every) = every
            {
                tokio::time::sleep(every).await;
            }
            self.send_from(actor, piece, false).await?;
        }
        Ok(())
    }

    /// Waits until all effects of the actor's last frame have arrived at it: by a fence if it is logged in.
    async fn await_effects(&mut self, actor: &str) {
        let is_user = self.conns.get(actor).is_some_and(|conn| conn.is_user() && conn.is_open());
        if is_user {
            let _ = self.fence(actor).await;
        } else if let Some(conn) = self.conns.get(actor) {
            let count = conn.inbox().frames.len();
            conn.wait_at_most(self.env.quiet_period(), |inbox| {
                (inbox.end.is_some() || inbox.frames.len() > count).then_some(())
            })
            .await;
        }
    }

    pub(crate) async fn close_connection(&mut self, actor: &str, kind: CloseKind) -> StepResult {
        self.mark_lists_stale();
        let conn = self.conn(actor)?;
        match kind {
            CloseKind::Disconnect => {
                let _ = conn.send(b"DISCONNECT").await;
            }
            CloseKind::Fin => conn.close(),
            CloseKind::Half => conn.close_sending(),
            CloseKind::Rst => conn.reset(),
        }
        Ok(())
    }

    pub(crate) async fn record_frames(&mut self, actor: &str) -> StepResult {
        self.conn(actor)?;
        self.await_effects(actor).await;
        let Some(conn) = self.conns.get(actor) else { return Ok(()) };
        let mut inbox = conn.inbox();
        let mut seen: Vec<String> = Vec::new();
        for frame in inbox.frames.iter_mut().filter(|frame| !frame.consumed) {
            frame.consumed = true;
            if !self.is_foreign(&frame.bytes) {
                seen.push(self.names.humanize(text::shown(&frame.bytes).trim_matches('"')));
            }
        }
        seen.extend(inbox.end.map(|_| "closed".to_owned()));
        let description = if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") };
        drop(inbox);
        self.observed.push(format!("{actor} got {description}"));
        Ok(())
    }
}

/// Returns a broadcast of this case that arrived twice on one connection. A case never sends the same broadcast twice.
fn repeated_broadcast(
    frames: &[crate::harness::connection::ReceivedFrame],
    is_foreign: impl Fn(&[u8]) -> bool,
) -> Option<Vec<u8>> {
    let broadcast = |frame: &&crate::harness::connection::ReceivedFrame| {
        frame.bytes.starts_with(b"BROADCAST|") && !frame.consumed && !is_foreign(&frame.bytes)
    };
    let mut echoes = frames.iter().filter(broadcast);
    echoes
        .find(|one| frames.iter().filter(|other| other.bytes == one.bytes).count() > 1)
        .map(|frame| frame.bytes.clone())
}
