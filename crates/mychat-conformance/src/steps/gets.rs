//! The step `gets`: an actor gets one of the frames that are written there.

use std::time::Duration;

use crate::harness::connection::ConnInbox;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::template::pattern::{self, Pattern};
use mychat_scenario::template::text;

/// The first thing at an actor that the step does not skip.
enum FirstReply {
    /// A frame or an end that is written there.
    Expected {
        /// True if it is the acceptance of a login.
        logged_in: bool,
    },
    /// Another frame.
    Other(Vec<u8>),
    /// The end of the connection.
    Closed,
}

impl CaseContext {
    /// Waits for one of the frames that are written, and fails if another one arrives first.
    pub(crate) async fn expect_frame(&mut self, actor: &str, written: &[String]) -> StepResult {
        let patterns: Vec<Pattern> = written.iter().map(|pattern| Pattern::new(pattern, &self.names)).collect();
        let may_be_nothing = patterns.iter().any(|pattern| matches!(pattern, Pattern::Nothing));
        let want = format!("{actor} gets {}", pattern::listed(written, &self.names));
        if may_be_nothing {
            self.await_effects(actor).await;
        }
        self.conn(actor)?;
        let timeout = if may_be_nothing { Duration::ZERO } else { self.env.timeout };
        let ctx = &*self;
        let Some(conn) = ctx.conns.get(actor) else { return Ok(()) };
        let (frame, got) = match conn.wait_until(timeout, |inbox| ctx.take_first(inbox, actor, &patterns)).await {
            Some(FirstReply::Expected { logged_in }) => {
                if logged_in {
                    self.await_first_list(conn).await;
                }
                return Ok(());
            }
            Some(FirstReply::Other(frame)) => {
                let got = format!("{actor} got {}", self.names.humanize(&text::shown(&frame)));
                (frame, got)
            }
            Some(FirstReply::Closed) => (Vec::new(), format!("the server closed {actor}'s connection")),
            None if may_be_nothing || self.take_unfinished(actor, &patterns) => return Ok(()),
            None => {
                let got = self.describe_missing_reply(actor);
                let no_reply = Evidence::NoReply { actor: actor.to_owned(), expected: written.to_vec() };
                return Err(CaseFailure::fail(want, format!("{actor}: {got}")).with(no_reply));
            }
        };
        self.config.wire_log.mark(actor, &frame);
        let is_overtaken = self.arrives_late(actor, &patterns, &frame).await;
        let (actor, expected) = (actor.to_owned(), written.to_vec());
        let failure = CaseFailure::fail(want, got)
            .with(Evidence::WrongReply { actor: actor.clone(), frame: frame.clone(), expected })
            .with(Evidence::UnexpectedFrame { actor, frame });
        Err(if is_overtaken { failure.with(Evidence::Overtaken) } else { failure })
    }

    /// Takes the first frame that the step does not skip, or the end of the connection.
    fn take_first(&self, inbox: &mut ConnInbox, actor: &str, patterns: &[Pattern]) -> Option<FirstReply> {
        let mut refused = false;
        for index in 0..inbox.frames.len() {
            let frame = &inbox.frames[index];
            let is_refusal = frame.bytes == b"CONNECT_ACK|FAIL";
            if !frame.consumed && !self.is_foreign(&frame.bytes) {
                if patterns.iter().any(|pattern| pattern.matches(&frame.bytes)) {
                    let logged_in = frame.bytes == b"CONNECT_ACK|OK";
                    inbox.frames[index].consumed = true;
                    return Some(FirstReply::Expected { logged_in });
                }
                if !self.ignores(actor, &frame.bytes, refused) {
                    return Some(FirstReply::Other(frame.bytes.clone()));
                }
            }
            refused |= is_refusal;
        }
        let may_close = patterns.iter().any(|pattern| matches!(pattern, Pattern::Closed));
        inbox.end.map(|_| if may_close { FirstReply::Expected { logged_in: false } } else { FirstReply::Closed })
    }

    /// Takes what an actor has got without an end, if it is what the step expects. That it has no end is reported by a check of
    /// its own.
    fn take_unfinished(&self, actor: &str, patterns: &[Pattern]) -> bool {
        let Some(conn) = self.conns.get(actor) else { return false };
        let mut inbox = conn.inbox();
        let waiting = inbox.unfinished().to_vec();
        let whole = waiting.strip_suffix(b"\r").unwrap_or(&waiting);
        let is_expected = !waiting.is_empty() && patterns.iter().any(|pattern| pattern.matches(whole));
        if is_expected {
            inbox.end_unfinished();
            inbox.frames.iter_mut().for_each(|frame| frame.consumed |= frame.bytes == whole);
        }
        is_expected
    }

    /// Returns true if the step `gets` skips this frame: it is foreign, an echo, a copy of the actor's own message, or (`refused`)
    /// the `ERROR` that may follow `CONNECT_ACK|FAIL`.
    pub(crate) fn ignores(&self, actor: &str, frame: &[u8], refused: bool) -> bool {
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
}
