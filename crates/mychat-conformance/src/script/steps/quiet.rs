//! What must not come: nothing at all, nothing before the answer, no list, nothing too long.

use super::twice;
use crate::script::line::Line;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::template::pattern;
use mychat_scenario::template::text;

/// Whoever gets lists without being a user.
const EVERY_SOCKET: &str = "lists go to every socket, also to those that have not been let in by a CONNECT";

impl Stage {
    pub(super) async fn silence(&mut self, actor: &str) -> Played {
        self.line(actor)?;
        let is_user = self.lines.get(actor).is_some_and(Line::is_user);
        self.unharmed(actor)?;
        let fenced = self.fence(actor).await;
        if let (Err(_), Some(line)) = (&fenced, self.lines.get(actor)) {
            // Where the whole server is gone the witness may hear of it before the actor does.
            line.within(self.around.quiet(), |inbox| inbox.end).await;
        }
        self.unharmed(actor)?;
        fenced?;
        let Some(line) = self.lines.get(actor) else { return Ok(()) };
        // The fence on a connection that was no user's was an answer to CONNECT, with a reason perhaps.
        let skip = |frame: &[u8]| !is_user && (frame.starts_with(b"CONNECT_ACK|") || frame.starts_with(b"ERROR|"));
        let found = line
            .inbox()
            .frames
            .iter()
            .find(|frame| !frame.taken && !skip(&frame.bytes) && !self.passes_over(actor, &frame.bytes, false))
            .map(|frame| frame.bytes.clone());
        let found = found.or_else(|| twice(&line.inbox().frames, |frame| self.is_foreign(frame)));
        let Some(frame) = found else { return Ok(()) };
        self.setting.transcript.mark(actor, &frame);
        self.look_for_blame(actor, &frame);
        let got = self.cast.humanize(&text::shown(&frame));
        Err(Trouble::fail(format!("{actor} gets nothing"), format!("{actor} got {got}")))
    }

    /// Who is a user and has not left must not be thrown out because of what others did.
    pub(super) fn unharmed(&self, actor: &str) -> Played {
        let Some(line) = self.lines.get(actor) else { return Ok(()) };
        let left = line.said.iter().any(|said| crate::script::line_contains(said, b"DISCONNECT"));
        if line.is_user() && !left && line.inbox().end.is_some() {
            let got = format!("the server closed {actor}'s connection");
            return Err(Trouble::fail(format!("{actor} gets nothing, and stays connected"), got));
        }
        Ok(())
    }

    pub(super) async fn first(&mut self, actor: &str, written: &[String]) -> Played {
        let patience = self.around.patience;
        let line = self.line(actor)?;
        line.until(patience, |inbox| (inbox.answers > 0 || inbox.lists > 0 || inbox.end.is_some()).then_some(())).await;
        if line.inbox().early_lists > 0 {
            let list = line.inbox().list_frames.first().cloned().unwrap_or_default();
            let name = line.name.clone().unwrap_or_default();
            if !name.is_empty() && !list.split(',').any(|other| other.contains(&name)) {
                let _ = self.blame.set(EVERY_SOCKET);
            }
            let want = format!("the first frame that {actor} gets is {}", pattern::listed(written, &self.cast));
            return Err(Trouble::fail(want, self.cast.humanize(&format!("{actor} got USER_LIST|{list} first"))));
        }
        self.gets(actor, written).await
    }

    pub(super) async fn no_list(&mut self, actor: &str) -> Played {
        self.line(actor)?;
        // On its own connection nothing can be sent without becoming a user: whoever caused a list is fenced instead.
        let others: Vec<String> = self.lines.keys().filter(|name| *name != actor).cloned().collect();
        for other in others {
            self.fence(&other).await?;
        }
        let quiet = self.around.quiet();
        let line = self.line(actor)?;
        line.within(quiet, |inbox| (inbox.lists > 0 || inbox.end.is_some()).then_some(())).await;
        let (list, first) = {
            let inbox = line.inbox();
            (inbox.list.clone(), inbox.list_frames.first().cloned())
        };
        match list {
            None => Ok(()),
            Some(list) => {
                // The first of those to whom a list is owed after this connection asked is the witness.
                let witness = self.cast.known("zwitness").unwrap_or_default();
                if first.is_some_and(|first| first.split(',').any(|name| name.contains(witness))) {
                    let _ = self.blame.set(EVERY_SOCKET);
                }
                let got = self.cast.humanize(&format!("{actor} got USER_LIST|{list}"));
                Err(Trouble::fail(format!("{actor} gets no list"), got))
            }
        }
    }

    pub(super) fn within_limit(&mut self, actor: &str) -> Played {
        let line = self.line(actor)?;
        let inbox = line.inbox();
        let frames = inbox.frames.iter().map(|frame| frame.bytes.len());
        let lists = inbox.list_frames.iter().map(|list| list.len() + "USER_LIST|".len());
        match frames.chain(lists).max() {
            Some(longest) if longest > mychat_proto::MAX_FRAME => Err(Trouble::fail(
                format!("{actor} gets no message longer than 1024 bytes"),
                format!("one of {longest} bytes"),
            )),
            _ => Ok(()),
        }
    }
}
