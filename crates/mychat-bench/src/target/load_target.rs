//! Server of a load: given by address, started by a command, or the reference server.

use super::load_profile::{LoadProfile, ProfileOptions};
use crate::error::CommandError;
use mychat_target::sample::Sampler;
use mychat_target::spawn::SpawnedServer;
use mychat_target::{Reference, Target};

/// Server that the command line chooses.
#[derive(Debug)]
pub(crate) struct ServerChoice {
    /// `HOST:PORT`.
    pub(crate) target: Option<String>,
    /// Shell command that starts it.
    pub(crate) spawn: Option<String>,
    /// Process id, if it runs on this machine.
    pub(crate) pid: Option<u32>,
}

/// Server of a load, with its process if the tool started it.
pub(crate) struct LoadTarget {
    pub(crate) target: Target,
    watch: Option<SpawnedServer>,
    reference: Option<Reference>,
}

impl LoadTarget {
    /// Connects to the chosen server or starts it. Without a choice it takes `default`, else the reference server.
    pub(crate) async fn start(choice: &ServerChoice, default: Option<&str>) -> Result<Self, CommandError> {
        let watch = match &choice.spawn {
            Some(command) => Some(SpawnedServer::start(command).await?),
            None => None,
        };
        let spawned = watch.as_ref().map(|watch| watch.address().to_string());
        let named = spawned.as_deref().or(choice.target.as_deref()).or(default);
        let reference = match named {
            Some(_) => None,
            None => Some(Reference::start().await?),
        };
        let name = named.or(reference.as_ref().map(Reference::address)).unwrap_or_default();
        let target = mychat_target::reach(name).await?;
        Ok(Self { target, watch, reference })
    }

    /// Returns true for the reference server.
    pub(crate) fn is_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// Returns the sampler of the server's process, if it runs on this machine and is known. Fails if `pid` cannot be
    /// watched.
    pub(crate) fn process(&self, pid: Option<u32>) -> Result<Option<Sampler>, CommandError> {
        let Some(pid) = pid else {
            return Ok(match &self.watch {
                Some(watch) => watch.pid().map(Sampler::of_group),
                None => self.reference.as_ref().and_then(Reference::pid).map(Sampler::new),
            });
        };
        let sampler = Sampler::new(pid);
        if sampler.sample().is_none() {
            let message = "the process of --pid cannot be watched: is it running on this machine?";
            return Err(CommandError::could_not_run(message));
        }
        Ok(Some(sampler))
    }

    /// Returns how the server talks. The reference server's profile is known; others are probed.
    pub(crate) async fn profile(&self, options: &ProfileOptions, seed: u64) -> LoadProfile {
        if self.is_reference() { options.unprobed() } else { options.probe(self.target.address, seed).await }
    }

    /// Stops the server if the tool started it.
    pub(crate) async fn stop(self) {
        if let Some(reference) = self.reference {
            reference.stop().await;
        }
        if let Some(watch) = self.watch {
            watch.stop().await;
        }
    }
}
