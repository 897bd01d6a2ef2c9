//! The server under test: named, started by a command, or the tool's own.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Asked, PATIENCE};
use mychat_conformance::probe::FramingProbe;
use mychat_conformance::{TestEnv, join_all};
use mychat_load::Exit;
use mychat_target::TargetError;
use mychat_target::spawn::SpawnedServer;

/// A server under test, or several instances of it.
pub(crate) struct UnderTest {
    /// As it was named.
    pub(crate) name: String,
    /// The first instance.
    pub(crate) address: SocketAddr,
    /// How it is started, where it was given.
    pub(crate) command: Option<String>,
    watches: Vec<SpawnedServer>,
}

impl UnderTest {
    /// Reaches the server, or starts it.
    pub(crate) async fn start(named: Option<&str>, spawn: Option<&str>, jobs: usize) -> Result<Self, (Exit, String)> {
        if let (Some(name), None) = (named, spawn) {
            let reached = mychat_target::reach(name).await.map_err(|error| {
                let malformed = matches!(error, TargetError::Malformed(_));
                (if malformed { Exit::Usage } else { Exit::CouldNotRun }, error.to_string())
            })?;
            return Ok(Self { name: reached.name, address: reached.address, command: None, watches: Vec::new() });
        }
        let own = std::env::current_exe().map(|path| reference(&path.display().to_string()));
        let command = match (spawn, own) {
            (Some(command), _) => command.to_owned(),
            (None, Ok(own)) => own,
            (None, Err(error)) => {
                return Err((Exit::CouldNotRun, format!("cannot start the reference server: {error}")));
            }
        };
        let mut watches = Vec::new();
        for started in join_all((0..jobs.max(1)).map(|_| SpawnedServer::start(&command)).collect()).await {
            match started {
                Ok(watch) => watches.push(watch),
                // A command that can be run once at a time: then one instance is what there is.
                Err(_) if !watches.is_empty() => break,
                Err(error) => {
                    let usage = matches!(error, mychat_target::spawn::SpawnError::NoPort);
                    let message = format!("{:#}", anyhow::Error::from(error));
                    return Err((if usage { Exit::Usage } else { Exit::CouldNotRun }, message));
                }
            }
        }
        let address =
            watches.first().map(SpawnedServer::address).ok_or((Exit::CouldNotRun, "nothing was started".to_owned()))?;
        let name = if spawn.is_some() {
            format!("{address} (started by `{command}`)")
        } else {
            format!("{address} (the reference server)")
        };
        Ok(Self { name, address, command: spawn.map(str::to_owned), watches })
    }

    /// Whether this tool started it.
    pub(crate) fn is_spawned(&self) -> bool {
        !self.watches.is_empty()
    }

    /// What the checks of a run need to know, an instance each.
    pub(super) fn test_envs(&self, found: &FramingProbe, asked: &Asked) -> Vec<TestEnv> {
        let patience = asked.timeout.unwrap_or(PATIENCE);
        let common = TestEnv {
            fixed_timeout: asked.timeout.is_some(),
            declared: Arc::new(asked.profile.clone()),
            ..TestEnv::new(self.address, found.framing, patience, asked.seed)
        };
        match self.watches.as_slice() {
            [] => vec![common],
            watches => watches
                .iter()
                .map(|watch| TestEnv { target: watch.address(), watch: Some(watch.clone()), ..common.clone() })
                .collect(),
        }
    }

    /// Ends what was started.
    pub(crate) async fn stop(&self) {
        for watch in &self.watches {
            watch.stop().await;
        }
    }
}

/// The command that starts the tool's own server, for the system's shell.
fn reference(program: &str) -> String {
    if cfg!(windows) {
        format!("\"{program}\" serve --listen 127.0.0.1:{{port}}")
    } else {
        format!("exec '{}' serve --listen 127.0.0.1:{{port}}", program.replace('\'', r"'\''"))
    }
}
