//! A short load, and one question about what everybody saw of it.

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

/// Without terminators each message takes a pause.
const MOST_RAW: usize = 10;

/// One message as it was seen: who says to have sent it, what its content says, and the whole frame.
struct SeenMessage<'f> {
    sender: &'f str,
    private: bool,
    from: usize,
    to: Option<usize>,
    number: usize,
    frame: &'f [u8],
}

/// As many messages of each are enough where they are waited for.
const GENTLE: usize = 20;

pub(super) async fn delivery_history(ctx: &mut CaseContext, procedure: &DeliveryHistory) -> StepResult {
    let mut dropped = false;
    let Err(first) = play(ctx, procedure, false, &mut dropped).await else { return Ok(()) };
    if !dropped {
        return Err(first);
    }
    // What all send at once may be more than a server keeps for one, who is closed then (M6): others are written to, no
    // faster than they read.
    play(ctx, procedure, true, &mut dropped).await.map_err(|second| second.after(&first))
}

/// Has everybody write, and looks at what came. `gently`: a round has arrived before the next is sent. Says in `dropped` whether
/// what is missing may be so because the server closed somebody.
async fn play(ctx: &mut CaseContext, procedure: &DeliveryHistory, gently: bool, dropped: &mut bool) -> StepResult {
    let count = ctx.env.scaled(procedure.users, procedure.users.min(10));
    let raw = ctx.env.framing.send == Framing::Raw;
    let messages = ctx.env.scaled(procedure.messages * count, 2 * count) / count;
    let messages = if raw { messages.min(MOST_RAW) } else { messages };
    let (stem, messages) = if gently { ("calm", messages.min(GENTLE)) } else { ("hist", messages) };
    let mut conns = connect_users(ctx, stem, count).await?;
    let nonce = format!("{}{}", ctx.names.nonce(), if gently { "g" } else { "" });
    let mut waits = gently;
    for number in 0..messages {
        // Who waited in vain once has waited enough.
        waits = waits && heard(ctx, &conns, &nonce, number.div_ceil(2)).await;
        for (from, conn) in conns.iter_mut().enumerate() {
            // Every second one is for one user alone, each time another.
            let to = (from + 1 + number / 2 % (count - 1)) % count;
            let frame = match number % 2 {
                0 => format!("BROADCAST|{nonce}.{from}.all.{number}."),
                _ => format!("MESSAGE|{}|{nonce}.{from}.{to}.{number}.", numbered_name(&ctx.names, stem, to)),
            };
            let _ = conn.send(frame.as_bytes()).await;
        }
    }
    // Its last word stands behind all the others of a sender: who has all of them has everything.
    for conn in &mut conns {
        let _ = conn.send(format!("BROADCAST|{nonce}.end.").as_bytes()).await;
    }
    let timeout = ctx.env.timeout_for((messages + 1) * count);
    // All of them at once: who waits in vain does so once.
    join_all(conns.iter().map(|conn| settled(timeout, conn, &nonce, count - 1)).collect()).await;
    if procedure.look == HistoryCheck::Loss {
        // Where messages overtake each other, the last word says nothing about the others: they are late, not lost.
        let whole = conns.iter().enumerate().map(|(me, conn)| complete(timeout, conn, &nonce, (me, messages, count)));
        join_all(whole.collect()).await;
    }
    let closed = |conn: &Connection| conn.inbox().end.is_some();
    *dropped = match procedure.look {
        HistoryCheck::Loss | HistoryCheck::Lists | HistoryCheck::Total => conns.iter().any(closed),
        // Of the others, what came must be right, however little it was.
        _ => conns
            .iter()
            .any(|conn| closed(conn) && !conn.inbox().frames.iter().any(|frame| sight(&frame.bytes, &nonce).is_some())),
    };
    for (index, conn) in conns.iter().enumerate() {
        let inbox = conn.inbox();
        let sights: Vec<SeenMessage<'_>> =
            inbox.frames.iter().filter_map(|frame| sight(&frame.bytes, &nonce)).collect();
        look(ctx, procedure.look, index, &conns, &sights, messages)?;
        if procedure.look == HistoryCheck::Frames {
            odd(ctx, conn, inbox.frames.iter().map(|frame| frame.bytes.as_slice()), &nonce)?;
        }
    }
    if procedure.look == HistoryCheck::Frames {
        greeted(ctx, &conns)?;
    }
    if procedure.look == HistoryCheck::Total {
        return total(ctx, &conns, &nonce);
    }
    if procedure.look == HistoryCheck::Lists {
        return lists(ctx, &conns).await;
    }
    Ok(())
}

