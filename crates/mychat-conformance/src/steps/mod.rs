//! The steps of a case: sending, and checking the frames that arrive.

use std::time::Duration;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::pace::{Awaited, FenceResult};
use mychat_scenario::model::CloseKind;
use mychat_scenario::template::pattern::{self, Pattern};
use mychat_scenario::template::text;

mod list;
mod silence;
mod closed;

impl CaseContext {
    pub(crate) async fn connect(&mut self, actor: &str, other: Option<&str>) -> StepResult {
        let name = self.names.wire(other.unwrap_or(actor));
        let again = other.is_some() || self.conns.contains_key(actor);
        let started = tokio::time::Instant::now();
        let patience = self.env.pace.full_wait(Awaited::Release, FenceResult::Impossible, self.env.timeout);
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
                    if was_refused && started.elapsed() >= self.env.timeout {
                        self.env.pace.record_timeout(Awaited::Release);
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

    /// Returns true if the step `gets` skips this frame: it is foreign, an echo, a copy of the actor's own message, or (`refused`)
    /// the `ERROR` that may follow `CONNECT_ACK|FAIL`.
    fn ignores(&self, actor: &str, frame: &[u8], refused: bool) -> bool {
        let Some(conn) = self.conns.get(actor) else { return false };
        let own = conn.name.as_deref().unwrap_or_default();
        let none_declared = self.env.declared.get("broadcast_echo").is_some_and(|value| value == "false");
        let echo = !none_declared && frame.starts_with(format!("BROADCAST|{own}|").as_bytes());
        let copy = frame.strip_prefix(format!("MESSAGE|{own}|").as_bytes()).is_some_and(|content| {
            let sent = |text: &[u8]| conn.sent.iter().any(|sent| crate::harness::connection::contains(sent, text));
            !own.is_empty() && sent(&[b"|", content].concat()) && !sent(&[b"MESSAGE|", own.as_bytes(), b"|"].concat())
        });
        let reason = refused && frame.starts_with(b"ERROR");
        self.is_foreign(frame) || echo || copy || reason
    }

    pub(crate) async fn expect_frame(&mut self, actor: &str, written: &[String]) -> StepResult {
        let patterns: Vec<Pattern> = written.iter().map(|pattern| Pattern::new(pattern, &self.names)).collect();
        let may_be_nothing = patterns.iter().any(|pattern| matches!(pattern, Pattern::Nothing));
        let may_close = patterns.iter().any(|pattern| matches!(pattern, Pattern::Closed));
        let want = format!("{actor} gets {}", pattern::listed(written, &self.names));
        if may_be_nothing {
            self.await_effects(actor).await;
        }
        self.conn(actor)?;
        let timeout = if may_be_nothing { Duration::ZERO } else { self.env.timeout };
        let ctx = &*self;
        let Some(conn) = ctx.conns.get(actor) else { return Ok(()) };
        let look = |inbox: &mut crate::harness::connection::ConnInbox| {
            let mut refused = false;
            for index in 0..inbox.frames.len() {
                let frame = &inbox.frames[index];
                let is_refusal = frame.bytes == b"CONNECT_ACK|FAIL";
                if !frame.consumed && !ctx.is_foreign(&frame.bytes) {
                    if patterns.iter().any(|pattern| pattern.matches(&frame.bytes)) {
                        let logged_in = frame.bytes == b"CONNECT_ACK|OK";
                        inbox.frames[index].consumed = true;
                        return Some(Ok(logged_in));
                    }
                    if !ctx.ignores(actor, &frame.bytes, refused) {
                        return Some(Err(frame.bytes.clone()));
                    }
                }
                refused |= is_refusal;
            }
            match inbox.end {
                Some(_) if may_close => Some(Ok(false)),
                Some(_) => Some(Err(Vec::new())),
                None => None,
            }
        };
        match conn.wait_until(timeout, look).await {
            Some(Ok(logged_in)) => {
                if logged_in {
                    self.await_first_list(conn).await;
                }
                Ok(())
            }
            Some(Err(frame)) => {
                let got = match frame.as_slice() {
                    [] => format!("the server closed {actor}'s connection"),
                    frame => format!("{actor} got {}", self.names.humanize(&text::shown(frame))),
                };
                self.config.wire_log.mark(actor, &frame);
                let (actor, expected, early) = (actor.to_owned(), written.to_vec(), frame.clone());
                let mut failure = CaseFailure::fail(want, got)
                    .with(Evidence::WrongReply { actor: actor.clone(), frame: frame.clone(), expected })
                    .with(Evidence::UnexpectedFrame { actor: actor.clone(), frame });
                if self.arrives_late(&actor, &patterns, &early).await {
                    failure = failure.with(Evidence::Overtaken);
                }
                Err(failure)
            }
            None if may_be_nothing => Ok(()),
            None => {
                let waiting = conn.inbox().unfinished().to_vec();
                let whole = waiting.strip_suffix(b"\r").unwrap_or(&waiting);
                // What has no end is reported as such by a check of its own; here it counts for what it says.
                if !waiting.is_empty() && patterns.iter().any(|pattern| pattern.matches(whole)) {
                    conn.inbox().end_unfinished();
                    conn.inbox().frames.iter_mut().for_each(|frame| frame.consumed |= frame.bytes == whole);
                    return Ok(());
                }
                let got = self.describe_missing_reply(actor);
                let no_reply = Evidence::NoReply { actor: actor.to_owned(), expected: written.to_vec() };
                Err(CaseFailure::fail(want, format!("{actor}: {got}")).with(no_reply))
            }
        }
    }

    /// Waits a short time, and returns true if the one frame that was expected arrives after the frame `early`, which the same
    /// actor sent later.
    async fn arrives_late(&self, actor: &str, expected: &[Pattern], early: &[u8]) -> bool {
        let (Some(conn), [pattern @ Pattern::Fields(..)]) = (self.conns.get(actor), expected) else { return false };
        let late = conn.wait_at_most(self.env.quiet_period(), |inbox| {
            let came = inbox.frames.iter().find(|frame| !frame.consumed && pattern.matches(&frame.bytes));
            came.map(|frame| Some(frame.bytes.clone())).or_else(|| inbox.end.map(|_| None))
        });
        late.await.flatten().is_some_and(|late| self.was_sent_before(&late, early))
    }

    /// Returns true if one actor sent the content of `first` before that of `second`.
    fn was_sent_before(&self, first: &[u8], second: &[u8]) -> bool {
        let content = |frame: &[u8]| frame.splitn(3, |byte| *byte == b'|').nth(2).unwrap_or_default().to_vec();
        let (first, second) = (content(first), content(second));
        let holds = |sent: &[u8], content: &[u8]| crate::harness::connection::contains(sent, content);
        self.conns.values().any(|conn| {
            let place = |content: &[u8]| conn.sent.iter().position(|sent| holds(sent, content));
            !first.is_empty() && !second.is_empty() && place(&first).zip(place(&second)).is_some_and(|(a, b)| a < b)
        })
    }

    fn describe_missing_reply(&self, actor: &str) -> String {
        self.conns.get(actor).map_or_else(String::new, |conn| {
            let all_over = conn.inbox().frames.iter().all(|frame| frame.consumed || self.is_foreign(&frame.bytes));
            let open = conn.inbox().end.is_none() && conn.inbox().unfinished().is_empty();
            if all_over && open { format!("no reply {}", conn.waited()) } else { self.describe_last(conn) }
        })
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
