//! Server under test of a run of checks: given by address, started by a command, or the reference server.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;

use crate::error::CommandError;
use mychat_conformance::join_all;
use mychat_target::spawn::{SpawnError, SpawnedServer};

/// Server under test, or several instances of it.
pub(crate) struct ServerUnderTest {
    /// Name as given.
    pub(crate) name: String,
    /// Address of the first instance.
    pub(crate) address: SocketAddr,
    /// Command that starts it, if given.
    pub(crate) command: Option<String>,
    watches: Vec<SpawnedServer>,
}

impl ServerUnderTest {
    /// Connects to the server at `named`, or starts up to `jobs` instances with `spawn`. Without either it starts the
    /// reference server. A started server has `start_timeout` to answer.
    pub(crate) async fn start(
        named: Option<&str>,
        spawn: Option<&str>,
        jobs: usize,
        start_timeout: Duration,
    ) -> Result<Self, CommandError> {
        if let (Some(name), None) = (named, spawn) {
            let reached = mychat_target::reach(name).await?;
            return Ok(Self { name: reached.name, address: reached.address, command: None, watches: Vec::new() });
        }
        let command = if let Some(command) = spawn {
            command.to_owned()
        } else {
            let program = std::env::current_exe().context("cannot start the reference server")?;
            reference(&program.display().to_string())
        };
        let starts = (0..jobs.max(1)).map(|_| SpawnedServer::start(&command, start_timeout));
        let (mut watches, mut errors) = (Vec::new(), Vec::new());
        for started in join_all(starts.collect()).await {
            match started {
                Ok(watch) => watches.push(watch),
                Err(error) => errors.push(error),
            }
        }
        // Some commands can run only once at a time: one instance suffices.
        let Some(address) = watches.first().map(SpawnedServer::address) else { return Err(most_telling(errors)) };
        let name = if spawn.is_some() {
            format!("{address} (started by `{command}`)")
        } else {
            format!("{address} (the reference server)")
        };
        Ok(Self { name, address, command: spawn.map(str::to_owned), watches })
    }

    /// Returns true if this tool started the server.
    pub(crate) fn is_spawned(&self) -> bool {
        !self.watches.is_empty()
    }

    /// Returns the instances that this tool started.
    pub(crate) fn processes(&self) -> &[SpawnedServer] {
        &self.watches
    }

    /// Stops the instances that this tool started.
    pub(crate) async fn stop(&self) {
        for watch in &self.watches {
            watch.stop().await;
        }
    }
}

/// Returns the error to report of several starts. If the server ignores its port, all instances but one end because that port is
/// in use.
fn most_telling(errors: Vec<SpawnError>) -> CommandError {
    let is_wrong_port = |error: &SpawnError| matches!(error, SpawnError::WrongPort { .. });
    let at = errors.iter().position(is_wrong_port).unwrap_or(0);
    match errors.into_iter().nth(at) {
        Some(error) => error.into(),
        None => CommandError::could_not_run("nothing was started"),
    }
}

/// Returns the shell command that starts the reference server.
fn reference(program: &str) -> String {
    if cfg!(windows) {
        format!("\"{program}\" serve --listen 127.0.0.1:{{port}}")
    } else {
        format!("exec '{}' serve --listen 127.0.0.1:{{port}}", program.replace('\'', r"'\''"))
    }
}
