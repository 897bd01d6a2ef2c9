//! The extensions that the server announces. It is asked once in a run, by the first check of an extension.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::TestEnv;
use super::context::CaseContext;
use super::failure::{CaseFailure, Control, StepResult};
use mychat_scenario::template::text::shown;

/// The server's answer to the question for extensions. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct AnnouncedExtensions {
    /// The reason why checks of chat rooms do not apply; `None` if they do.
    absence: Arc<OnceCell<Option<String>>>,
}

impl AnnouncedExtensions {
    /// Returns the reason why checks of chat rooms do not apply, as far as the server has been asked.
    pub(crate) fn absence(&self) -> Option<&str> {
        self.absence.get()?.as_deref()
    }
}

/// The name of the check that judges the answer.
const CASE: &str = "ext.announced";
/// The actor that asks.
const ASKER: &str = "zasker";

impl CaseContext {
    /// Skips the case unless the server announces the extension `rooms`.
    pub(crate) async fn require_rooms(&self) -> StepResult {
        let absence = self.env.announced.absence.get_or_try_init(|| ask(self.env.clone())).await?;
        absence.clone().map_or(Ok(()), |reason| Err(CaseFailure::Skipped(reason)))
    }
}

/// Asks the server for the extension `rooms`. Returns the reason why it has none.
async fn ask(env: TestEnv) -> Result<Option<String>, CaseFailure> {
    let mut ctx = CaseContext::without_case(CASE, env);
    ctx.config.has_extensions = true;
    let found = find_absence(&mut ctx).await;
    ctx.disconnect_all().await;
    found
}

async fn find_absence(ctx: &mut CaseContext) -> Result<Option<String>, CaseFailure> {
    ctx.connect(ASKER, None).await.map_err(|failure| failure.in_control(Control::Login { connected: 0, wanted: 1 }))?;
    ctx.send_from(ASKER, b"CAPABILITIES|rooms", true).await?;
    let expected = ["CAPABILITIES|*", "ERROR|*|*", "closed", "nothing"].map(str::to_owned);
    let answered = ctx.expect_frame(ASKER, &expected).await;
    let Some(conn) = ctx.conns.get(ASKER) else { return Ok(None) };
    let inbox = conn.inbox();
    // The first frame is the answer to `CONNECT`.
    let answer = inbox.frames.iter().filter(|frame| frame.consumed).nth(1).map(|frame| frame.bytes.clone());
    let announces =
        |list: &[u8]| list.split(|byte| *byte == b',').any(|name| name.split(|b| *b == b'=').next() == Some(b"rooms"));
    let why = match (answered, answer) {
        (Err(CaseFailure::Fail { got, .. }), _) => format!("at CAPABILITIES, {}", got.replace(ASKER, "the user")),
        (Err(other), _) => return Err(other),
        (Ok(()), Some(frame)) => match frame.strip_prefix(b"CAPABILITIES|") {
            Some(list) if announces(list) => return Ok(None),
            Some(_) => format!("it answers CAPABILITIES with {}", shown(&frame)),
            None => "it answers CAPABILITIES with an ERROR".to_owned(),
        },
        (Ok(()), None) if inbox.end.is_some() => "it closes the connection at CAPABILITIES".to_owned(),
        (Ok(()), None) => "it does not answer CAPABILITIES".to_owned(),
    };
    Ok(Some(format!("the server does not announce the extension `rooms`: {why}")))
}
