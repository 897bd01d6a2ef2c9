//! Has all users send broadcasts and private messages, and checks one property of what each of them received.

use std::collections::BTreeSet;
use std::time::Duration;

use mychat_proto::Framing;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::join_all;
use crate::harness::liveness::{connect_users, numbered_name};
use mychat_scenario::model::procedures::{DeliveryHistory, HistoryCheck};
use mychat_scenario::template::text;

/// The number of messages of each user with raw framing, where each message needs a pause.
const MAX_RAW: usize = 10;

/// A received message: the sender's name in the frame, the numbers in its content, and the frame.
struct SeenMessage<'f> {
    sender: &'f str,
    private: bool,
    from: usize,
    to: Option<usize>,
    number: usize,
    frame: &'f [u8],
}

/// The number of messages of each user if each round waits for the one before.
const MAX_PACED: usize = 20;

pub(super) async fn delivery_history(ctx: &mut CaseContext, procedure: &DeliveryHistory) -> StepResult {
    let mut dropped = false;
    let Err(first) = send_and_check(ctx, procedure, false, &mut dropped).await else { return Ok(()) };
    if !dropped {
        return Err(first);
    }
    // A server may disconnect a user whose backlog grows too large (M6). Repeat the load with new users, at their pace.
    send_and_check(ctx, procedure, true, &mut dropped).await.map_err(|second| second.after(&first))
}

/// Sends the load and checks what each user received. `paced`: each round waits until the one before has arrived. Sets
/// `dropped` if messages may be missing because the server disconnected a user.
async fn send_and_check(
    ctx: &mut CaseContext,
    procedure: &DeliveryHistory,
    paced: bool,
    dropped: &mut bool,
) -> StepResult {
    let count = ctx.env.scaled(procedure.users, procedure.users.min(10));
    let raw = ctx.env.framing.send == Framing::Raw;
    let messages = ctx.env.scaled(procedure.messages * count, 2 * count) / count;
    let messages = if raw { messages.min(MAX_RAW) } else { messages };
    let (stem, messages) = if paced { ("calm", messages.min(MAX_PACED)) } else { ("hist", messages) };
    let mut conns = connect_users(ctx, stem, count).await?;
    let nonce = format!("{}{}", ctx.names.nonce(), if paced { "g" } else { "" });
    let mut waits = paced;
    for number in 0..messages {
        // After one timeout, do not wait for later rounds.
        waits = waits && wait_for_broadcasts(ctx, &conns, &nonce, number.div_ceil(2)).await;
        for (from, conn) in conns.iter_mut().enumerate() {
            // Every second message is private, each time for another user.
            let to = (from + 1 + number / 2 % (count - 1)) % count;
            let frame = match number % 2 {
                0 => format!("BROADCAST|{nonce}.{from}.all.{number}."),
                _ => format!("MESSAGE|{}|{nonce}.{from}.{to}.{number}.", numbered_name(&ctx.names, stem, to)),
            };
            let _ = conn.send(frame.as_bytes()).await;
        }
    }
    // The end mark follows all other messages of a sender, so a user who has all marks has everything.
    for conn in &mut conns {
        let _ = conn.send(format!("BROADCAST|{nonce}.end.").as_bytes()).await;
    }
    let timeout = ctx.env.timeout_for((messages + 1) * count);
    // Wait for all users at the same time, so that timeouts do not add up.
    join_all(conns.iter().map(|conn| wait_for_end_marks(timeout, conn, &nonce, count - 1)).collect()).await;
    if procedure.look == HistoryCheck::Loss {
        // If messages overtake each other, the end marks prove nothing: wait for late messages.
        let waits =
            conns.iter().enumerate().map(|(me, conn)| wait_for_all(timeout, conn, &nonce, (me, messages, count)));
        join_all(waits.collect()).await;
    }
    let closed = |conn: &Connection| conn.inbox().end.is_some();
    *dropped = match procedure.look {
        HistoryCheck::Loss | HistoryCheck::Lists | HistoryCheck::Total => conns.iter().any(closed),
        // The other properties hold for any part of the messages, but not for none at all.
        _ => conns.iter().any(|conn| {
            closed(conn) && !conn.inbox().frames.iter().any(|frame| parse_message(&frame.bytes, &nonce).is_some())
        }),
    };
    for (index, conn) in conns.iter().enumerate() {
        let inbox = conn.inbox();
        let messages_seen: Vec<SeenMessage<'_>> =
            inbox.frames.iter().filter_map(|frame| parse_message(&frame.bytes, &nonce)).collect();
        check_messages(ctx, procedure.look, index, &conns, &messages_seen, messages)?;
        if procedure.look == HistoryCheck::Frames {
            check_no_other_frames(ctx, conn, inbox.frames.iter().map(|frame| frame.bytes.as_slice()), &nonce)?;
        }
    }
    if procedure.look == HistoryCheck::Frames {
        check_no_common_message(ctx, &conns)?;
    }
    if procedure.look == HistoryCheck::Total {
        return record_total_order(ctx, &conns, &nonce);
    }
    if procedure.look == HistoryCheck::Lists {
        return check_last_lists(ctx, &conns).await;
    }
    Ok(())
}

