//! Server under test of a run of checks: given by address, started by a command, or the reference server.

use std::net::SocketAddr;

use anyhow::Context as _;

use crate::error::CommandError;
use mychat_conformance::join_all;
use mychat_target::spawn::SpawnedServer;

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
    /// reference server.
    pub(crate) async fn start(named: Option<&str>, spawn: Option<&str>, jobs: usize) -> Result<Self, CommandError> {
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
        let mut watches = Vec::new();
        for started in join_all((0..jobs.max(1)).map(|_| SpawnedServer::start(&command)).collect()).await {
            match started {
                Ok(watch) => watches.push(watch),
                // Some commands can run only once at a time: one instance suffices.
                Err(_) if !watches.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        let address = watches
            .first()
            .map(SpawnedServer::address)
            .ok_or_else(|| CommandError::could_not_run("nothing was started"))?;
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

/// Returns the shell command that starts the reference server.
fn reference(program: &str) -> String {
    if cfg!(windows) {
        format!("\"{program}\" serve --listen 127.0.0.1:{{port}}")
    } else {
        format!("exec '{}' serve --listen 127.0.0.1:{{port}}", program.replace('\'', r"'\''"))
    }
}
