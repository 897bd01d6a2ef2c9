//! Messages behind a stimulus that prove, by arriving, that all it caused has arrived before them.

use std::time::Duration;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};

/// What all fences have in them, before the case's nonce.
const MARK: &str = "fence-";

impl CaseContext {
    /// Connects the witness, unless it is connected. A server that refuses it makes the case inconclusive.
    pub(crate) async fn ensure_witness(&mut self) -> StepResult {
        self.connect_witness().await.map_err(|_| {
            CaseFailure::Inconclusive("the server lets no further user in, so nothing can be proven".to_owned())
        })
    }

    /// Connects the witness, unless it is connected.
    pub(crate) async fn connect_witness(&mut self) -> StepResult {
        if !self.witness.as_ref().is_some_and(Connection::is_open) {
            let name = self.names.wire("zwitness");
            self.witness = Some(self.connect_as("witness", &name).await?);
        }
        Ok(())
    }

    /// Whether a frame is a fence, or comes from somebody whom the case does not know.
    pub(crate) fn is_foreign(&self, frame: &[u8]) -> bool {
        let nonce = self.names.nonce().as_bytes();
        let message = frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|");
        let fence = crate::harness::connection::contains(frame, MARK.as_bytes());
        message && (fence || !crate::harness::connection::contains(frame, nonce))
    }

    fn mark(&mut self) -> String {
        self.fences += 1;
        format!("{MARK}{}-{:x}.", self.names.nonce(), self.fences)
    }

