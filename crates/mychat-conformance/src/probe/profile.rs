//! Finds out the readings of a server by short dialogues, and reads profile files.

use std::collections::BTreeMap;

use super::{FramingProbe, Profile};
use crate::harness::TestEnv;
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::liveness::numbered_name;
use mychat_scenario::template::text;

/// The keys of a profile, with their permitted values.
pub const KEYS: [(&str, &[&str]); 8] = [
    ("framing", &["lf", "crlf", "raw"]),
    ("limit_counts_terminator", &["true", "false"]),
    ("broadcast_echo", &["true", "false"]),
    ("fail_keeps_connection", &["true", "false"]),
    ("list_over_limit", &["continued", "truncated", "refused", "exceeds"]),
    ("unknown_user", &["error404", "silent"]),
    ("list_on_join_others", &["true", "false"]),
    ("content_pipe", &["last_field", "refused"]),
];

/// Reads the text of a profile: lines `key: value`.
///
/// # Errors
///
/// Returns a description of the first unknown key or value, or of the syntax error.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let read: BTreeMap<String, serde_yaml::Value> =
        serde_yaml::from_str(text).map_err(|error| format!("a profile has a value per key: {error}"))?;
    let mut values = BTreeMap::new();
    for (key, value) in read {
        let value = match value {
            serde_yaml::Value::Bool(value) => value.to_string(),
            serde_yaml::Value::String(value) => value,
            other => return Err(format!("`{key}` takes a word, not {other:?}")),
        };
        let Some((_, legal)) = KEYS.iter().find(|(known, _)| *known == key) else {
            let known: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
            return Err(format!("`{key}` is no key of a profile; its keys are {}", known.join(", ")));
        };
        if !legal.contains(&value.as_str()) {
            return Err(format!("`{key}` is one of {}, not `{value}`", legal.join(", ")));
        }
        values.insert(key, value);
    }
    Ok(values)
}

/// Finds out all readings of a server.
pub async fn observe(env: &TestEnv, found: &FramingProbe) -> Profile {
    ask(env, found, true).await
}

/// Finds out only the readings that change the deliveries that the server owes in a load run.
pub async fn observe_delivery(env: &TestEnv, found: &FramingProbe) -> Profile {
    ask(env, found, false).await
}

async fn ask(env: &TestEnv, found: &FramingProbe, everything: bool) -> Profile {
    let mut profile = Profile::default();
    let mut note = |key: &str, value: Option<&str>, seen: String| {
        profile.observed.insert(key.to_owned(), seen);
        if let Some(value) = value {
            profile.values.insert(key.to_owned(), value.to_owned());
        }
    };
    note("framing", Some(found.name), found.description.clone());
    let mut ctx = CaseContext::without_case("probe", env.clone());
    let mut asked = delivery(&mut ctx, &mut note, everything).await;
    if everything && asked.is_ok() {
        asked = limits(&mut ctx, &mut note).await;
    }
    if let Err(reason) = asked {
        note("unanswered", None, reason);
    }
    ctx.disconnect_all().await;
    profile
}

type NoteReading<'n> = dyn FnMut(&str, Option<&str>, String) + 'n;

async fn delivery(ctx: &mut CaseContext, note: &mut NoteReading<'_>, everything: bool) -> Result<(), String> {
    let failed = |_| "a user could not connect".to_owned();
    let ana = ctx.connect_as("ana", &numbered_name(&ctx.names, "proba", 0)).await.map_err(failed)?;
    ana.inbox().lists = 0;
    ctx.conns.insert("ana".to_owned(), ana);
    let bob = ctx.connect_as("bob", &numbered_name(&ctx.names, "probb", 0)).await.map_err(failed)?;
    let joined = {
        let name = bob.name.clone().unwrap_or_default();
        let ana = ctx.conn("ana").map_err(failed)?;
        // A server may delay a list to merge it with later ones. A load run does not need to know, so it waits less.
        let timeout = if everything { ana.timeout() } else { ana.timeout() / 4 };
        ana.wait_at_most(timeout, |inbox| inbox.list.as_deref()?.contains(&name).then_some(())).await.is_some()
    };
    ctx.conns.insert("bob".to_owned(), bob);
    note(
        "list_on_join_others",
        Some(truth(joined)),
        format!("a user who was there {} a list when another joined", received(joined)),
    );

    let mut has_echo = false;
    // Try three times, because a faulty server may lose single messages.
    for _ in 0..3 {
        let echo = reply(ctx, "ana", format!("BROADCAST|{}echo", ctx.names.nonce()).as_bytes()).await;
        has_echo = echo.iter().any(|frame| frame.starts_with("BROADCAST|"));
        if has_echo {
            break;
        }
    }
    note("broadcast_echo", Some(truth(has_echo)), format!("the sender {} its own broadcast", received(has_echo)));

    let nobody = format!("MESSAGE|nobody{}|x", ctx.names.nonce());
    let mut unknown = Vec::new();
    // Try three times, because a faulty server may lose single replies.
    for _ in 0..3 {
        unknown = reply(ctx, "ana", nobody.as_bytes()).await;
        if unknown.iter().any(|frame| frame.starts_with("ERROR|")) || !is_open(ctx, "ana") {
            break;
        }
    }
    let answered = unknown.iter().find(|frame| frame.starts_with("ERROR|"));
    let value = if answered.is_some() { "error404" } else { "silent" };
    let silence = if is_open(ctx, "ana") { "no answer" } else { "it closed the connection" };
    note("unknown_user", Some(value), answered.map_or(silence.to_owned(), |frame| format!("it answered {frame}")));

    Ok(())
}

