//! Sends one message in two writes, once for each position at which it can be split.

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use mychat_scenario::model::procedures::{EverySplit, SplitAt};
use mychat_scenario::template::text;

pub(super) async fn every_split(ctx: &mut CaseContext, split: &EverySplit) -> StepResult {
    let EverySplit { from, to, pause, .. } = split;
    let content = text::bytes(&split.content, &ctx.names);
    let recipient = ctx.conn(to)?.name.clone().unwrap_or_default();
    let sender = ctx.conn(from)?.name.clone().unwrap_or_default();
    let frame = |number: usize| {
        [format!("MESSAGE|{recipient}|").as_bytes(), &content, format!("{number:03}").as_bytes()].concat()
    };
    let length = frame(0).len() + 1;
    let places = (1..length).filter(|at| split.at == SplitAt::Bytes || !is_boundary(&frame(0), *at));
    for at in places {
        let mut bytes = frame(at);
        ctx.env.framing.send.end(&mut bytes, 0);
        ctx.send_from(from, &bytes[..at], false).await?;
        tokio::time::sleep(*pause).await;
        ctx.send_from(from, &bytes[at..], false).await?;
        let want = [format!("MESSAGE|{sender}|").as_bytes(), &content, format!("{at:03}").as_bytes()].concat();
        arrives(ctx, to, &want, at).await?;
    }
    ctx.fence(to).await?;
    ctx.conn(to)?;
    let extra = ctx.conns.get(to).and_then(|conn| {
        let inbox = conn.inbox();
        let extra = inbox.frames.iter().find(|frame| !frame.consumed && !ctx.is_foreign(&frame.bytes));
        extra.map(|frame| frame.bytes.clone())
    });
    match extra {
        None => Ok(()),
        Some(frame) => {
            let got = ctx.names.humanize(&text::shown(&frame));
            let failure = CaseFailure::fail(format!("{to} gets each message once"), format!("{to} also got {got}"));
            Err(failure.with(Evidence::UnexpectedFrame { actor: to.to_owned(), frame }))
        }
    }
}

async fn arrives(ctx: &mut CaseContext, to: &str, want: &[u8], at: usize) -> StepResult {
    let timeout = ctx.env.timeout;
    ctx.conn(to)?;
    let Some(conn) = ctx.conns.get(to) else { return Ok(()) };
    let found = conn.wait_until(timeout, |inbox| {
        let next = inbox.frames.iter_mut().find(|frame| !frame.consumed && !ctx.is_foreign(&frame.bytes))?;
        next.consumed = true;
        Some(next.bytes.clone())
    });
    let found = found.await;
    if found.as_deref() == Some(want) {
        return Ok(());
    }
    let got = match &found {
        Some(frame) => format!("{to} got {}", text::shown(frame)),
        None => ctx.conns.get(to).map_or_else(String::new, |conn| format!("{to}: {}", ctx.describe_last(conn))),
    };
    let want = format!("{to} gets {} although byte {at} comes 2 ms before the rest", text::shown(want));
    let failure = CaseFailure::fail(ctx.names.humanize(&want), ctx.names.humanize(&got));
    Err(match found {
        Some(frame) => failure.with(Evidence::UnexpectedFrame { actor: to.to_owned(), frame }),
        None => failure,
    })
}

fn is_boundary(frame: &[u8], at: usize) -> bool {
    std::str::from_utf8(frame).is_ok_and(|text| text.is_char_boundary(at))
}
