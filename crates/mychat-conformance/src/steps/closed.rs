//! The steps `closed` and `alive`: the state of a connection.

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::pace::Awaited;

impl CaseContext {
    pub(crate) async fn expect_closed(&mut self, actor: &str) -> StepResult {
        let timeout = self.env.timeout;
        let conn = self.conn(actor)?;
        if conn.wait_for(Awaited::Close, timeout, |inbox| inbox.end).await.is_some() {
            return Ok(());
        }
        Err(CaseFailure::fail(
            format!("the server closes {actor}'s connection"),
            format!("it did not {}", conn.waited()),
        )
        .with(Evidence::NotClosed))
    }

    pub(crate) async fn expect_alive(&mut self, actor: &str) -> StepResult {
        self.conn(actor)?;
        if let Err(refused) = self.connect_witness().await {
            let want = "a further user connects and exchanges messages with it".to_owned();
            return Err(CaseFailure::fail(want, "the server accepts no further user").after(&refused));
        }
        let want = format!("{actor}'s connection still works: a message from it and one to it arrive");
        let Some(conn) = self.conns.get(actor) else { return Ok(()) };
        if !conn.is_open() {
            let closed = Evidence::ClosedUnexpectedly { actor: actor.to_owned() };
            return Err(CaseFailure::fail(want, format!("the server closed {actor}'s connection")).with(closed));
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
        if self.conns.get(actor).is_some_and(Connection::is_open) {
            return Err(CaseFailure::fail(want, "they did not arrive"));
        }
        let closed = Evidence::ClosedUnexpectedly { actor: actor.to_owned() };
        Err(CaseFailure::fail(want, format!("the server closed {actor}'s connection")).with(closed))
    }
}
