//! Whether a connection is still open, and works.

use crate::script::line::Line;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;

/// Whatever a case is about, this is what a connection that stays open comes from.
const NOT_CLOSED: &str = "DISCONNECT ends the loop without close(), or an exception ends the connection's thread before it (see leave.closes)";

impl Stage {
    pub(super) async fn closed(&mut self, actor: &str) -> Played {
        let patience = self.around.patience;
        let line = self.line(actor)?;
        if line.until(patience, |inbox| inbox.end).await.is_some() {
            return Ok(());
        }
        let _ = self.blame.set(NOT_CLOSED);
        Err(Trouble::fail(
            format!("the server closes {actor}'s connection"),
            format!("it is still open after {}", humantime::format_duration(patience)),
        ))
    }

    pub(super) async fn alive(&mut self, actor: &str) -> Played {
        self.line(actor)?;
        if self.witness().await.is_err() {
            let want = "a further user connects and exchanges messages with it".to_owned();
            return Err(Trouble::fail(want, "the server lets no further user in"));
        }
        let want = format!("{actor}'s connection still works: a message from it and one to it arrive");
        let Some(line) = self.lines.get(actor) else { return Ok(()) };
        if !line.is_open() {
            self.look_for_a_hard_end(actor);
            return Err(Trouble::fail(want, format!("the server closed {actor}'s connection")));
        }
        if !line.is_user() {
            let name = self.cast.wire(&format!("z{actor}"));
            let Some(line) = self.lines.get_mut(actor) else { return Ok(()) };
            let before = line.inbox().answers;
            let _ = line.send(format!("CONNECT|{name}").as_bytes()).await;
            let patience = self.around.patience;
            let answered = line
                .until(patience, |inbox| if inbox.answers > before { Some(true) } else { inbox.end.map(|_| false) });
            return match answered.await {
                Some(true) => Ok(()),
                Some(false) => Err(Trouble::fail(want, format!("the server closed {actor}'s connection"))),
                None => Err(Trouble::fail(want, format!("{actor} is not answered any more"))),
            };
        }
        if self.round_trip(actor).await {
            return Ok(());
        }
        let open = self.lines.get(actor).is_some_and(Line::is_open);
        if !open {
            self.look_for_a_hard_end(actor);
        }
        let got =
            if open { "they did not arrive".to_owned() } else { format!("the server closed {actor}'s connection") };
        Err(Trouble::fail(want, got))
    }
}
