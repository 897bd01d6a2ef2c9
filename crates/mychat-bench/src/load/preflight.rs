//! Preflight checks: is the run possible with these options, this scenario and this machine.

use std::sync::Arc;

use rand::RngExt as _;

use super::RunRequest;
use crate::error::CommandError;
use mychat_load::plan::{Plan, Workload};
use mychat_scenario::Loaded;
use mychat_scenario::model::{Pace, StageKind, Verify};

/// Descriptors that a run needs besides one per user.
const SPARE_DESCRIPTORS: u64 = 64;

/// Fails if the run is one of several shards and the scenario or the options cannot be sharded.
pub(crate) fn shard_is_possible(request: &RunRequest, loaded: &Loaded) -> Result<(), CommandError> {
    shard_obstacle(request, loaded).map_or(Ok(()), |reason| Err(CommandError::usage(reason)))
}

/// Returns the reason why a sharded run of this scenario is impossible.
fn shard_obstacle(request: &RunRequest, loaded: &Loaded) -> Option<String> {
    if !request.load.shard.is_part() {
        return None;
    }
    let scenario = &loaded.scenario;
    if Workload::new(scenario).verify != Verify::Full {
        return Some("`--shard` needs `verify: full`, and the deliveries of this scenario are only counted".to_owned());
    }
    let closed = scenario.groups.iter().find(|group| matches!(group.pace, Pace::Closed { .. }));
    if let Some(group) = closed {
        return Some(format!(
            "`--shard` cannot divide `{}` between machines: `think` waits for deliveries that another machine sees",
            group.name
        ));
    }
    if let Some(group) = scenario.groups.iter().find(|group| group.rooms.is_some()) {
        return Some(format!(
            "`--shard` cannot divide the rooms of `{}` between machines: who is in a room depends on the server's answers",
            group.name
        ));
    }
    if scenario.stages.iter().any(|stage| matches!(stage.kind, StageKind::FindMax(_))) {
        return Some(
            "`--shard` cannot divide `find_max` between machines: they would have to agree on the next rate".to_owned(),
        );
    }
    if request.seed.or(scenario.seed).is_none() {
        return Some("`--shard` needs a seed, in the file or by --seed: all machines follow one plan".to_owned());
    }
    if request.server.target.is_none() && scenario.target.is_none() {
        return Some("`--shard` needs --target: all machines drive one server".to_owned());
    }
    None
}

/// Makes the plan of this shard. Without a given seed it draws one; every report prints it.
pub(crate) fn plan(request: &RunRequest, loaded: &Loaded) -> Plan {
    let seed = request.seed.or(loaded.scenario.seed).unwrap_or_else(|| u64::from(rand::rng().random::<u32>()));
    Plan::new(Arc::new(loaded.scenario.clone()), seed).with_shard(request.load.shard)
}

/// Raises the descriptor limit to one descriptor per user and some to spare.
pub(crate) fn raise_descriptor_limit(plan: &Plan) -> Result<(), CommandError> {
    let needed = u64::from(plan.own_users()) + SPARE_DESCRIPTORS;
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    if needed <= limit {
        return Ok(());
    }
    let users = plan.own_users();
    let message = format!("{users} users need {needed} file descriptors, and this process may have {limit}");
    Err(CommandError::could_not_run(message).hint("raise the hard limit (`ulimit -Hn`), or run fewer users"))
}
