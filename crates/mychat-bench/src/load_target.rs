//! Where a load goes: a server that is named, one that is started for it, or the tool's own.

use crate::cli;
use mychat_load::Exit;
use mychat_scenario::Loaded;
use mychat_target::sample::Sampler;
use mychat_target::spawn::{SpawnError, SpawnedServer};
use mychat_target::{Reference, Target, TargetError};

/// The server of a load.
pub(crate) struct LoadTarget {
    pub(crate) target: Target,
    watch: Option<SpawnedServer>,
    reference: Option<Reference>,
}

impl LoadTarget {
    /// Finds it, or starts it. An error says how the tool ends, and why.
    pub(crate) async fn find(args: &cli::Run, loaded: &Loaded) -> anyhow::Result<Result<Self, (Exit, String)>> {
        let watch = match &args.spawn {
            None => None,
            Some(command) => match SpawnedServer::start(command).await {
                Ok(watch) => Some(watch),
                Err(error @ SpawnError::NoPort) => return Ok(Err((Exit::Usage, error.to_string()))),
                Err(error) => {
                    return Ok(Err((Exit::CouldNotRun, format!("{:#}", anyhow::Error::from(error)))));
                }
            },
        };
        let spawned = watch.as_ref().map(|watch| watch.address().to_string());
        let named = spawned.as_deref().or(args.target.as_deref()).or(loaded.scenario.target.as_deref());
        let reference = match named {
            Some(_) => None,
            None => Some(Reference::start().await?),
        };
        let name = named.or(reference.as_ref().map(Reference::address)).unwrap_or_default();
        Ok(match mychat_target::reach(name).await {
            Ok(target) => Ok(Self { target, watch, reference }),
            Err(error @ TargetError::Malformed(_)) => Err((Exit::Usage, error.to_string())),
            Err(error) => Err((Exit::CouldNotRun, error.to_string())),
        })
    }

    /// Whether it is the tool's own.
    pub(crate) fn is_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// Its process, where it is on this machine and known.
    pub(crate) fn process(&self, pid: Option<u32>) -> Option<Sampler> {
        match (pid, &self.watch) {
            (Some(pid), _) => Some(Sampler::new(pid)),
            (None, Some(watch)) => watch.pid().map(Sampler::of_group),
            (None, None) => self.reference.as_ref().and_then(Reference::pid).map(Sampler::new),
        }
    }

    /// Ends what was started.
    pub(crate) async fn stop(self) {
        if let Some(reference) = self.reference {
            reference.stop().await;
        }
        if let Some(watch) = self.watch {
            watch.stop().await;
        }
    }
}
