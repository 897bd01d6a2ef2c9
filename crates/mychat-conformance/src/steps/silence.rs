//! Steps about frames that must not arrive: any frame, a frame before the reply, a list, or a frame that is too long.

use super::repeated_broadcast;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::template::pattern;
use mychat_scenario::template::text;

impl CaseContext {
    pub(crate) async fn expect_silence(&mut self, actor: &str) -> StepResult {
        self.conn(actor)?;
        let is_user = self.conns.get(actor).is_some_and(Connection::is_user);
        self.check_still_connected(actor)?;
        let fenced = self.fence(actor).await;
        if let (Err(_), Some(conn)) = (&fenced, self.conns.get(actor)) {
            // If the server crashed, the witness's connection may end before the actor's.
            conn.wait_at_most(self.env.quiet_period(), |inbox| inbox.end).await;
        }
        self.check_still_connected(actor)?;
        fenced?;
        let Some(conn) = self.conns.get(actor) else { return Ok(()) };
        // On a connection that was not logged in, the fence is a reply to CONNECT, perhaps with an ERROR.
        let skip = |frame: &[u8]| !is_user && (frame.starts_with(b"CONNECT_ACK|") || frame.starts_with(b"ERROR|"));
        let found = conn
            .inbox()
            .frames
            .iter()
            .find(|frame| !frame.consumed && !skip(&frame.bytes) && !self.ignores(actor, &frame.bytes, false))
            .map(|frame| frame.bytes.clone());
        let found = found.or_else(|| repeated_broadcast(&conn.inbox().frames, |frame| self.is_foreign(frame)));
        let Some(frame) = found else { return Ok(()) };
        self.config.wire_log.mark(actor, &frame);
        let got = self.names.humanize(&text::shown(&frame));
        let failure = CaseFailure::fail(format!("{actor} gets nothing"), format!("{actor} got {got}"));
        Err(failure.with(Evidence::UnexpectedFrame { actor: actor.to_owned(), frame }))
    }

    /// Fails if the server disconnected a user who is logged in and did not send `DISCONNECT`.
    pub(crate) fn check_still_connected(&self, actor: &str) -> StepResult {
        let Some(conn) = self.conns.get(actor) else { return Ok(()) };
        let left = conn.sent.iter().any(|sent| crate::harness::connection::contains(sent, b"DISCONNECT"));
        if conn.is_user() && !left && conn.inbox().end.is_some() {
            let got = format!("the server closed {actor}'s connection");
            return Err(CaseFailure::fail(format!("{actor} gets nothing, and stays connected"), got));
        }
        Ok(())
    }

    pub(crate) async fn expect_first(&mut self, actor: &str, written: &[String]) -> StepResult {
        let timeout = self.env.timeout;
        let conn = self.conn(actor)?;
        conn.wait_until(timeout, |inbox| {
            (inbox.connect_replies > 0 || inbox.lists > 0 || inbox.end.is_some()).then_some(())
        })
        .await;
        if conn.inbox().early_lists > 0 {
            let list = conn.inbox().list_frames.first().cloned().unwrap_or_default();
            let own = conn.name.clone().unwrap_or_default();
            let early = Evidence::ListBeforeReply { own, list: list.clone() };
            let want = format!("the first frame that {actor} gets is {}", pattern::listed(written, &self.names));
            let got = self.names.humanize(&format!("{actor} got USER_LIST|{list} first"));
            return Err(CaseFailure::fail(want, got).with(early));
        }
        self.expect_frame(actor, written).await
    }

    pub(crate) async fn expect_no_list(&mut self, actor: &str) -> StepResult {
        self.conn(actor)?;
        // A fence on this connection would log it in. The other actors, who may have caused a list, are fenced instead.
        let others: Vec<String> = self.conns.keys().filter(|name| *name != actor).cloned().collect();
        for other in others {
            self.fence(&other).await?;
        }
        let quiet_period = self.env.quiet_period();
        let conn = self.conn(actor)?;
        conn.wait_at_most(quiet_period, |inbox| (inbox.lists > 0 || inbox.end.is_some()).then_some(())).await;
        let (list, first) = {
            let inbox = conn.inbox();
            (inbox.list.clone(), inbox.list_frames.first().cloned())
        };
        match list {
            None => Ok(()),
            Some(list) => {
                let without_login = Evidence::ListWithoutLogin { first: first.unwrap_or_default() };
                let got = self.names.humanize(&format!("{actor} got USER_LIST|{list}"));
                Err(CaseFailure::fail(format!("{actor} gets no list"), got).with(without_login))
            }
        }
    }

    pub(crate) fn check_frame_limit(&mut self, actor: &str) -> StepResult {
        let conn = self.conn(actor)?;
        let inbox = conn.inbox();
        let frames = inbox.frames.iter().map(|frame| frame.bytes.len());
        let lists = inbox.list_frames.iter().map(|list| list.len() + "USER_LIST|".len());
        match frames.chain(lists).max() {
            Some(longest) if longest > mychat_proto::MAX_FRAME => Err(CaseFailure::fail(
                format!("{actor} gets no message longer than 1024 bytes"),
                format!("one of {longest} bytes"),
            )),
            _ => Ok(()),
        }
    }
}