/// Waits until everybody has so many broadcasts of each other, and says whether that came to be.
async fn heard(ctx: &CaseContext, conns: &[Connection], nonce: &str, each: usize) -> bool {
    for (me, conn) in conns.iter().enumerate() {
        let all = |inbox: &mut crate::harness::connection::Inbox| {
            let seen = inbox.frames.iter().filter_map(|frame| sight(&frame.bytes, nonce));
            let others = seen.filter(|sight| !sight.private && sight.from != me).count();
            (others >= each * (conns.len() - 1) || inbox.end.is_some()).then_some(())
        };
        if conn.wait_until(ctx.env.timeout, all).await.is_none() {
            return false;
        }
    }
    true
}

/// Waits until everybody else's last word arrived, or nothing more arrives: who is slow has lost nothing.
async fn settled(timeout: Duration, conn: &Connection, nonce: &str, others: usize) {
    // An echo of the user's own last word says nothing about the others.
    let own = format!("BROADCAST|{}|", conn.name.as_deref().unwrap_or_default());
    let end = format!("{nonce}.end.");
    let is_end = |frame: &[u8]| frame.ends_with(end.as_bytes()) && !frame.starts_with(own.as_bytes());
    loop {
        let before = conn.inbox().frames.len();
        let ends = |inbox: &mut crate::harness::connection::Inbox| {
            let ends = inbox.frames.iter().rev().filter(|frame| is_end(&frame.bytes)).count();
            (ends >= others || inbox.end.is_some()).then_some(())
        };
        let whole = conn.wait_until(timeout, ends).await.is_some();
        if whole || conn.inbox().frames.len() == before {
            return;
        }
    }
}

/// Waits until everything is there that is owed, or nothing more arrives.
async fn complete(timeout: Duration, conn: &Connection, nonce: &str, owed: (usize, usize, usize)) {
    let (me, messages, count) = owed;
    loop {
        let before = conn.inbox().frames.len();
        let all = |inbox: &mut crate::harness::connection::Inbox| {
            let seen = inbox.frames.iter().filter_map(|frame| sight(&frame.bytes, nonce));
            let seen: BTreeSet<(usize, usize)> = seen.map(|sight| (sight.from, sight.number)).collect();
            let whole = missing(me, messages, count, &seen).is_none();
            (whole || inbox.end.is_some()).then_some(())
        };
        if conn.wait_until(timeout, all).await.is_some() || conn.inbox().frames.len() == before {
            return;
        }
    }
}

/// Of what is owed to a user, the first that was not seen: who sent it, and its number.
fn missing(me: usize, messages: usize, count: usize, seen: &BTreeSet<(usize, usize)>) -> Option<(usize, usize)> {
    let owed =
        |from: usize, number: usize| number.is_multiple_of(2) || (from + 1 + number / 2 % (count - 1)) % count == me;
    let all = (0..count).filter(|from| *from != me).flat_map(|from| (0..messages).map(move |number| (from, number)));
    all.into_iter().find(|(from, number)| owed(*from, *number) && !seen.contains(&(*from, *number)))
}

fn sight<'f>(frame: &'f [u8], nonce: &str) -> Option<SeenMessage<'f>> {
    let text = std::str::from_utf8(frame).ok()?;
    let mut fields = text.splitn(3, '|');
    let (command, sender, content) = (fields.next()?, fields.next()?, fields.next()?);
    let mut parts = content.strip_prefix(nonce)?.strip_prefix('.')?.split('.');
    let from = parts.next()?.parse().ok()?;
    let to = parts.next()?.parse().ok();
    let number = parts.next()?.parse().ok()?;
    Some(SeenMessage { sender, private: command == "MESSAGE", from, to, number, frame })
}

