//! The readings of a server, each by a short dialogue; and profile files.

use std::collections::BTreeMap;

use super::{Found, Profile};
use crate::script::alive::numbered;
use crate::script::line::Line;
use crate::script::stage::{Stage, Surroundings};
use mychat_scenario::template::text;

/// The keys of a profile, with their values.
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

/// Reads a profile's text: `key: value` lines.
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

/// Asks a server for all of its readings.
pub async fn observe(around: &Surroundings, found: &Found) -> Profile {
    ask(around, found, true).await
}

/// Asks a server for the readings that change what a load owes its users.
pub async fn observe_delivery(around: &Surroundings, found: &Found) -> Profile {
    ask(around, found, false).await
}

async fn ask(around: &Surroundings, found: &Found, everything: bool) -> Profile {
    let mut profile = Profile::default();
    let mut note = |key: &str, value: Option<&str>, seen: String| {
        profile.observed.insert(key.to_owned(), seen);
        if let Some(value) = value {
            profile.values.insert(key.to_owned(), value.to_owned());
        }
    };
    note("framing", Some(found.framing), found.seen.clone());
    let mut stage = Stage::empty("probe", around.clone());
    let mut asked = delivery(&mut stage, &mut note, everything).await;
    if everything && asked.is_ok() {
        asked = limits(&mut stage, &mut note).await;
    }
    if let Err(reason) = asked {
        note("unanswered", None, reason);
    }
    stage.leave().await;
    profile
}

type Note<'n> = dyn FnMut(&str, Option<&str>, String) + 'n;

async fn delivery(stage: &mut Stage, note: &mut Note<'_>, everything: bool) -> Result<(), String> {
    let trouble = |_| "a user could not connect".to_owned();
    let ana = stage.welcome("ana", &numbered(&stage.cast, "proba", 0)).await.map_err(trouble)?;
    ana.inbox().lists = 0;
    stage.lines.insert("ana".to_owned(), ana);
    let bob = stage.welcome("bob", &numbered(&stage.cast, "probb", 0)).await.map_err(trouble)?;
    let joined = {
        let name = bob.name.clone().unwrap_or_default();
        let ana = stage.line("ana").map_err(trouble)?;
        // A list may wait for others to be merged with; a load does not ask whether one comes.
        let patience = if everything { ana.patience() } else { ana.patience() / 4 };
        ana.within(patience, |inbox| inbox.list.as_deref()?.contains(&name).then_some(())).await.is_some()
    };
    stage.lines.insert("bob".to_owned(), bob);
    note(
        "list_on_join_others",
        Some(truth(joined)),
        format!("a user who was there {} a list when another joined", gets(joined)),
    );

    let mut has_echo = false;
    // A server that loses a message now and then is not one that sends none back.
    for _ in 0..3 {
        let echo = reply(stage, "ana", format!("BROADCAST|{}echo", stage.cast.nonce()).as_bytes()).await;
        has_echo = echo.iter().any(|frame| frame.starts_with("BROADCAST|"));
        if has_echo {
            break;
        }
    }
    note("broadcast_echo", Some(truth(has_echo)), format!("the sender {} its own broadcast", gets(has_echo)));

    let nobody = format!("MESSAGE|nobody{}|x", stage.cast.nonce());
    let mut unknown = Vec::new();
    // Nor is one that forgets an answer now and then one that never answers.
    for _ in 0..3 {
        unknown = reply(stage, "ana", nobody.as_bytes()).await;
        if unknown.iter().any(|frame| frame.starts_with("ERROR|")) || !is_open(stage, "ana") {
            break;
        }
    }
    let answered = unknown.iter().find(|frame| frame.starts_with("ERROR|"));
    let value = if answered.is_some() { "error404" } else { "silent" };
    let silence = if is_open(stage, "ana") { "no answer" } else { "it closed the connection" };
    note("unknown_user", Some(value), answered.map_or(silence.to_owned(), |frame| format!("it answered {frame}")));

    Ok(())
}

