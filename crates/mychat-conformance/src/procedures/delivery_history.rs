//! Has all users send broadcasts and private messages, and checks one property of what each of them received.

mod messages;
mod received;
mod waiting;

use mychat_proto::Framing;

use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::harness::liveness::{connect_users, numbered_name};
use messages::{SeenMessage, UserHistory, parse_message};
use mychat_scenario::model::procedures::{DeliveryHistory, HistoryCheck};

/// The number of messages of each user with raw framing, where each message needs a pause.
const MAX_RAW: usize = 10;

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

/// The users of a load, and what each of them sends.
struct HistoryLoad {
    conns: Vec<Connection>,
    /// The beginning of the users' names.
    stem: &'static str,
    /// The beginning of all contents.
    nonce: String,
    /// The number of messages of each user, without its end mark.
    messages: usize,
}

/// Sends the load and checks what each user received. `paced`: each round waits until the one before has arrived. Sets
/// `dropped` if messages may be missing because the server disconnected a user.
async fn send_and_check(
    ctx: &mut CaseContext,
    procedure: &DeliveryHistory,
    paced: bool,
    dropped: &mut bool,
) -> StepResult {
    let mut load = HistoryLoad::connect(ctx, procedure, paced).await?;
    load.send(ctx, paced).await;
    load.wait_for_arrivals(ctx, procedure.look).await;
    *dropped = load.is_disconnected(procedure.look);
    load.check(ctx, procedure.look).await
}

impl HistoryLoad {
    async fn connect(ctx: &mut CaseContext, procedure: &DeliveryHistory, paced: bool) -> Result<Self, CaseFailure> {
        let count = ctx.env.scaled(procedure.users, procedure.users.min(10));
        let raw = ctx.env.framing.send == Framing::Raw;
        let messages = ctx.env.scaled(procedure.messages * count, 2 * count) / count;
        let messages = if raw { messages.min(MAX_RAW) } else { messages };
        let (stem, messages) = if paced { ("calm", messages.min(MAX_PACED)) } else { ("hist", messages) };
        let nonce = format!("{}{}", ctx.names.nonce(), if paced { "g" } else { "" });
        Ok(Self { conns: connect_users(ctx, stem, count).await?, stem, nonce, messages })
    }

    /// Sends the messages of all users in turn, and then their end marks.
    async fn send(&mut self, ctx: &CaseContext, paced: bool) {
        let (count, nonce) = (self.conns.len(), self.nonce.clone());
        let mut waits = paced;
        for number in 0..self.messages {
            // After one timeout, do not wait for later rounds.
            waits = waits && self.wait_for_broadcasts(ctx, number.div_ceil(2)).await;
            for (from, conn) in self.conns.iter_mut().enumerate() {
                // Every second message is private, each time for another user.
                let to = (from + 1 + number / 2 % (count - 1)) % count;
                let frame = match number % 2 {
                    0 => format!("BROADCAST|{nonce}.{from}.all.{number}."),
                    _ => format!("MESSAGE|{}|{nonce}.{from}.{to}.{number}.", numbered_name(&ctx.names, self.stem, to)),
                };
                let _ = conn.send(frame.as_bytes()).await;
            }
        }
        // The end mark follows all other messages of a sender, so a user who has all marks has everything.
        for conn in &mut self.conns {
            let _ = conn.send(format!("BROADCAST|{nonce}.end.").as_bytes()).await;
        }
    }

    /// Returns true if the server disconnected a user, so that messages may be missing for the property.
    fn is_disconnected(&self, look: HistoryCheck) -> bool {
        let closed = |conn: &Connection| conn.inbox().end.is_some();
        match look {
            HistoryCheck::Loss | HistoryCheck::Lists | HistoryCheck::Total => self.conns.iter().any(closed),
            // The other properties hold for any part of the messages, but not for none at all.
            _ => self.conns.iter().any(|conn| {
                closed(conn)
                    && !conn.inbox().frames.iter().any(|frame| parse_message(&frame.bytes, &self.nonce).is_some())
            }),
        }
    }

    async fn check(&self, ctx: &mut CaseContext, look: HistoryCheck) -> StepResult {
        for (me, conn) in self.conns.iter().enumerate() {
            let inbox = conn.inbox();
            let frames = || inbox.frames.iter().map(|frame| frame.bytes.as_slice());
            let seen: Vec<SeenMessage<'_>> = frames().filter_map(|frame| parse_message(frame, &self.nonce)).collect();
            messages::check(ctx, look, &UserHistory { me, conns: &self.conns, seen: &seen, messages: self.messages })?;
            if look == HistoryCheck::Frames {
                received::check_no_other_frames(ctx, conn, frames(), &self.nonce)?;
            }
        }
        match look {
            HistoryCheck::Frames => received::check_no_common_message(ctx, &self.conns),
            HistoryCheck::Total => received::record_total_order(ctx, &self.conns, &self.nonce),
            HistoryCheck::Lists => received::check_last_lists(ctx, &self.conns).await,
            _ => Ok(()),
        }
    }
}
