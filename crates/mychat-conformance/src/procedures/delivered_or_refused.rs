//! A message that a server may refuse, but must not lose without a word.

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::model::procedures::DeliveredOrRefused;
use mychat_scenario::template::pattern::{Pattern, listed};
use mychat_scenario::template::text;

/// What a sender is told of a message that goes nowhere.
const REFUSAL: &str = "ERROR|*|*";
const NOTHING: &str = "nothing";

pub(super) async fn delivered_or_refused(ctx: &mut CaseContext, procedure: &DeliveredOrRefused) -> StepResult {
    let DeliveredOrRefused { from, to, frame, gets } = procedure;
    let frame = text::bytes(frame, &ctx.names);
    ctx.send_from(from, &frame, true).await?;
    // A fence of the sender's proves that nothing comes any more.
    ctx.fence(from).await?;
    ctx.expect_frame(to, &[gets.clone(), NOTHING.to_owned()]).await?;
    let pattern = Pattern::new(gets, &ctx.names);
    let arrived = ctx.conn(to)?.inbox().frames.iter().any(|frame| frame.consumed && pattern.matches(&frame.bytes));
    if arrived {
        return Ok(());
    }
    let answer = ctx.expect_frame(from, &[REFUSAL.to_owned(), NOTHING.to_owned()]).await;
    if answer.is_ok() && refused(ctx, from) {
        return Ok(());
    }
    // Where messages overtake each other, the fence says nothing.
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

/// Whether an error came. Who was thrown out was told nothing.
fn refused(ctx: &CaseContext, from: &str) -> bool {
    let told = |frame: &crate::harness::connection::ReceivedFrame| frame.consumed && frame.bytes.starts_with(b"ERROR|");
    ctx.conns.get(from).is_some_and(|conn| conn.inbox().frames.iter().any(told))
}
