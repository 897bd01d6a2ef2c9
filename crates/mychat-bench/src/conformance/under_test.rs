//! The server under test: named, started by a command, or the tool's own.

use std::net::SocketAddr;

use crate::exit::Exit;
use crate::target::spawn::Watch;
use crate::target::{self, TargetError};

/// A server under test, or several instances of it.
pub(crate) struct UnderTest {
    /// As it was named.
    pub(crate) name: String,
    /// The first instance.
    pub(crate) address: SocketAddr,
    /// How it is started, where it was given.
    pub(crate) command: Option<String>,
    watches: Vec<Watch>,
}

impl UnderTest {
    /// Reaches the server, or starts it.
    pub(crate) async fn start(named: Option<&str>, spawn: Option<&str>, jobs: usize) -> Result<Self, (Exit, String)> {
        if let (Some(name), None) = (named, spawn) {
            let reached = target::reach(name).await.map_err(|error| {
                let malformed = matches!(error, TargetError::Malformed(_));
                (if malformed { Exit::Usage } else { Exit::CouldNotRun }, error.to_string())
            })?;
            return Ok(Self { name: reached.name, address: reached.address, command: None, watches: Vec::new() });
        }
        let own =
            std::env::current_exe().map(|path| format!("exec '{}' serve --listen 127.0.0.1:{{port}}", path.display()));
        let command = match (spawn, own) {
            (Some(command), _) => command.to_owned(),
            (None, Ok(own)) => own,
            (None, Err(error)) => {
                return Err((Exit::CouldNotRun, format!("cannot start the reference server: {error}")));
            }
        };
        let mut watches = Vec::new();
        for _ in 0..jobs.max(1) {
            let watch = Watch::start(&command).await.map_err(|error| {
                let usage = matches!(error, target::spawn::SpawnError::NoPort);
                (if usage { Exit::Usage } else { Exit::CouldNotRun }, error.to_string())
            })?;
            watches.push(watch);
        }
        let address =
            watches.first().map(Watch::address).ok_or((Exit::CouldNotRun, "nothing was started".to_owned()))?;
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

    /// Its instances.
    pub(crate) fn instances(&self) -> Vec<(SocketAddr, Option<Watch>)> {
        match self.watches.as_slice() {
            [] => vec![(self.address, None)],
            watches => watches.iter().map(|watch| (watch.address(), Some(watch.clone()))).collect(),
        }
    }

    /// Ends what was started.
    pub(crate) async fn stop(&self) {
        for watch in &self.watches {
            watch.stop().await;
        }
    }
}
