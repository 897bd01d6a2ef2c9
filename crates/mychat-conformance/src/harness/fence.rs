//! Fences: messages sent after a stimulus. The arrival of a fence proves that every effect of the stimulus has arrived.

use std::time::Duration;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};

/// The prefix of every fence's content; the case's nonce follows.
const MARK: &str = "fence-";
/// With more users than this, the check for messages that nobody sent is left out.
const MAX_USERS: usize = 12;

impl CaseContext {
    /// Connects the witness, unless it is connected. A server that refuses it makes the case inconclusive.
    pub(crate) async fn ensure_witness(&mut self) -> StepResult {
        self.connect_witness().await.map_err(|_| {
            CaseFailure::Inconclusive("the server accepts no further user, so nothing can be proven".to_owned())
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

    /// Returns true if a frame is a fence or a message from outside this case.
    pub(crate) fn is_foreign(&self, frame: &[u8]) -> bool {
        let nonce = self.names.nonce().as_bytes();
        let message = frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|");
        let fence = crate::harness::connection::contains(frame, MARK.as_bytes());
        message && (fence || !crate::harness::connection::contains(frame, nonce))
    }

    fn next_mark(&mut self) -> String {
        self.fences += 1;
        format!("{MARK}{}-{:x}.", self.names.nonce(), self.fences)
    }

    /// Sends one fence from `from` to `to` and waits for its arrival. `None` stands for the witness. Returns false if it
    /// does not arrive in time, or as soon as the server closes one of the two connections.
    async fn pass(&mut self, from: Option<&str>, to: Option<&str>, timeout: Duration) -> bool {
        let mark = self.next_mark();
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
        let ended = sender.wait_at_most(timeout, |inbox| inbox.end.map(|_| ()));
        tokio::select! {
            biased;
            arrived = arrived => arrived == Some(true),
            Some(()) = ended => false,
        }
    }

    /// Sends a fence from the actor to the witness and one back. Returns true if both arrive.
    pub(crate) async fn round_trip(&mut self, actor: &str) -> bool {
        if self.ensure_witness().await.is_err() {
            return false;
        }
        let timeout = self.env.timeout;
        self.pass(Some(actor), None, timeout).await && self.pass(None, Some(actor), timeout).await
    }

    /// Waits until all effects of earlier steps have arrived at `actor`. Inconclusive if a fence does not arrive.
    pub(crate) async fn fence(&mut self, actor: &str) -> StepResult {
        self.ensure_witness().await?;
        let timeout = self.env.timeout;
        let unproven = || {
            CaseFailure::Inconclusive(format!(
                "a later message did not reach {actor}, so it is not proven that nothing else arrives"
            ))
        };
        let reachable = |ctx: &Self| ctx.conns.get(actor).is_some_and(|conn| conn.is_open() && conn.is_user());
        if reachable(self) {
            // The actor's own fence comes first: if the server closes the actor, no other fence is sent to it.
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

    /// Uses the reply to `CONNECT` as the fence, on a connection that is not logged in.
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

    /// Fails if an actor received a message that no actor sent. Runs at the end of a case.
    pub(crate) async fn check_nothing_unasked(&mut self) -> StepResult {
        let users: Vec<String> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.is_open() && conn.is_user())
            .map(|(name, _)| name.clone())
            .collect();
        if users.len() > MAX_USERS || self.ensure_witness().await.is_err() {
            return Ok(());
        }
        for user in &users {
            // The result does not matter: this check is about the frames received, not about the connection.
            self.pass(None, Some(user), self.env.timeout / 4).await;
        }
        let sent: Vec<&[u8]> = self.conns.values().flat_map(|conn| conn.sent.iter().map(Vec::as_slice)).collect();
        let everything = sent.concat();
        let unasked = self.conns.iter().find_map(|(actor, conn)| {
            let inbox = conn.inbox();
            let mut rest = inbox.frames.iter().filter(|frame| !frame.consumed && !self.is_foreign(&frame.bytes));
            let frame = rest.find(|frame| !was_sent(conn, &frame.bytes, &everything))?;
            Some((actor, frame.bytes.clone()))
        });
        let Some((actor, frame)) = unasked else { return Ok(()) };
        self.config.wire_log.mark(actor, &frame);
        let got = self.names.humanize(&mychat_scenario::template::text::shown(&frame));
        let failure =
            CaseFailure::fail(format!("{actor} gets only what somebody sent to it"), format!("{actor} got {got}"));
        Err(failure.with(Evidence::UnexpectedFrame { actor: actor.clone(), frame }))
    }
}

/// Returns true if an actor sent this message to `conn`, judging by its content. `everything` has the writes of all actors.
fn was_sent(conn: &Connection, frame: &[u8], everything: &[u8]) -> bool {
    let mut fields = frame.splitn(3, |byte| *byte == b'|');
    let (command, sender) = (fields.next(), fields.next().unwrap_or_default());
    let content = fields.next().unwrap_or_default();
    let name = conn.name.as_deref().unwrap_or_default().trim().as_bytes();
    match command {
        // A copy of a message for its sender is a permitted reading.
        Some(b"MESSAGE") if sender == name => crate::harness::connection::contains(&conn.sent.concat(), content),
        Some(b"MESSAGE") => {
            crate::harness::connection::contains(everything, content)
                && crate::harness::connection::contains(everything, &[b"MESSAGE|", name].concat())
        }
        Some(b"BROADCAST") => crate::harness::connection::contains(everything, content),
        _ => true,
    }
}