/// Waits until each user has `each` broadcasts of every other one. Returns false after a timeout.
async fn wait_for_broadcasts(ctx: &CaseContext, conns: &[Connection], nonce: &str, each: usize) -> bool {
    for (me, conn) in conns.iter().enumerate() {
        let all = |inbox: &mut crate::harness::connection::ConnInbox| {
            let seen = inbox.frames.iter().filter_map(|frame| parse_message(&frame.bytes, nonce));
            let others = seen.filter(|seen_message| !seen_message.private && seen_message.from != me).count();
            (others >= each * (conns.len() - 1) || inbox.end.is_some()).then_some(())
        };
        if conn.wait_until(ctx.env.timeout, all).await.is_none() {
            return false;
        }
    }
    true
}

/// Waits until the end marks of all other users have arrived, or until nothing more arrives.
async fn wait_for_end_marks(timeout: Duration, conn: &Connection, nonce: &str, others: usize) {
    // An echo of the user's own end mark does not count.
    let own = format!("BROADCAST|{}|", conn.name.as_deref().unwrap_or_default());
    let end = format!("{nonce}.end.");
    let is_end = |frame: &[u8]| frame.ends_with(end.as_bytes()) && !frame.starts_with(own.as_bytes());
    loop {
        let before = conn.inbox().frames.len();
        let ends = |inbox: &mut crate::harness::connection::ConnInbox| {
            let ends = inbox.frames.iter().rev().filter(|frame| is_end(&frame.bytes)).count();
            (ends >= others || inbox.end.is_some()).then_some(())
        };
        let has_all = conn.wait_until(timeout, ends).await.is_some();
        if has_all || conn.inbox().frames.len() == before {
            return;
        }
    }
}

/// Waits until all owed messages have arrived, or until nothing more arrives.
async fn wait_for_all(timeout: Duration, conn: &Connection, nonce: &str, owed: (usize, usize, usize)) {
    let (me, messages, count) = owed;
    loop {
        let before = conn.inbox().frames.len();
        let all = |inbox: &mut crate::harness::connection::ConnInbox| {
            let seen = inbox.frames.iter().filter_map(|frame| parse_message(&frame.bytes, nonce));
            let seen: BTreeSet<(usize, usize)> =
                seen.map(|seen_message| (seen_message.from, seen_message.number)).collect();
            let has_all = missing(me, messages, count, &seen).is_none();
            (has_all || inbox.end.is_some()).then_some(())
        };
        if conn.wait_until(timeout, all).await.is_some() || conn.inbox().frames.len() == before {
            return;
        }
    }
}

/// Returns the sender and the number of the first owed message that user `me` did not get.
fn missing(me: usize, messages: usize, count: usize, seen: &BTreeSet<(usize, usize)>) -> Option<(usize, usize)> {
    let owed =
        |from: usize, number: usize| number.is_multiple_of(2) || (from + 1 + number / 2 % (count - 1)) % count == me;
    let all = (0..count).filter(|from| *from != me).flat_map(|from| (0..messages).map(move |number| (from, number)));
    all.into_iter().find(|(from, number)| owed(*from, *number) && !seen.contains(&(*from, *number)))
}

