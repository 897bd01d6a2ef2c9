//! Sends a message that the server has to deliver or to answer with an `ERROR`.

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::model::procedures::DeliveredOrRefused;
use mychat_scenario::template::pattern::{Pattern, listed};
use mychat_scenario::template::text;

/// The pattern of the reply to a message that is not delivered.
const REFUSAL: &str = "ERROR|*|*";
const NOTHING: &str = "nothing";

pub(super) async fn delivered_or_refused(ctx: &mut CaseContext, procedure: &DeliveredOrRefused) -> StepResult {
    let DeliveredOrRefused { from, to, frame, gets } = procedure;
    let frame = text::bytes(frame, &ctx.names);
    ctx.send_from(from, &frame, true).await?;
    // The sender's fence proves that all effects of the message have arrived.
    ctx.fence(from).await?;
    ctx.expect_frame(to, &[gets.clone(), NOTHING.to_owned()]).await?;
    let pattern = Pattern::new(gets, &ctx.names);
    let arrived = ctx.conn(to)?.inbox().frames.iter().any(|frame| frame.consumed && pattern.matches(&frame.bytes));
    if arrived {
        return Ok(());
    }
    let answer = ctx.expect_frame(from, &[REFUSAL.to_owned(), NOTHING.to_owned()]).await;
    if answer.is_ok() && got_error(ctx, from) {
        return Ok(());
    }
    // If the server lets messages overtake each other, the fence proves nothing. Wait once more.
    let timeout = ctx.env.timeout;
    let late = ctx.conn(to)?.wait_until(timeout, |inbox| {
        let frame = inbox.frames.iter_mut().find(|frame| pattern.matches(&frame.bytes))?;
        frame.consumed = true;
        Some(())
    });
    if late.await.is_some() {
        return Ok(());
    }
    let want = format!("{to} gets {}, or {from} gets {REFUSAL}", listed(std::slice::from_ref(gets), &ctx.names));
    let failure = CaseFailure::fail(want, "neither: nobody got anything").with(Evidence::MessageLost);
    Err(if let Err(answer) = answer { failure.after(&answer) } else { failure })
}

/// Returns true if the sender got an `ERROR`. A disconnect alone does not count.
fn got_error(ctx: &CaseContext, from: &str) -> bool {
    let is_error =
        |frame: &crate::harness::connection::ReceivedFrame| frame.consumed && frame.bytes.starts_with(b"ERROR|");
    ctx.conns.get(from).is_some_and(|conn| conn.inbox().frames.iter().any(is_error))
}
