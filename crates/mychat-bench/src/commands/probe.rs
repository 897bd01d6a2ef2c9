//! `probe`: finds out the framing of a server and its readings of the protocol, and prints them as a profile.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use rand::RngExt as _;

use crate::args::ServerArgs;
use crate::check_run::DEFAULT_TIMEOUT;
use crate::error::CommandError;
use crate::output::{prepare_outputs, write_output};
use crate::target::ServerUnderTest;
use crate::terminal::print;
use mychat_conformance::TestEnv;
use mychat_conformance::measure_response_time;
use mychat_conformance::probe::{self as probing, profile};
use mychat_load::Exit;
use mychat_scenario::template::actor_names;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench probe --target 127.0.0.1:5000 > profile.yaml
      prints the server's readings of the protocol
  mychat-bench conformance --target 127.0.0.1:5000 --profile profile.yaml
      declares these readings: the checks then require them

Exit codes: 0 success, 2 wrong options, 3 no server, 4 the server does not reply.")]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Write the profile as JSON too; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Probes the server and prints the profile.
pub(crate) async fn probe(args: ProbeArgs) -> Result<Exit, CommandError> {
    prepare_outputs([("--json", args.json.as_deref())], [])?;
    let typed = &args.server;
    let server =
        ServerUnderTest::start(typed.target.as_deref(), typed.spawn.as_deref(), 1, typed.start_timeout).await?;
    let seed = u64::from(rand::rng().random::<u16>());
    let patience = typed.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let nonce = actor_names::nonce(seed);
    let mut found = probing::probe_framing(server.address, typed.framing.into(), patience, &nonce).await;
    probing::probe_mistakes(server.address, &mut found, patience, &nonce).await;
    let mut env = TestEnv::new(server.address, found.framing, patience, seed);
    if let Ok(pace) = measure_response_time(&env).await {
        env = env.with_response_time(pace);
    }
    let observed = profile::observe(&env, &found).await;
    server.stop().await;
    let mut text = String::new();
    for (key, _) in profile::KEYS {
        match (observed.values.get(key), observed.observed.get(key)) {
            (Some(value), Some(words)) => {
                let _ = writeln!(text, "{:<40} # {words}", format!("{key}: {value}"));
            }
            _ => {
                let _ = writeln!(text, "# {key}: not determined");
            }
        }
    }
    print::result(&text);
    if let Some(reason) = observed.observed.get("unanswered") {
        print::message(&format!("warning: {reason}\n"));
    }
    if let Some(path) = &args.json {
        let whole = serde_json::json!({ "schema": "mychat-bench/probe@1", "target": server.name, "profile": observed });
        write_output(path, &format!("{whole:#}\n"))?;
    }
    Ok(if observed.observed.contains_key("unanswered") { Exit::Inconclusive } else { Exit::Success })
}
