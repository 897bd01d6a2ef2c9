//! Properties of all frames that the users received.

use super::messages::parse_message;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::liveness::numbered_name;
use mychat_scenario::template::text;

/// Fails if a user got a frame that is neither a message of this case nor a reply to `CONNECT`.
pub(super) fn check_no_other_frames<'f>(
    ctx: &CaseContext,
    conn: &Connection,
    frames: impl Iterator<Item = &'f [u8]>,
    nonce: &str,
) -> StepResult {
    let expected = |frame: &[u8]| {
        frame == b"CONNECT_ACK|OK"
            || parse_message(frame, nonce).is_some()
            || frame.ends_with(format!("{nonce}.end.").as_bytes())
            // Messages of the first, unpaced load may still arrive.
            || nonce != ctx.names.nonce() && parse_message(frame, ctx.names.nonce()).is_some()
            || ctx.is_foreign(frame)
    };
    for frame in frames {
        if !expected(frame) {
            let got = ctx.names.humanize(&text::shown(frame));
            return Err(CaseFailure::fail(
                format!("{} gets messages and lists alone", conn.actor),
                format!("{} got {got}", conn.actor),
            ));
        }
    }
    Ok(())
}

/// Fails if all users got the same message that no user sent. A late message from an earlier case does not reach all of them.
pub(super) fn check_no_common_message(ctx: &CaseContext, conns: &[Connection]) -> StepResult {
    // Other people may use a server that this tool did not start, and broadcast to all.
    let (true, Some(first)) = (ctx.env.watch.is_some(), conns.first()) else { return Ok(()) };
    let nonce = ctx.names.nonce();
    let is_unknown = |frame: &[u8]| {
        let text = String::from_utf8_lossy(frame);
        ctx.is_foreign(frame) && !text.contains("fence-") && !text.contains(nonce)
    };
    let frames: Vec<Vec<u8>> = first.inbox().frames.iter().map(|frame| frame.bytes.clone()).collect();
    let everywhere = |frame: &&Vec<u8>| {
        is_unknown(frame) && conns.iter().all(|conn| conn.inbox().frames.iter().any(|other| other.bytes == **frame))
    };
    match frames.iter().find(everywhere) {
        None => Ok(()),
        Some(frame) => {
            let got = format!("each of the {} users got {}", conns.len(), text::shown(frame));
            Err(CaseFailure::fail("users get what users sent, and lists", got).with(Evidence::MessageFromNobody))
        }
    }
}

/// Fails unless the last list of each user names all of them once, after another user came and left.
pub(super) async fn check_last_lists(ctx: &CaseContext, conns: &[Connection]) -> StepResult {
    // A server need not send lists to the others after a join, but it has to after a leave.
    let late = numbered_name(&ctx.names, "late", 0);
    let mut latecomer = ctx.connect_as("latecomer", &late).await?;
    let _ = latecomer.send(b"DISCONNECT").await;
    let names: Vec<String> = conns.iter().filter_map(|conn| conn.name.clone()).collect();
    for conn in conns {
        let listed = conn.wait_list(ctx.env.timeout, |inbox| {
            let list = inbox.list.as_deref()?;
            let once = names.iter().all(|name| list.split(',').filter(|other| other == name).count() == 1);
            (once && !list.split(',').any(|name| name == late)).then_some(())
        });
        if listed.await.is_none() {
            return Err(CaseFailure::fail(
                format!("after all of it {}'s last list names each of the {} users once", conn.actor, names.len()),
                conn.inbox()
                    .list
                    .clone()
                    .map_or("it got no list".to_owned(), |list| ctx.names.humanize(&format!("USER_LIST|{list}"))),
            ));
        }
    }
    Ok(())
}

/// Records if all users saw the broadcasts in the same order. Both are permitted.
pub(super) fn record_total_order(ctx: &mut CaseContext, conns: &[Connection], nonce: &str) -> StepResult {
    let orders: Vec<Vec<(usize, usize)>> = conns
        .iter()
        .enumerate()
        .map(|(me, conn)| {
            let inbox = conn.inbox();
            let messages_seen = inbox.frames.iter().filter_map(|frame| parse_message(&frame.bytes, nonce));
            // Compare the last two users, without their own broadcasts: a server need not echo them.
            messages_seen
                .filter(|seen_message| {
                    !seen_message.private && seen_message.from != me && seen_message.from < conns.len() - 2
                })
                .map(|seen_message| (seen_message.from, seen_message.number))
                .collect()
        })
        .collect();
    let (Some(one), Some(other)) = (orders.get(conns.len() - 2), orders.get(conns.len() - 1)) else { return Ok(()) };
    if one.is_empty() {
        return Err(CaseFailure::Inconclusive("no broadcasts arrived".to_owned()));
    }
    let observation = if one == other { "all recipients saw one order" } else { "recipients saw different orders" };
    ctx.observed.push(observation.to_owned());
    Ok(())
}
