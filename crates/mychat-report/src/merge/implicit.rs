//! The expectations that every run has, of all machines together. Results contain only those that do not hold.

use crate::model::{ExpectationResult, RunResult};

/// Combines the implicit expectations of `results`: the counts of those with the same text are added, and their notes
/// joined.
pub(super) fn combine(merged: &RunResult, results: &[RunResult]) -> Vec<ExpectationResult> {
    let mut combined: Vec<ExpectationResult> = Vec::new();
    for one in results.iter().flat_map(|result| &result.expectations).filter(|one| one.line == 0) {
        match combined.iter_mut().find(|other| other.text == one.text) {
            Some(other) => add(other, one),
            None => combined.push(one.clone()),
        }
    }
    // The users of one machine had nothing to send, but others had.
    combined.retain(|one| one.ok == Some(false) || merged.counts.sent == 0);
    combined
}

fn add(to: &mut ExpectationResult, one: &ExpectationResult) {
    to.actual = match (to.actual, one.actual) {
        (Some(count), Some(more)) => Some(count + more),
        (count, more) => count.or(more),
    };
    if one.ok == Some(false) {
        to.ok = one.ok;
    }
    match (&mut to.note, &one.note) {
        (Some(note), Some(more)) if !note.contains(more.as_str()) => {
            note.push_str("; ");
            note.push_str(more);
        }
        (Some(_), _) | (None, None) => {}
        (None, more) => to.note.clone_from(more),
    }
}
