//! Waits until the messages of a load have arrived.

use std::collections::BTreeSet;
use std::time::Duration;

use super::HistoryLoad;
use super::messages::{missing, parse_message};
use crate::harness::connection::{ConnInbox, Connection};
use crate::harness::context::CaseContext;
use crate::harness::join_all;
use mychat_scenario::model::procedures::HistoryCheck;

impl HistoryLoad {
    /// Waits until each user has `each` broadcasts of every other one. Returns false after a timeout.
    pub(super) async fn wait_for_broadcasts(&self, ctx: &CaseContext, each: usize) -> bool {
        for (me, conn) in self.conns.iter().enumerate() {
            let all = |inbox: &mut ConnInbox| {
                let seen = inbox.frames.iter().filter_map(|frame| parse_message(&frame.bytes, &self.nonce));
                let others = seen.filter(|seen_message| !seen_message.private && seen_message.from != me).count();
                (others >= each * (self.conns.len() - 1) || inbox.end.is_some()).then_some(())
            };
            if conn.wait_until(ctx.env.timeout, all).await.is_none() {
                return false;
            }
        }
        true
    }

    /// Waits until everybody has everything that the property needs, or until nothing more arrives.
    pub(super) async fn wait_for_arrivals(&self, ctx: &CaseContext, look: HistoryCheck) {
        let (conns, nonce, count) = (&self.conns, &self.nonce, self.conns.len());
        let timeout = ctx.env.timeout_for((self.messages + 1) * count);
        // Wait for all users at the same time, so that timeouts do not add up.
        join_all(conns.iter().map(|conn| wait_for_end_marks(timeout, conn, nonce, count - 1)).collect()).await;
        if look == HistoryCheck::Loss {
            // If messages overtake each other, the end marks prove nothing: wait for late messages.
            let owed = |me| (me, self.messages, count);
            let waits = conns.iter().enumerate().map(|(me, conn)| wait_for_all(timeout, conn, nonce, owed(me)));
            join_all(waits.collect()).await;
        }
    }
}

/// Waits until the end marks of all other users have arrived, or until nothing more arrives.
async fn wait_for_end_marks(timeout: Duration, conn: &Connection, nonce: &str, others: usize) {
    // An echo of the user's own end mark does not count.
    let own = format!("BROADCAST|{}|", conn.name.as_deref().unwrap_or_default());
    let end = format!("{nonce}.end.");
    let is_end = |frame: &[u8]| frame.ends_with(end.as_bytes()) && !frame.starts_with(own.as_bytes());
    loop {
        let before = conn.inbox().frames.len();
        let ends = |inbox: &mut ConnInbox| {
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
        let all = |inbox: &mut ConnInbox| {
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
