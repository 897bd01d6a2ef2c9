//! The steps `room` and `pages`: joining a room before a check begins, and lists that may take several frames.

use std::collections::BTreeSet;

use crate::harness::connection::ConnInbox;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Control, StepResult};
use mychat_scenario::template::text;

/// The first frames at an actor that waits for pages.
enum Pages {
    /// The names of a whole list.
    Complete(Vec<Vec<u8>>),
    /// Another frame, before the list or between its pages.
    Other(Vec<u8>),
    /// The end of the connection.
    Closed,
}

/// The names that a list must have, as bytes on the wire.
struct WantedNames {
    is: Option<BTreeSet<Vec<u8>>>,
    has: Vec<Vec<u8>>,
    lacks: Vec<Vec<u8>>,
}

impl CaseContext {
    /// Lets actors negotiate the extension `rooms` and join a room, one after the other. Takes the frames that this causes.
    pub(crate) async fn enter_room(&mut self, name: &str, members: &[String]) -> StepResult {
        let room = text::bytes(name, &self.names);
        for (index, actor) in members.iter().enumerate() {
            let joined = self.join_room(actor, &room, &members[..index]).await;
            joined.map_err(|failure| failure.in_control(Control::Room))?;
        }
        Ok(())
    }

    async fn join_room(&mut self, actor: &str, room: &[u8], others: &[String]) -> StepResult {
        let has_asked = self.conn(actor)?.sent.iter().any(|sent| sent.starts_with(b"CAPABILITIES|rooms"));
        if !has_asked {
            self.send_from(actor, b"CAPABILITIES|rooms", true).await?;
            self.take_up_to(actor, b"CAPABILITIES|").await?;
        }
        self.send_from(actor, &[b"JOIN|", room].concat(), true).await?;
        self.take_up_to(actor, &[b"OPERATORS|", room, b"|"].concat()).await?;
        let name = self.conn(actor)?.name.clone().unwrap_or_default();
        for other in others {
            self.take_up_to(other, &[b"JOIN|", room, b"|", name.as_bytes()].concat()).await?;
        }
        Ok(())
    }

    /// Waits for a frame that begins with `start`, and takes it with all earlier ones.
    async fn take_up_to(&mut self, actor: &str, start: &[u8]) -> StepResult {
        let timeout = self.env.timeout;
        let conn = self.conn(actor)?;
        let taken = conn.wait_until(timeout, |inbox| {
            let is_last = |frame: &[u8]| frame.starts_with(start) || frame.starts_with(b"ERROR|");
            let at = inbox.frames.iter().position(|frame| !frame.consumed && is_last(&frame.bytes));
            let Some(at) = at else { return inbox.end.map(|_| false) };
            inbox.frames[..=at].iter_mut().for_each(|frame| frame.consumed = true);
            Some(inbox.frames[at].bytes.starts_with(start))
        });
        if taken.await == Some(true) {
            return Ok(());
        }
        Err(CaseFailure::fail(format!("{actor} gets {}", text::shown(start)), "another answer, or none"))
    }

    /// Waits for all pages of one list and compares the names in it, whose order has no meaning.
    pub(crate) async fn expect_pages(
        &mut self,
        actor: &str,
        of: &str,
        is: Option<&[String]>,
        has: &[String],
        lacks: &[String],
    ) -> StepResult {
        let timeout = self.env.timeout;
        self.conn(actor)?;
        let bytes = |names: &[String]| names.iter().map(|name| text::bytes(name, &self.names)).collect::<Vec<_>>();
        let wanted =
            WantedNames { is: is.map(|is| bytes(is).into_iter().collect()), has: bytes(has), lacks: bytes(lacks) };
        let head = [&text::bytes(of, &self.names)[..], b"|"].concat();
        let ctx = &*self;
        let Some(conn) = ctx.conns.get(actor) else { return Ok(()) };
        let pages = conn.wait_until(timeout, |inbox| ctx.take_pages(inbox, actor, &head)).await;
        let got = match pages {
            Some(Pages::Complete(names)) if wanted.are_met_by(&names) => return Ok(()),
            Some(Pages::Complete(names)) => {
                format!("{actor} got {}", text::shown(&[&head[..], &names.join(&b',')].concat()))
            }
            Some(Pages::Other(frame)) => format!("{actor} got {}", text::shown(&frame)),
            Some(Pages::Closed) => format!("the server closed {actor}'s connection"),
            None => format!("{actor} got no whole list {}", conn.waited()),
        };
        let want = format!("{actor} gets {} with {}", text::shown(&head), wanted.describe());
        let failure = CaseFailure::fail(self.names.humanize(&want), self.names.humanize(&got));
        self.config.wire_log.mark(actor, &head);
        Err(failure)
    }

    fn take_pages(&self, inbox: &mut ConnInbox, actor: &str, head: &[u8]) -> Option<Pages> {
        let mut names = Vec::new();
        let mut pages = Vec::new();
        for (index, frame) in inbox.frames.iter().enumerate() {
            if frame.consumed || self.ignores(actor, &frame.bytes, false) {
                continue;
            }
            let Some(page) = frame.bytes.strip_prefix(head) else { return Some(Pages::Other(frame.bytes.clone())) };
            pages.push(index);
            names.extend_from_slice(page);
            if !page.ends_with(b",") {
                for index in pages {
                    inbox.frames[index].consumed = true;
                }
                return Some(Pages::Complete(split_names(&names)));
            }
        }
        inbox.end.map(|_| Pages::Closed)
    }
}

/// Returns the names in a list; none for the empty text.
pub(crate) fn split_names(list: &[u8]) -> Vec<Vec<u8>> {
    if list.is_empty() { Vec::new() } else { list.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect() }
}

impl WantedNames {
    fn are_met_by(&self, names: &[Vec<u8>]) -> bool {
        let set: BTreeSet<Vec<u8>> = names.iter().cloned().collect();
        set.len() == names.len()
            && self.is.as_ref().is_none_or(|is| *is == set)
            && self.has.iter().all(|name| set.contains(name))
            && !self.lacks.iter().any(|name| set.contains(name))
    }

    fn describe(&self) -> String {
        let list = |names: &[Vec<u8>]| String::from_utf8_lossy(&names.join(&b", "[..])).into_owned();
        let exactly = self.is.as_ref().map(|is| format!("exactly {}", list(&is.iter().cloned().collect::<Vec<_>>())));
        let has = (!self.has.is_empty()).then(|| list(&self.has));
        let lacks = (!self.lacks.is_empty()).then(|| format!("without {}", list(&self.lacks)));
        exactly.into_iter().chain(has).chain(lacks).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::{WantedNames, split_names};

    #[test]
    fn names_are_compared_as_sets_without_repetitions() {
        let names = |list: &str| split_names(list.as_bytes());
        let wanted = |is: Option<&str>, has: &str, lacks: &str| WantedNames {
            is: is.map(|is| names(is).into_iter().collect()),
            has: names(has),
            lacks: names(lacks),
        };
        assert!(wanted(Some("a,b"), "", "").are_met_by(&names("b,a")));
        assert!(!wanted(Some("a,b"), "", "").are_met_by(&names("b,a,a")));
        assert!(!wanted(Some("a"), "", "").are_met_by(&names("a,b")));
        assert!(wanted(None, "a", "c").are_met_by(&names("a,b")));
        assert!(!wanted(None, "a", "b").are_met_by(&names("a,b")));
        assert!(wanted(None, "", "b").are_met_by(&names("")));
        assert_eq!(wanted(Some("a,b"), "", "c").describe(), "exactly a, b, without c");
    }
}