fn parse_message<'f>(frame: &'f [u8], nonce: &str) -> Option<SeenMessage<'f>> {
    let text = std::str::from_utf8(frame).ok()?;
    let mut fields = text.splitn(3, '|');
    let (command, sender, content) = (fields.next()?, fields.next()?, fields.next()?);
    let mut parts = content.strip_prefix(nonce)?.strip_prefix('.')?.split('.');
    let from = parts.next()?.parse().ok()?;
    let to = parts.next()?.parse().ok();
    let number = parts.next()?.parse().ok()?;
    Some(SeenMessage { sender, private: command == "MESSAGE", from, to, number, frame })
}

fn check_messages(
    ctx: &CaseContext,
    what: HistoryCheck,
    me: usize,
    conns: &[Connection],
    messages_seen: &[SeenMessage<'_>],
    messages: usize,
) -> StepResult {
    let (count, actor) = (conns.len(), &conns[me].actor);
    let fail = |want: String, frame: &[u8]| {
        Err(CaseFailure::fail(want, ctx.names.humanize(&format!("{actor} got {}", text::shown(frame)))))
    };
    match what {
        HistoryCheck::Loss => {
            let seen: BTreeSet<(usize, usize)> =
                messages_seen.iter().map(|seen_message| (seen_message.from, seen_message.number)).collect();
            if let Some((from, number)) = missing(me, messages, count, &seen) {
                return Err(CaseFailure::fail(
                    format!("{actor} gets everything that is sent to it or to all"),
                    format!("message {number} of hist{from} never arrived"),
                ));
            }
        }
        HistoryCheck::Duplicates => {
            let mut seen = BTreeSet::new();
            if let Some(repeated) =
                messages_seen.iter().find(|seen_message| !seen.insert((seen_message.from, seen_message.number)))
            {
                return fail(format!("{actor} gets every message once"), repeated.frame);
            }
        }
        HistoryCheck::Order => {
            let mut last = vec![None; count];
            for seen_message in
                messages_seen.iter().filter(|seen_message| seen_message.from < count && seen_message.from != me)
            {
                if last[seen_message.from] > Some(seen_message.number) {
                    return fail(
                        format!(
                            "{actor} gets hist{}'s messages in the order in which they were sent: after number {:?} a later one",
                            seen_message.from,
                            last[seen_message.from].unwrap_or(0)
                        ),
                        seen_message.frame,
                    );
                }
                last[seen_message.from] = Some(seen_message.number);
            }
        }
        HistoryCheck::Crosstalk => {
            if let Some(wrong) = messages_seen.iter().find(|seen_message| {
                // A copy of a private message for its sender is a permitted reading.
                let copy = seen_message.private && seen_message.from == me;
                !copy && seen_message.to.is_some_and(|to| to != me) || seen_message.private != seen_message.to.is_some()
            }) {
                return fail(
                    format!("{actor} gets private messages only where they are for it, and as MESSAGE"),
                    wrong.frame,
                );
            }
        }
        HistoryCheck::Identity => {
            let name = |index: usize| conns.get(index).and_then(|conn| conn.name.as_deref());
            let forged = |seen_message: &&SeenMessage<'_>| Some(seen_message.sender) != name(seen_message.from);
            if let Some(wrong) = messages_seen.iter().find(forged) {
                return fail("the sender's name stands in front of each message".to_owned(), wrong.frame);
            }
        }
        HistoryCheck::Lists | HistoryCheck::Frames | HistoryCheck::Total => {}
    }
    if messages_seen.is_empty() {
        return Err(CaseFailure::fail(format!("{actor} gets messages"), format!("{actor} got none at all")));
    }
    Ok(())
}

/// Fails if a user got a frame that is neither a message of this case nor a reply to `CONNECT`.
fn check_no_other_frames<'f>(
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
fn check_no_common_message(ctx: &CaseContext, conns: &[Connection]) -> StepResult {
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

async fn check_last_lists(ctx: &CaseContext, conns: &[Connection]) -> StepResult {
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
fn record_total_order(ctx: &mut CaseContext, conns: &[Connection], nonce: &str) -> StepResult {
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
