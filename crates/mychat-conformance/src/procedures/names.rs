//! Procedures about names: their form in lists, as senders and as recipients.

use crate::harness::connection::ConnInbox;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::malformed::malformed_list;

/// Fails unless a name is the same in lists, as a sender and as a recipient, even if the server changed it.
pub(super) async fn one_name(ctx: &mut CaseContext, of: &str, with: &str) -> StepResult {
    if !ctx.conn(of)?.is_user() {
        return Ok(());
    }
    let (nonce, timeout) = (ctx.names.nonce().to_owned(), ctx.env.timeout);
    let known: Vec<String> =
        [with, "zwitness"].iter().filter_map(|actor| ctx.names.known(actor).map(str::to_owned)).collect();
    let look = |inbox: &mut ConnInbox| {
        let names = inbox.list.as_deref()?.split(',');
        names.map(str::to_owned).find(|name| name.contains(&nonce) && !known.contains(name))
    };
    let quiet_period = ctx.env.quiet_period() * 2;
    let mut listed = ctx.conn(with)?.wait_at_most(quiet_period, look).await;
    if listed.is_none() {
        // The server may send no list to present users when others join, but it has to send one to a new user.
        ctx.ensure_witness().await?;
        listed = match &ctx.witness {
            Some(newcomer) => newcomer.wait_list(timeout, look).await,
            None => None,
        };
    }
    let conn = ctx.conn(with)?;
    let Some(listed) = listed else {
        return Err(CaseFailure::fail(
            format!("{with} gets a list with {of}'s name"),
            "its lists have nothing like it",
        ));
    };
    let recipient = conn.name.clone().unwrap_or_default();
    ctx.send_from(of, format!("MESSAGE|{recipient}|from{nonce}").as_bytes(), true).await?;
    let end = format!("|from{nonce}");
    let conn = ctx.conn(with)?;
    let sender = conn.wait_until(timeout, |inbox| {
        let frame = inbox.frames.iter_mut().find(|frame| frame.bytes.ends_with(end.as_bytes()))?;
        frame.consumed = true;
        let text = String::from_utf8_lossy(&frame.bytes).into_owned();
        Some(text.split('|').nth(1).unwrap_or_default().to_owned())
    });
    let sender = sender.await;
    if sender.as_deref() != Some(&listed) {
        let got =
            sender.map_or("its message did not arrive".to_owned(), |sender| format!("as a sender it is {sender:?}"));
        return Err(CaseFailure::fail(format!("{of}'s name is {listed:?} everywhere, as in the list"), got));
    }
    ctx.send_from(with, format!("MESSAGE|{listed}|to{nonce}").as_bytes(), true).await?;
    let end = format!("|to{nonce}");
    let conn = ctx.conn(of)?;
    let arrived = conn.wait_until(timeout, |inbox| {
        let frame = inbox.frames.iter_mut().find(|frame| frame.bytes.ends_with(end.as_bytes()))?;
        frame.consumed = true;
        Some(())
    });
    match arrived.await {
        Some(()) => Ok(()),
        None => Err(CaseFailure::fail(
            format!("a message to {listed:?}, as the list writes it, arrives"),
            "it did not arrive",
        )),
    }
}

pub(super) async fn list_format(ctx: &mut CaseContext, actor: &str, lacks: Option<&str>) -> StepResult {
    let timeout = ctx.env.timeout;
    let conn = ctx.conn(actor)?;
    conn.wait_list(timeout, |inbox| (inbox.list_count() > 0 || inbox.end.is_some()).then_some(())).await;
    if let Some(gone) = lacks.and_then(|gone| ctx.names.known(gone)).map(str::to_owned) {
        // The result does not matter: another check is about the arrival of the list.
        let conn = ctx.conn(actor)?;
        conn.wait_list(timeout, |inbox| (!inbox.list.as_deref()?.split(',').any(|name| name == gone)).then_some(()))
            .await;
    }
    let conn = ctx.conn(actor)?;
    let Some(list) = conn.inbox().list_frames.last().cloned() else {
        return Err(CaseFailure::fail(format!("{actor} gets a list"), "none came"));
    };
    match malformed_list(&list) {
        None => Ok(()),
        Some(what) => {
            let got = ctx.names.humanize(&format!("USER_LIST|{list}: {what}"));
            Err(CaseFailure::fail("USER_LIST|name,name,name", got).with(Evidence::MalformedList))
        }
    }
}

pub(super) fn last_list(ctx: &mut CaseContext, of: &str, has: &str) -> StepResult {
    let name = ctx.names.wire(has);
    let conn = ctx.conn(of)?;
    let list = conn.inbox().list.clone();
    match list {
        Some(list) if !list.split(',').any(|other| other == name) => {
            let got = ctx.names.humanize(&format!("USER_LIST|{list}"));
            Err(CaseFailure::fail(format!("{of} gets no list without {has} in it"), got))
        }
        _ => Ok(()),
    }
}
