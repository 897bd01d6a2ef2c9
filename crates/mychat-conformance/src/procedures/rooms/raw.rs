//! A user without terminators, whom a server may serve beside the others (rule R7).

use mychat_proto::Framing;

use crate::harness::connection::{ConnInbox, Connection, FramingPair};
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use mychat_scenario::template::text;

pub(in crate::procedures) async fn raw_session(ctx: &mut CaseContext, sends: &str, gets: &str) -> StepResult {
    let mut config = ctx.config.clone();
    config.framing = FramingPair { send: Framing::Raw, receive: Framing::Raw };
    let name = ctx.names.wire("raw");
    let opened = Connection::open("raw", &config, None).await;
    let mut user = opened.map_err(|error| CaseFailure::no_connection(&error))?;
    let _ = user.send(format!("CONNECT|{name}").as_bytes()).await;
    let welcomed = |inbox: &mut ConnInbox| {
        let is_served = inbox.logged_in && inbox.list.is_some();
        if is_served { Some(true) } else { inbox.end.map(|_| false) }
    };
    // A server that only reads lines waits for the line end, which is no failure.
    let longest = RAW_LOGIN.max(ctx.env.quiet_period());
    if user.wait_at_most(longest, welcomed).await != Some(true) {
        return Err(CaseFailure::Skipped("the server does not serve users without terminators (rule R7)".to_owned()));
    }
    let (sends, gets) = (text::bytes(sends, &ctx.names), text::bytes(gets, &ctx.names));
    let from = user.inbox().frames.len();
    let _ = user.send(&sends).await;
    let answer = user.wait_until(ctx.env.timeout, |inbox| {
        let answer = inbox.frames.get(from).map(|frame| frame.bytes.clone());
        answer.map(Some).or_else(|| inbox.end.map(|_| None))
    });
    let got = match answer.await {
        Some(Some(answer)) if answer == gets => return Ok(()),
        Some(Some(answer)) => text::shown(&answer),
        Some(None) => "the server closed the connection".to_owned(),
        None => format!("no answer {}", user.waited()),
    };
    let want = format!("a user without terminators gets {} for {}", text::shown(&gets), text::shown(&sends));
    Err(CaseFailure::fail(want, got))
}

/// The longest time for which a server waits to find out that a peer sends no terminators, with a margin.
const RAW_LOGIN: std::time::Duration = std::time::Duration::from_millis(600);