async fn limits(stage: &mut Stage, note: &mut Note<'_>) -> Result<(), String> {
    let bob_name = stage.lines.get("bob").and_then(|line| line.name.clone()).unwrap_or_default();
    let nonce = stage.cast.nonce().to_owned();
    come_back(stage, "ana", 1).await?;
    let whole =
        delivered(stage, "ana", format!("MESSAGE|{bob_name}|{nonce}|b|c").as_bytes(), &format!("{nonce}|b|c")).await;
    let value = if whole { "last_field" } else { "refused" };
    note(
        "content_pipe",
        Some(value),
        if whole { "`a|b|c` arrived whole" } else { "`a|b|c` did not arrive" }.to_owned(),
    );

    come_back(stage, "ana", 2).await?;
    let own = format!("MESSAGE|{bob_name}|");
    let full = [own.as_bytes(), &text::padding(1024 - own.len())].concat();
    let taken = delivered(stage, "ana", &full, &String::from_utf8_lossy(&text::padding(64))).await;
    note(
        "limit_counts_terminator",
        Some(truth(!taken)),
        format!("1024 bytes and a line end were {}", if taken { "taken" } else { "refused" }),
    );

    let kept = keeps_connection(stage, &bob_name).await;
    note(
        "fail_keeps_connection",
        Some(truth(kept)),
        format!("after CONNECT_ACK|FAIL another name was {}", if kept { "let in" } else { "not let in" }),
    );
    Ok(())
}

/// What an actor gets for a frame, up to the fence behind it.
async fn reply(stage: &mut Stage, actor: &str, frame: &[u8]) -> Vec<String> {
    let before = stage.lines.get(actor).map_or(0, |line| line.inbox().frames.len());
    let _ = stage.say(actor, frame, true).await;
    stage.round_trip(actor).await;
    let Some(line) = stage.lines.get(actor) else { return Vec::new() };
    let inbox = line.inbox();
    let new = inbox.frames.iter().skip(before).filter(|seen| !seen.bytes.windows(6).any(|part| part == b"fence-"));
    new.map(|seen| String::from_utf8_lossy(&seen.bytes).into_owned()).collect()
}

fn is_open(stage: &Stage, actor: &str) -> bool {
    stage.lines.get(actor).is_some_and(Line::is_open)
}

/// Connects an actor again whom the server closed for what it was asked before: that says nothing about what comes next.
async fn come_back(stage: &mut Stage, actor: &str, times: usize) -> Result<(), String> {
    if !is_open(stage, actor) {
        let line = stage.welcome(actor, &numbered(&stage.cast, "proba", times)).await;
        let line = line.map_err(|_| "a user could not connect again".to_owned())?;
        stage.lines.insert(actor.to_owned(), line);
    }
    Ok(())
}

/// Whether a frame of `actor` reaches bob with these words in it.
async fn delivered(stage: &mut Stage, actor: &str, frame: &[u8], words: &str) -> bool {
    let _ = stage.say(actor, frame, true).await;
    let proven = stage.fence("bob").await.is_ok();
    proven && stage.lines.get("bob").is_some_and(|line| line.inbox().holds(words.as_bytes()))
}

async fn keeps_connection(stage: &mut Stage, taken: &str) -> bool {
    let Ok(mut line): Result<Line, _> = stage.open("cat").await else { return false };
    let _ = line.send(format!("CONNECT|{taken}").as_bytes()).await;
    let patience = line.patience();
    let refused = line.until(patience, |inbox| (inbox.answers > 0 || inbox.end.is_some()).then_some(inbox.answers));
    let before = refused.await.unwrap_or(0);
    let _ = line.send(format!("CONNECT|{}", numbered(&stage.cast, "probc", 0)).as_bytes()).await;
    let second =
        line.within(patience / 4, |inbox| (inbox.answers > before || inbox.end.is_some()).then_some(inbox.welcomed));
    let welcomed = second.await == Some(true);
    stage.lines.insert("cat".to_owned(), line);
    welcomed
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

const fn gets(value: bool) -> &'static str {
    if value { "got" } else { "did not get" }
}
