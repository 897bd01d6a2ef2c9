//! `probe`: how a server talks, as a profile.

use std::fmt::Write as _;

use rand::RngExt as _;

use super::{PATIENCE, UnderTest};
use crate::{cli, out};
use mychat_conformance::TestEnv;
use mychat_conformance::measure_response_time;
use mychat_conformance::probe::{self as probing, profile};
use mychat_load::Exit;
use mychat_report::files;
use mychat_scenario::template::actor_names;

/// `probe`.
pub(crate) async fn probe(args: cli::Probe) -> anyhow::Result<Exit> {
    files::check_all_writable([&args.json])?;
    let asked = &args.tested;
    let tested = match UnderTest::start(asked.target.as_deref(), asked.spawn.as_deref(), 1).await {
        Ok(tested) => tested,
        Err((exit, message)) => {
            out::complain(&format!("error: {message}\n"));
            return Ok(exit);
        }
    };
    let seed = u64::from(rand::rng().random::<u16>());
    let patience = asked.timeout.unwrap_or(PATIENCE);
    let found = probing::probe_framing(tested.address, asked.framing.into(), patience, &actor_names::nonce(seed)).await;
    let mut env = TestEnv::new(tested.address, found.framing, patience, seed);
    if let Ok(pace) = measure_response_time(&env).await {
        env = env.with_response_time(pace);
    }
    let observed = profile::observe(&env, &found).await;
    tested.stop().await;
    let mut text = String::new();
    for (key, _) in profile::KEYS {
        match (observed.values.get(key), observed.observed.get(key)) {
            (Some(value), Some(words)) => {
                let _ = writeln!(text, "{:<40} # {words}", format!("{key}: {value}"));
            }
            _ => {
                let _ = writeln!(text, "# {key}: not found out");
            }
        }
    }
    out::print(&text);
    if let Some(reason) = observed.observed.get("unanswered") {
        out::complain(&format!("warning: {reason}\n"));
    }
    if let Some(path) = &args.json {
        let whole = serde_json::json!({ "schema": "mychat-bench/probe@1", "target": tested.name, "profile": observed });
        files::replace(path, &format!("{whole:#}\n"))?;
    }
    Ok(if observed.observed.contains_key("unanswered") { Exit::Inconclusive } else { Exit::Success })
}