    /// Sends a marked message from one of `from` (none: the witness) to `to` (none: the witness) and waits for it.
    /// Says whether it came; a sender who was closed meanwhile gives `false` at once.
    async fn pass(&mut self, from: Option<&str>, to: Option<&str>, timeout: Duration) -> bool {
        let mark = self.mark();
        let recipient = match to {
            Some(to) => self.conns.get(to).and_then(|conn| conn.name.clone()),
            None => self.witness.as_ref().and_then(|conn| conn.name.clone()),
        };
        let Some(recipient) = recipient else { return false };
        let frame = format!("MESSAGE|{recipient}|{mark}");
        let sender = match from {
            Some(from) => self.conns.get_mut(from),
            None => self.witness.as_mut(),
        };
        let Some(sender) = sender else { return false };
        if sender.send(frame.as_bytes()).await.is_err() {
            return false;
        }
        let reader = |ctx: &'_ Self, who: Option<&str>| match who {
            Some(actor) => ctx.conns.contains_key(actor),
            None => ctx.witness.is_some(),
        };
        if !reader(self, to) {
            return false;
        }
        let (sender, receiver) = match (from, to) {
            (Some(from), Some(to)) => (self.conns.get(from), self.conns.get(to)),
            (Some(from), None) => (self.conns.get(from), self.witness.as_ref()),
            (None, Some(to)) => (self.witness.as_ref(), self.conns.get(to)),
            (None, None) => (self.witness.as_ref(), self.witness.as_ref()),
        };
        let (Some(sender), Some(receiver)) = (sender, receiver) else { return false };
        let arrived = receiver.wait_until(timeout, |inbox| {
            if inbox.has_bytes(mark.as_bytes()) { Some(true) } else { inbox.end.map(|_| false) }
        });
        let ended = sender.wait_until(timeout, |inbox| inbox.end.map(|_| ()));
        tokio::select! {
            biased;
            arrived = arrived => arrived == Some(true),
            Some(()) = ended => false,
        }
    }

    /// A message through the actor's connection in both directions.
    pub(crate) async fn round_trip(&mut self, actor: &str) -> bool {
        if self.ensure_witness().await.is_err() {
            return false;
        }
        let timeout = self.env.timeout;
        self.pass(Some(actor), None, timeout).await && self.pass(None, Some(actor), timeout).await
    }

    /// Waits until all that anybody caused so far has arrived at `actor`, and says whether that is proven.
    pub(crate) async fn fence(&mut self, actor: &str) -> StepResult {
        self.ensure_witness().await?;
        let timeout = self.env.timeout;
        let unproven = || {
            CaseFailure::Inconclusive(format!(
                "a message sent behind it did not reach {actor}, so it is not proven that nothing else comes"
            ))
        };
        let reachable = |ctx: &Self| ctx.conns.get(actor).is_some_and(|conn| conn.is_open() && conn.is_user());
        if reachable(self) {
            // Its own first: whether the server hangs up on it is known then, and nobody writes to a user who is gone.
            let own = self.pass(Some(actor), None, timeout).await && self.pass(None, Some(actor), timeout).await;
            if !own && reachable(self) {
                return Err(unproven());
            }
        }
        let to = reachable(self).then_some(actor);
        let others: Vec<String> = self
            .conns
            .iter()
            .filter(|(name, conn)| *name != actor && conn.is_open() && conn.is_user() && !conn.sent.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for other in others {
            let passed = self.pass(Some(&other), to, timeout).await;
            if !passed && self.conns.get(&other).is_some_and(Connection::is_open) {
                return Err(unproven());
            }
        }
        if to.is_some() {
            return Ok(());
        }
        self.fence_by_connect(actor).await
    }

    /// On a connection that is no user's, an answer to `CONNECT` is the fence.
    async fn fence_by_connect(&mut self, actor: &str) -> StepResult {
        let name = self.names.wire(&format!("z{actor}"));
        let timeout = self.env.timeout;
        let Some(conn) = self.conns.get_mut(actor).filter(|conn| conn.is_open()) else { return Ok(()) };
        let before = conn.inbox().connect_replies;
        let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
        let done =
            conn.wait_until(timeout, |inbox| (inbox.connect_replies > before || inbox.end.is_some()).then_some(()));
        done.await.ok_or_else(|| {
            CaseFailure::Inconclusive(format!("{actor}'s connection no longer answers, so nothing is proven about it"))
        })
    }

    /// At the end of a case nothing may have come that nobody sent.
    pub(crate) async fn check_nothing_unasked(&mut self) -> StepResult {
        let connect_users: Vec<String> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.is_open() && conn.is_user())
            .map(|(name, _)| name.clone())
            .collect();
        if connect_users.len() > 12 || self.ensure_witness().await.is_err() {
            return Ok(());
        }
        for user in &connect_users {
            // Whether the connection still works is another question; this one is only about what came.
            self.pass(None, Some(user), self.env.timeout / 4).await;
        }
        let sent: Vec<&[u8]> = self.conns.values().flat_map(|conn| conn.sent.iter().map(Vec::as_slice)).collect();
        let everything = sent.concat();
        let check_nothing_unasked = self.conns.iter().find_map(|(actor, conn)| {
            let inbox = conn.inbox();
            let mut rest = inbox.frames.iter().filter(|frame| !frame.consumed && !self.is_foreign(&frame.bytes));
            let frame = rest.find(|frame| !asked(conn, &frame.bytes, &everything))?;
            Some((actor, frame.bytes.clone()))
        });
        let Some((actor, frame)) = check_nothing_unasked else { return Ok(()) };
        self.config.wire_log.mark(actor, &frame);
        let got = self.names.humanize(&mychat_scenario::template::text::shown(&frame));
        let failure =
            CaseFailure::fail(format!("{actor} gets only what somebody sent to it"), format!("{actor} got {got}"));
        Err(failure.with(Evidence::UnexpectedFrame { actor: actor.clone(), frame }))
    }
}

/// Whether a message is one that somebody sent to this line, as far as its content tells.
fn asked(conn: &Connection, frame: &[u8], everything: &[u8]) -> bool {
    let mut fields = frame.splitn(3, |byte| *byte == b'|');
    let (command, sender) = (fields.next(), fields.next().unwrap_or_default());
    let content = fields.next().unwrap_or_default();
    let name = conn.name.as_deref().unwrap_or_default().trim().as_bytes();
    match command {
        // Whether the sender gets a copy of its own message is a reading.
        Some(b"MESSAGE") if sender == name => crate::harness::connection::contains(&conn.sent.concat(), content),
        Some(b"MESSAGE") => {
            crate::harness::connection::contains(everything, content)
                && crate::harness::connection::contains(everything, &[b"MESSAGE|", name].concat())
        }
        Some(b"BROADCAST") => crate::harness::connection::contains(everything, content),
        _ => true,
    }
}
