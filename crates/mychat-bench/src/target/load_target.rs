//! Server of a load: given by address, started by a command, or the reference server.

use std::time::Duration;

use super::load_profile::{LoadProfile, ProfileOptions};
use crate::error::CommandError;
use mychat_os::proc::Process;
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
    /// Time for its start.
    pub(crate) start_timeout: Duration,
    /// Process id, if it runs on this machine.
    pub(crate) pid: Option<u32>,
}

/// Server of a load, with its process if the tool started it.
pub(crate) struct LoadTarget {
    pub(crate) target: Target,
    watch: Option<SpawnedServer>,
    reference: Option<Reference>,
    /// Process id that the command line gives.
    pid: Option<u32>,
}

impl LoadTarget {
    /// Connects to the chosen server or starts it. Without a choice it takes `default`, else the reference server.
    pub(crate) async fn start(choice: &ServerChoice, default: Option<&str>) -> Result<Self, CommandError> {
        let watch = match &choice.spawn {
            Some(command) => Some(SpawnedServer::start(command, choice.start_timeout).await?),
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
        Ok(Self { target, watch, reference, pid: choice.pid })
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
            let message = format!("cannot measure process {pid} of --pid: is it running on this machine?");
            return Err(CommandError::could_not_run(message));
        }
        Ok(Some(sampler))
    }

    /// Returns true if the end of the server's process would be noticed.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_some() || self.reference.is_some() || self.pid.is_some()
    }

    /// Returns the exit status of the server's process in words; `None` while it runs, and if it is not watched.
    pub(crate) fn exit_status(&self) -> Option<String> {
        if let Some(watch) = &self.watch {
            return watch.exit_status();
        }
        if let Some(reference) = &self.reference {
            return reference.exit_status();
        }
        // The exit status of a process that another one started is not known. A zombie has no memory.
        let is_gone = |pid: u32| Process::Id(pid).status().is_none_or(|status| status.resident.is_none());
        self.pid.filter(|pid| is_gone(*pid)).map(|pid| format!("process {pid} no longer exists"))
    }

    /// Returns the last lines that the server wrote, if the tool started it with a command.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<String> {
        self.watch.as_ref().map(|watch| watch.last_lines(count)).unwrap_or_default()
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
