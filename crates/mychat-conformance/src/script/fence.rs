//! Messages behind a stimulus that prove, by arriving, that all it caused has arrived before them.

use std::time::Duration;

use super::line::Line;
use super::outcome::{Played, Trouble};
use super::stage::Stage;

/// What all fences have in them, before the case's nonce.
const MARK: &str = "fence-";

impl Stage {
    /// Brings the witness in, if it is not here.
    pub async fn witness(&mut self) -> Played {
        if self.witness.as_ref().is_some_and(Line::is_open) {
            return Ok(());
        }
        let name = self.cast.wire("zwitness");
        self.witness = Some(self.welcome("witness", &name).await.map_err(|_| {
            Trouble::Inconclusive("the server lets no further user in, so nothing can be proven".to_owned())
        })?);
        Ok(())
    }

    /// Whether a frame is a fence, or comes from somebody whom the case does not know.
    pub fn is_foreign(&self, frame: &[u8]) -> bool {
        let nonce = self.cast.nonce().as_bytes();
        let message = frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|");
        let fence = super::line_contains(frame, MARK.as_bytes());
        message && (fence || !super::line_contains(frame, nonce))
    }

    fn mark(&mut self) -> String {
        self.fences += 1;
        format!("{MARK}{}-{:x}.", self.cast.nonce(), self.fences)
    }

