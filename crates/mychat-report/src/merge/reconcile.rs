//! Reconciles deliveries between machines: each missing one was lost, never sent, or is uncertain.

use std::collections::{BTreeMap, BTreeSet};

use super::MergeError;
use crate::model::{RunResult, ShardInfo, UserLosses};
use mychat_load::record::example::{Example, ViolationKind};

/// Outcome of the reconciliation.
#[derive(Debug, Default)]
pub(super) struct ShardReconciliation {
    /// Owed deliveries between machines that are lost.
    pub(super) lost: u64,
    /// Shards whose results are absent.
    pub(super) missing_shards: Vec<u32>,
}

impl ShardReconciliation {
    /// Returns true if all shards are present.
    pub(super) const fn is_whole(&self) -> bool {
        self.missing_shards.is_empty()
    }
}

/// Number of loss examples to keep.
const EXAMPLES: usize = 5;

/// Reconciles the deliveries between the shards and adds the outcome to the counts.
pub(super) fn reconcile(merged: &mut RunResult, results: &[RunResult]) -> Result<ShardReconciliation, MergeError> {
    let shards: Vec<&ShardInfo> = results.iter().filter_map(|result| result.shard.as_ref()).collect();
    merged.shard = None;
    let Some(first) = shards.first() else {
        merged.whole_runs = Some(results.iter().map(|result| result.whole_runs.unwrap_or(1)).sum());
        return Ok(ShardReconciliation::default());
    };
    let there: BTreeSet<u32> = shards.iter().map(|shard| shard.index).collect();
    if shards.iter().any(|shard| shard.of != first.of) || shards.len() < results.len() {
        return Err(MergeError::Shards("these are not parts of one run: `--shard` was not the same I/N".to_owned()));
    }
    if there.len() < shards.len() {
        return Err(MergeError::Shards("the same part is given twice".to_owned()));
    }
    let mut reconciliation = ShardReconciliation {
        missing_shards: (1..=first.of).filter(|index| !there.contains(index)).collect(),
        ..ShardReconciliation::default()
    };
    if reconciliation.is_whole() {
        let (lost, known) = lost(&shards);
        for (sender, recipient, count) in &lost {
            reconciliation.lost += count;
            note(merged, sender, recipient, *count);
        }
        merged.counts.lost += reconciliation.lost;
        merged.counts.expected_deliveries += reconciliation.lost;
        merged.counts.uncertain = merged.counts.uncertain.saturating_sub(known);
    } else {
        let missing: u64 = shards.iter().flat_map(|shard| &shard.missing).map(|m| m.broadcasts + m.privates).sum();
        let missing_shards: Vec<String> = reconciliation.missing_shards.iter().map(u32::to_string).collect();
        merged.validity_reasons.push(format!(
            "of {} shards these are missing: {}; {missing} deliveries between machines cannot be reconciled without them",
            first.of,
            missing_shards.join(", ")
        ));
    }
    merged.lost_by_user.sort_by(|one, other| other.lost.cmp(&one.lost).then_with(|| one.user.cmp(&other.user)));
    Ok(reconciliation)
}

/// Returns the losses by sender and recipient, and the numbers of missing deliveries that are uncertain or were never sent.
fn lost<'s>(shards: &[&'s ShardInfo]) -> (Vec<(&'s str, &'s str, u64)>, u64) {
    let mut unsent: BTreeMap<(&str, Option<&str>), u64> = BTreeMap::new();
    for open in shards.iter().flat_map(|shard| &shard.unsent) {
        *unsent.entry((&open.sender, open.to.as_deref())).or_default() += open.count;
    }
    let unconfirmed: BTreeSet<&str> = shards.iter().flat_map(|shard| &shard.unconfirmed).map(String::as_str).collect();
    let (mut lost, mut known) = (Vec::new(), 0);
    // The last messages on an abruptly ended connection may never have been read: they stay uncertain.
    let missing = shards.iter().flat_map(|shard| &shard.missing);
    for missing in missing.filter(|missing| !unconfirmed.contains(missing.sender.as_str())) {
        known += missing.broadcasts + missing.privates;
        let never = |to: Option<&str>| unsent.get(&(missing.sender.as_str(), to)).copied().unwrap_or(0);
        let count = missing.broadcasts.saturating_sub(never(None))
            + missing.privates.saturating_sub(never(Some(&missing.recipient)));
        if count > 0 {
            lost.push((missing.sender.as_str(), missing.recipient.as_str(), count));
        }
    }
    (lost, known)
}

fn note(merged: &mut RunResult, sender: &str, recipient: &str, count: u64) {
    match merged.lost_by_user.iter_mut().find(|losses| losses.user == recipient) {
        Some(losses) => losses.lost += count,
        None => merged.lost_by_user.push(UserLosses { user: recipient.to_owned(), lost: count }),
    }
    if merged.examples.iter().filter(|example| example.kind == ViolationKind::Lost).count() < EXAMPLES {
        merged.examples.insert(
            0,
            Example {
                kind: ViolationKind::Lost,
                sender: Some(sender.to_owned()),
                recipient: Some(recipient.to_owned()),
                sequence: None,
                what: format!("{count} messages from another machine's user were sent and never arrived"),
                frames: Vec::new(),
            },
        );
    }
}
