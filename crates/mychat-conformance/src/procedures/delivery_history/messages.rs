//! The messages that one user received, and the properties that they must have.

use std::collections::BTreeSet;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use mychat_scenario::model::procedures::HistoryCheck;
use mychat_scenario::template::text;

/// A received message: the sender's name in the frame, the numbers in its content, and the frame.
pub(super) struct SeenMessage<'f> {
    pub(super) sender: &'f str,
    pub(super) private: bool,
    pub(super) from: usize,
    pub(super) to: Option<usize>,
    pub(super) number: usize,
    pub(super) frame: &'f [u8],
}

/// One user, and the messages that it received.
pub(super) struct UserHistory<'r> {
    /// Its index.
    pub(super) me: usize,
    /// The connections of all users.
    pub(super) conns: &'r [Connection],
    pub(super) seen: &'r [SeenMessage<'r>],
    /// The number of messages that each user sent.
    pub(super) messages: usize,
}

/// A frame that does not meet a demand, behind the demand.
type BadFrame<'f> = (String, &'f [u8]);

pub(super) fn parse_message<'f>(frame: &'f [u8], nonce: &str) -> Option<SeenMessage<'f>> {
    let text = std::str::from_utf8(frame).ok()?;
    let mut fields = text.splitn(3, '|');
    let (command, sender, content) = (fields.next()?, fields.next()?, fields.next()?);
    let mut parts = content.strip_prefix(nonce)?.strip_prefix('.')?.split('.');
    let from = parts.next()?.parse().ok()?;
    let to = parts.next()?.parse().ok();
    let number = parts.next()?.parse().ok()?;
    Some(SeenMessage { sender, private: command == "MESSAGE", from, to, number, frame })
}

/// Returns the sender and the number of the first owed message that user `me` did not get.
pub(super) fn missing(
    me: usize,
    messages: usize,
    count: usize,
    seen: &BTreeSet<(usize, usize)>,
) -> Option<(usize, usize)> {
    let owed =
        |from: usize, number: usize| number.is_multiple_of(2) || (from + 1 + number / 2 % (count - 1)) % count == me;
    let all = (0..count).filter(|from| *from != me).flat_map(|from| (0..messages).map(move |number| (from, number)));
    all.into_iter().find(|(from, number)| owed(*from, *number) && !seen.contains(&(*from, *number)))
}

/// Fails unless the messages of one user have the property.
pub(super) fn check(ctx: &CaseContext, look: HistoryCheck, history: &UserHistory<'_>) -> StepResult {
    let actor = history.actor();
    let bad = match look {
        HistoryCheck::Loss => {
            history.check_complete()?;
            None
        }
        HistoryCheck::Duplicates => history.repeated(),
        HistoryCheck::Order => history.overtaken(),
        HistoryCheck::Crosstalk => history.misrouted(),
        HistoryCheck::Identity => history.forged(),
        HistoryCheck::Lists | HistoryCheck::Frames | HistoryCheck::Total => None,
    };
    if let Some((demand, frame)) = bad {
        let got = ctx.names.humanize(&format!("{actor} got {}", text::shown(frame)));
        return Err(CaseFailure::fail(demand, got));
    }
    if history.seen.is_empty() {
        return Err(CaseFailure::fail(format!("{actor} gets messages"), format!("{actor} got none at all")));
    }
    Ok(())
}

impl<'r> UserHistory<'r> {
    fn actor(&self) -> &'r str {
        &self.conns[self.me].actor
    }

    fn check_complete(&self) -> StepResult {
        let seen = self.seen.iter().map(|message| (message.from, message.number)).collect();
        let Some((from, number)) = missing(self.me, self.messages, self.conns.len(), &seen) else { return Ok(()) };
        Err(CaseFailure::fail(
            format!("{} gets everything that is sent to it or to all", self.actor()),
            format!("message {number} of hist{from} never arrived"),
        ))
    }

    fn repeated(&self) -> Option<BadFrame<'r>> {
        let mut seen = BTreeSet::new();
        let repeated = self.seen.iter().find(|message| !seen.insert((message.from, message.number)))?;
        Some((format!("{} gets every message once", self.actor()), repeated.frame))
    }

    fn overtaken(&self) -> Option<BadFrame<'r>> {
        let count = self.conns.len();
        let mut last = vec![None; count];
        for message in self.seen.iter().filter(|message| message.from < count && message.from != self.me) {
            let (from, before) = (message.from, last[message.from]);
            if before > Some(message.number) {
                let demand = format!(
                    "{} gets hist{from}'s messages in the order in which they were sent: after number {:?} a later one",
                    self.actor(),
                    before.unwrap_or(0)
                );
                return Some((demand, message.frame));
            }
            last[from] = Some(message.number);
        }
        None
    }

    fn misrouted(&self) -> Option<BadFrame<'r>> {
        let is_wrong = |message: &&SeenMessage<'_>| {
            // A copy of a private message for its sender is a permitted reading.
            let copy = message.private && message.from == self.me;
            !copy && message.to.is_some_and(|to| to != self.me) || message.private != message.to.is_some()
        };
        let wrong = self.seen.iter().find(is_wrong)?;
        let demand = format!("{} gets private messages only where they are for it, and as MESSAGE", self.actor());
        Some((demand, wrong.frame))
    }

    fn forged(&self) -> Option<BadFrame<'r>> {
        let name = |index: usize| self.conns.get(index).and_then(|conn| conn.name.as_deref());
        let wrong = self.seen.iter().find(|message| Some(message.sender) != name(message.from))?;
        Some(("the sender's name stands in front of each message".to_owned(), wrong.frame))
    }
}