    /// Sends a marked message from one of `from` (none: the witness) to `to` (none: the witness) and waits for it.
    /// Says whether it came; a sender who was closed meanwhile gives `false` at once.
    async fn pass(&mut self, from: Option<&str>, to: Option<&str>, patience: Duration) -> bool {
        let mark = self.mark();
        let recipient = match to {
            Some(to) => self.lines.get(to).and_then(|line| line.name.clone()),
            None => self.witness.as_ref().and_then(|line| line.name.clone()),
        };
        let Some(recipient) = recipient else { return false };
        let frame = format!("MESSAGE|{recipient}|{mark}");
        let sender = match from {
            Some(from) => self.lines.get_mut(from),
            None => self.witness.as_mut(),
        };
        let Some(sender) = sender else { return false };
        if sender.send(frame.as_bytes()).await.is_err() {
            return false;
        }
        let reader = |stage: &'_ Self, who: Option<&str>| match who {
            Some(actor) => stage.lines.contains_key(actor),
            None => stage.witness.is_some(),
        };
        if !reader(self, to) {
            return false;
        }
        let (sender, receiver) = match (from, to) {
            (Some(from), Some(to)) => (self.lines.get(from), self.lines.get(to)),
            (Some(from), None) => (self.lines.get(from), self.witness.as_ref()),
            (None, Some(to)) => (self.witness.as_ref(), self.lines.get(to)),
            (None, None) => (self.witness.as_ref(), self.witness.as_ref()),
        };
        let (Some(sender), Some(receiver)) = (sender, receiver) else { return false };
        let arrived = receiver
            .until(patience, |inbox| if inbox.holds(mark.as_bytes()) { Some(true) } else { inbox.end.map(|_| false) });
        let ended = sender.until(patience, |inbox| inbox.end.map(|_| ()));
        tokio::select! {
            biased;
            arrived = arrived => arrived == Some(true),
            Some(()) = ended => false,
        }
    }

    /// A message through the actor's connection in both directions.
    pub async fn round_trip(&mut self, actor: &str) -> bool {
        if self.witness().await.is_err() {
            return false;
        }
        let patience = self.around.patience;
        self.pass(Some(actor), None, patience).await && self.pass(None, Some(actor), patience).await
    }

    /// Waits until all that anybody caused so far has arrived at `actor`, and says whether that is proven.
    pub async fn fence(&mut self, actor: &str) -> Played {
        self.witness().await?;
        let patience = self.around.patience;
        let unproven = || {
            Trouble::Inconclusive(format!(
                "a message sent behind it did not reach {actor}, so it is not proven that nothing else comes"
            ))
        };
        let reachable = |stage: &Self| stage.lines.get(actor).is_some_and(|line| line.is_open() && line.is_user());
        if reachable(self) {
            // Its own first: whether the server hangs up on it is known then, and nobody writes to a user who is gone.
            let own = self.pass(Some(actor), None, patience).await && self.pass(None, Some(actor), patience).await;
            if !own && reachable(self) {
                return Err(unproven());
            }
        }
        let to = reachable(self).then_some(actor);
        let others: Vec<String> = self
            .lines
            .iter()
            .filter(|(name, line)| *name != actor && line.is_open() && line.is_user() && !line.said.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for other in others {
            let passed = self.pass(Some(&other), to, patience).await;
            if !passed && self.lines.get(&other).is_some_and(Line::is_open) {
                return Err(unproven());
            }
        }
        if to.is_some() {
            return Ok(());
        }
        self.last_word(actor).await
    }

    /// On a connection that is no user's, an answer to `CONNECT` is the fence.
    async fn last_word(&mut self, actor: &str) -> Played {
        let name = self.cast.wire(&format!("z{actor}"));
        let patience = self.around.patience;
        let Some(line) = self.lines.get_mut(actor).filter(|line| line.is_open()) else { return Ok(()) };
        let before = line.inbox().answers;
        let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
        let done = line.until(patience, |inbox| (inbox.answers > before || inbox.end.is_some()).then_some(()));
        done.await.ok_or_else(|| {
            Trouble::Inconclusive(format!("{actor}'s connection no longer answers, so nothing is proven about it"))
        })
    }

    /// At the end of a case nothing may have come that nobody sent.
    pub(super) async fn unasked(&mut self) -> Played {
        let users: Vec<String> = self
            .lines
            .iter()
            .filter(|(_, line)| line.is_open() && line.is_user())
            .map(|(name, _)| name.clone())
            .collect();
        if users.len() > 12 || self.witness().await.is_err() {
            return Ok(());
        }
        for user in &users {
            // Whether the connection still works is another question; this one is only about what came.
            self.pass(None, Some(user), self.around.patience / 4).await;
        }
        let said: Vec<&[u8]> = self.lines.values().flat_map(|line| line.said.iter().map(Vec::as_slice)).collect();
        let everything = said.concat();
        let unasked = self.lines.iter().find_map(|(actor, line)| {
            let inbox = line.inbox();
            let mut rest = inbox.frames.iter().filter(|frame| !frame.taken && !self.is_foreign(&frame.bytes));
            let frame = rest.find(|frame| !asked(line, &frame.bytes, &everything))?;
            Some((actor, frame.bytes.clone()))
        });
        let Some((actor, frame)) = unasked else { return Ok(()) };
        self.setting.transcript.mark(actor, &frame);
        self.look_for_blame(actor, &frame);
        let got = self.cast.humanize(&mychat_scenario::template::text::shown(&frame));
        Err(Trouble::fail(format!("{actor} gets only what somebody sent to it"), format!("{actor} got {got}")))
    }
}

/// Whether a message is one that somebody sent to this line, as far as its content tells.
fn asked(line: &Line, frame: &[u8], everything: &[u8]) -> bool {
    let mut fields = frame.splitn(3, |byte| *byte == b'|');
    let (command, sender) = (fields.next(), fields.next().unwrap_or_default());
    let content = fields.next().unwrap_or_default();
    let name = line.name.as_deref().unwrap_or_default().trim().as_bytes();
    match command {
        // Whether the sender gets a copy of its own message is a reading.
        Some(b"MESSAGE") if sender == name => super::line_contains(&line.said.concat(), content),
        Some(b"MESSAGE") => {
            super::line_contains(everything, content) && super::line_contains(everything, &[b"MESSAGE|", name].concat())
        }
        Some(b"BROADCAST") => super::line_contains(everything, content),
        _ => true,
    }
}