fn look(
    ctx: &CaseContext,
    what: HistoryCheck,
    me: usize,
    conns: &[Connection],
    sights: &[SeenMessage<'_>],
    messages: usize,
) -> StepResult {
    let (count, actor) = (conns.len(), &conns[me].actor);
    let fail = |want: String, frame: &[u8]| {
        Err(CaseFailure::fail(want, ctx.names.humanize(&format!("{actor} got {}", text::shown(frame)))))
    };
    match what {
        HistoryCheck::Loss => {
            let seen: BTreeSet<(usize, usize)> = sights.iter().map(|sight| (sight.from, sight.number)).collect();
            if let Some((from, number)) = missing(me, messages, count, &seen) {
                return Err(CaseFailure::fail(
                    format!("{actor} gets everything that is sent to it or to all"),
                    format!("message {number} of hist{from} never arrived"),
                ));
            }
        }
        HistoryCheck::Duplicates => {
            let mut seen = BTreeSet::new();
            if let Some(repeated_broadcast) = sights.iter().find(|sight| !seen.insert((sight.from, sight.number))) {
                return fail(format!("{actor} gets every message once"), repeated_broadcast.frame);
            }
        }
        HistoryCheck::Order => {
            let mut last = vec![None; count];
            for sight in sights.iter().filter(|sight| sight.from < count && sight.from != me) {
                if last[sight.from] > Some(sight.number) {
                    return fail(
                        format!(
                            "{actor} gets hist{}'s messages in the order in which they were sent: after number {:?} a later one",
                            sight.from,
                            last[sight.from].unwrap_or(0)
                        ),
                        sight.frame,
                    );
                }
                last[sight.from] = Some(sight.number);
            }
        }
        HistoryCheck::Crosstalk => {
            if let Some(wrong) = sights.iter().find(|sight| {
                // Whether the sender gets a copy of its own is a reading.
                let copy = sight.private && sight.from == me;
                !copy && sight.to.is_some_and(|to| to != me) || sight.private != sight.to.is_some()
            }) {
                return fail(
                    format!("{actor} gets private messages only where they are for it, and as MESSAGE"),
                    wrong.frame,
                );
            }
        }
        HistoryCheck::Identity => {
            let name = |index: usize| conns.get(index).and_then(|conn| conn.name.as_deref());
            let forged = |sight: &&SeenMessage<'_>| Some(sight.sender) != name(sight.from);
            if let Some(wrong) = sights.iter().find(forged) {
                return fail("the sender's name stands in front of each message".to_owned(), wrong.frame);
            }
        }
        HistoryCheck::Lists | HistoryCheck::Frames | HistoryCheck::Total => {}
    }
    if sights.is_empty() {
        return Err(CaseFailure::fail(format!("{actor} gets messages"), format!("{actor} got none at all")));
    }
    Ok(())
}

/// Frames that nothing accounts for.
fn odd<'f>(ctx: &CaseContext, conn: &Connection, frames: impl Iterator<Item = &'f [u8]>, nonce: &str) -> StepResult {
    let expected = |frame: &[u8]| {
        frame == b"CONNECT_ACK|OK"
            || sight(frame, nonce).is_some()
            || frame.ends_with(format!("{nonce}.end.").as_bytes())
            // Of those who wrote faster than was good, something may still be on its way.
            || nonce != ctx.names.nonce() && sight(frame, ctx.names.nonce()).is_some()
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

/// A message of nobody's that each of them got: what an earlier user left behind does not reach all who came later.
fn greeted(ctx: &CaseContext, conns: &[Connection]) -> StepResult {
    // Somebody else may talk to everybody on a server that others use too.
    let (true, Some(first)) = (ctx.env.watch.is_some(), conns.first()) else { return Ok(()) };
    let nonce = ctx.names.nonce();
    let strange = |frame: &[u8]| {
        let text = String::from_utf8_lossy(frame);
        ctx.is_foreign(frame) && !text.contains("fence-") && !text.contains(nonce)
    };
    let frames: Vec<Vec<u8>> = first.inbox().frames.iter().map(|frame| frame.bytes.clone()).collect();
    let everywhere = |frame: &&Vec<u8>| {
        strange(frame) && conns.iter().all(|conn| conn.inbox().frames.iter().any(|other| other.bytes == **frame))
    };
    match frames.iter().find(everywhere) {
        None => Ok(()),
        Some(frame) => {
            let got = format!("each of the {} users got {}", conns.len(), text::shown(frame));
            Err(CaseFailure::fail("users get what users sent, and lists", got).with(Evidence::MessageFromNobody))
        }
    }
}

async fn lists(ctx: &CaseContext, conns: &[Connection]) -> StepResult {
    // Whether lists are sent when somebody joins is a reading; when somebody has left, everybody gets one.
    let late = numbered_name(&ctx.names, "late", 0);
    let mut latecomer = ctx.connect_as("latecomer", &late).await?;
    let _ = latecomer.send(b"DISCONNECT").await;
    let names: Vec<String> = conns.iter().filter_map(|conn| conn.name.clone()).collect();
    for conn in conns {
        let whole = conn.wait_until(ctx.env.timeout, |inbox| {
            let list = inbox.list.as_deref()?;
            let once = names.iter().all(|name| list.split(',').filter(|other| other == name).count() == 1);
            (once && !list.split(',').any(|name| name == late)).then_some(())
        });
        if whole.await.is_none() {
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

/// Whether everybody saw the broadcasts in one order; either is right.
fn total(ctx: &mut CaseContext, conns: &[Connection], nonce: &str) -> StepResult {
    let orders: Vec<Vec<(usize, usize)>> = conns
        .iter()
        .enumerate()
        .map(|(me, conn)| {
            let inbox = conn.inbox();
            let sights = inbox.frames.iter().filter_map(|frame| sight(&frame.bytes, nonce));
            // The last two never compare their own: a server need not send them back.
            sights
                .filter(|sight| !sight.private && sight.from != me && sight.from < conns.len() - 2)
                .map(|sight| (sight.from, sight.number))
                .collect()
        })
        .collect();
    let (Some(one), Some(other)) = (orders.get(conns.len() - 2), orders.get(conns.len() - 1)) else { return Ok(()) };
    if one.is_empty() {
        return Err(CaseFailure::Inconclusive("no broadcasts arrived".to_owned()));
    }
    let words = if one == other { "all recipients saw one order" } else { "recipients saw different orders" };
    ctx.observed.push(words.to_owned());
    Ok(())
}