async fn limits(ctx: &mut CaseContext, note: &mut NoteReading<'_>) -> Result<(), String> {
    let bob_name = ctx.conns.get("bob").and_then(|conn| conn.name.clone()).unwrap_or_default();
    let nonce = ctx.names.nonce().to_owned();
    reconnect(ctx, "ana", 1).await?;
    let has_arrived =
        delivered(ctx, "ana", format!("MESSAGE|{bob_name}|{nonce}|b|c").as_bytes(), &format!("{nonce}|b|c")).await;
    let value = if has_arrived { "last_field" } else { "refused" };
    note(
        "content_pipe",
        Some(value),
        if has_arrived { "`a|b|c` arrived whole" } else { "`a|b|c` did not arrive" }.to_owned(),
    );

    reconnect(ctx, "ana", 2).await?;
    let own = format!("MESSAGE|{bob_name}|");
    let full = [own.as_bytes(), &text::padding(1024 - own.len())].concat();
    let taken = delivered(ctx, "ana", &full, &String::from_utf8_lossy(&text::padding(64))).await;
    note(
        "limit_counts_terminator",
        Some(truth(!taken)),
        format!("1024 bytes and a line end were {}", if taken { "taken" } else { "refused" }),
    );

    let kept = keeps_connection(ctx, &bob_name).await;
    note(
        "fail_keeps_connection",
        Some(truth(kept)),
        format!("after CONNECT_ACK|FAIL another name was {}", if kept { "let in" } else { "not let in" }),
    );
    Ok(())
}

/// Sends a frame and returns the frames that the actor got before the next fence.
async fn reply(ctx: &mut CaseContext, actor: &str, frame: &[u8]) -> Vec<String> {
    let before = ctx.conns.get(actor).map_or(0, |conn| conn.inbox().frames.len());
    let _ = ctx.send_from(actor, frame, true).await;
    ctx.round_trip(actor).await;
    let Some(conn) = ctx.conns.get(actor) else { return Vec::new() };
    let inbox = conn.inbox();
    let new = inbox.frames.iter().skip(before).filter(|seen| !seen.bytes.windows(6).any(|part| part == b"fence-"));
    new.map(|seen| String::from_utf8_lossy(&seen.bytes).into_owned()).collect()
}

fn is_open(ctx: &CaseContext, actor: &str) -> bool {
    ctx.conns.get(actor).is_some_and(Connection::is_open)
}

/// Connects an actor again if the server disconnected it after an earlier question.
async fn reconnect(ctx: &mut CaseContext, actor: &str, times: usize) -> Result<(), String> {
    if !is_open(ctx, actor) {
        let conn = ctx.connect_as(actor, &numbered_name(&ctx.names, "proba", times)).await;
        let conn = conn.map_err(|_| "a user could not connect again".to_owned())?;
        ctx.conns.insert(actor.to_owned(), conn);
    }
    Ok(())
}

/// Sends a frame from `actor` and returns true if bob gets a frame that contains `words`.
async fn delivered(ctx: &mut CaseContext, actor: &str, frame: &[u8], words: &str) -> bool {
    let _ = ctx.send_from(actor, frame, true).await;
    let proven = ctx.fence("bob").await.is_ok();
    proven && ctx.conns.get("bob").is_some_and(|conn| conn.inbox().has_bytes(words.as_bytes()))
}

async fn keeps_connection(ctx: &mut CaseContext, taken: &str) -> bool {
    let Ok(mut conn): Result<Connection, _> = ctx.open("cat").await else { return false };
    let _ = conn.send(format!("CONNECT|{taken}").as_bytes()).await;
    let timeout = conn.timeout();
    let refused = conn.wait_until(timeout, |inbox| {
        (inbox.connect_replies > 0 || inbox.end.is_some()).then_some(inbox.connect_replies)
    });
    let before = refused.await.unwrap_or(0);
    let _ = conn.send(format!("CONNECT|{}", numbered_name(&ctx.names, "probc", 0)).as_bytes()).await;
    let second = conn.wait_at_most(timeout / 4, |inbox| {
        (inbox.connect_replies > before || inbox.end.is_some()).then_some(inbox.logged_in)
    });
    let logged_in = second.await == Some(true);
    ctx.conns.insert("cat".to_owned(), conn);
    logged_in
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

const fn received(value: bool) -> &'static str {
    if value { "got" } else { "did not get" }
}
