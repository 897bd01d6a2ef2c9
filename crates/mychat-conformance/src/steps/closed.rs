//! Whether a connection is still open, and works.

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::outcome::{CaseFailure, StepResult};

/// Whatever a case is about, this is what a connection that stays open comes from.
const NOT_CLOSED: &str = "DISCONNECT ends the loop without close(), or an exception ends the connection's thread before it (see leave.closes)";

impl CaseContext {
    pub(crate) async fn expect_closed(&mut self, actor: &str) -> StepResult {
        let timeout = self.env.timeout;
        let conn = self.conn(actor)?;
        if conn.wait_until(timeout, |inbox| inbox.end).await.is_some() {
            return Ok(());
        }
        let _ = self.diagnosis.set(NOT_CLOSED);
        Err(CaseFailure::fail(
            format!("the server closes {actor}'s connection"),
            format!("it is still open after {}", humantime::format_duration(timeout)),
        ))
    }

    pub(crate) async fn expect_alive(&mut self, actor: &str) -> StepResult {
        self.conn(actor)?;
        if self.ensure_witness().await.is_err() {
            let want = "a further user connects and exchanges messages with it".to_owned();
            return Err(CaseFailure::fail(want, "the server lets no further user in"));
        }
        let want = format!("{actor}'s connection still works: a message from it and one to it arrive");
        let Some(conn) = self.conns.get(actor) else { return Ok(()) };
        if !conn.is_open() {
            self.diagnose_closed_after_error(actor);
            return Err(CaseFailure::fail(want, format!("the server closed {actor}'s connection")));
        }
        if !conn.is_user() {
            let name = self.names.wire(&format!("z{actor}"));
            let Some(conn) = self.conns.get_mut(actor) else { return Ok(()) };
            let before = conn.inbox().connect_replies;
            let _ = conn.send(format!("CONNECT|{name}").as_bytes()).await;
            let timeout = self.env.timeout;
            let answered = conn.wait_until(timeout, |inbox| {
                if inbox.connect_replies > before { Some(true) } else { inbox.end.map(|_| false) }
            });
            return match answered.await {
                Some(true) => Ok(()),
                Some(false) => Err(CaseFailure::fail(want, format!("the server closed {actor}'s connection"))),
                None => Err(CaseFailure::fail(want, format!("{actor} is not answered any more"))),
            };
        }
        if self.round_trip(actor).await {
            return Ok(());
        }
        let open = self.conns.get(actor).is_some_and(Connection::is_open);
        if !open {
            self.diagnose_closed_after_error(actor);
        }
        let got =
            if open { "they did not arrive".to_owned() } else { format!("the server closed {actor}'s connection") };
        Err(CaseFailure::fail(want, got))
    }
}
