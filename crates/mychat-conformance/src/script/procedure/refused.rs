//! A message that a server may refuse, but must not lose without a word.

use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::model::procedures::DeliveredOrRefused;
use mychat_scenario::template::pattern::{Pattern, listed};
use mychat_scenario::template::text;

/// What a sender is told of a message that goes nowhere.
const REFUSAL: &str = "ERROR|*|*";
const NOTHING: &str = "nothing";
/// Where neither of them comes.
const LOST: &str = "what the server cannot take apart it drops without a word: the sender has to be told by an ERROR";

pub(super) async fn delivered_or_refused(stage: &mut Stage, procedure: &DeliveredOrRefused) -> Played {
    let DeliveredOrRefused { from, to, frame, gets } = procedure;
    let frame = text::bytes(frame, &stage.cast);
    stage.say(from, &frame, true).await?;
    // A fence of the sender's proves that nothing comes any more.
    stage.fence(from).await?;
    stage.gets(to, &[gets.clone(), NOTHING.to_owned()]).await?;
    let pattern = Pattern::new(gets, &stage.cast);
    let arrived = stage.line(to)?.inbox().frames.iter().any(|frame| frame.taken && pattern.matches(&frame.bytes));
    if arrived || stage.gets(from, &[REFUSAL.to_owned(), NOTHING.to_owned()]).await.is_ok_and(|()| refused(stage, from))
    {
        return Ok(());
    }
    // Where messages overtake each other, the fence says nothing.
    let patience = stage.around.patience;
    let late = stage.line(to)?.until(patience, |inbox| {
        let frame = inbox.frames.iter_mut().find(|frame| pattern.matches(&frame.bytes))?;
        frame.taken = true;
        Some(())
    });
    if late.await.is_some() {
        return Ok(());
    }
    let _ = stage.blame.set(LOST);
    let want = format!("{to} gets {}, or {from} gets {REFUSAL}", listed(std::slice::from_ref(gets), &stage.cast));
    Err(Trouble::fail(want, "neither: nobody got anything"))
}

/// Whether an error came. Who was thrown out was told nothing.
fn refused(stage: &Stage, from: &str) -> bool {
    let told = |frame: &crate::script::line::Seen| frame.taken && frame.bytes.starts_with(b"ERROR|");
    stage.lines.get(from).is_some_and(|line| line.inbox().frames.iter().any(told))
}
