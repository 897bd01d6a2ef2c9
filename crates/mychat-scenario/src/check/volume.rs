//! Limits on the duration, the rate and the number of actions of a load.

use crate::diagnostic::Problem;
use crate::lower::document::Draft;
use crate::lower::groups::GroupDraft;
use crate::lower::units::MAX_RATE;
use crate::model::{Pace, StageKind};
use crate::syntax::problems::Problems;

const MOST_ACTIONS: f64 = 1e9;
/// Seconds.
const LONGEST_JOIN: f64 = 3600.0;
/// Seconds. A message's stamp has 36 bits of microseconds, which is 19 hours.
const LONGEST_LOAD: f64 = 18.0 * 3600.0;
/// The log of sent messages has 10 bits for the stage.
const MOST_STAGES: usize = 1000;

/// Checks that the load ends in reasonable time and fits into memory.
pub(super) fn volume(draft: &Draft<'_>, groups: &[&GroupDraft<'_>], problems: &mut Problems) {
    let mut total = 0.0;
    let percent_seconds: f64 = draft
        .stages
        .iter()
        .map(|(stage, _)| f64::midpoint(stage.from, stage.to) / 100.0 * stage.duration.as_secs_f64())
        .sum();
    let highest = draft
        .stages
        .iter()
        .filter(|(stage, _)| !matches!(stage.kind, StageKind::FindMax(_)))
        .map(|(stage, _)| stage.from.max(stage.to))
        .fold(100.0, f64::max);
    for draft in groups {
        let seconds = f64::from(draft.group.count) / draft.group.join;
        if seconds > LONGEST_JOIN {
            let problem = Problem::new(format!("the group would take {} minutes to join", (seconds / 60.0).round()));
            problems
                .add(draft.key, problem.help("raise `join`, the connections per second, which is 100/s by default"));
        }
        if let Pace::Open { rate, .. } = draft.group.pace {
            let rate = rate.per_user(draft.group.count) * f64::from(draft.group.count);
            total += rate * percent_seconds;
            let top = rate * highest / 100.0;
            if top > MAX_RATE {
                let problem = Problem::new(format!("the group would act {top:.0} times per second"));
                problems.add(
                    draft.rate.unwrap_or(draft.key),
                    problem.help("at most 10_000_000 times per second, at the highest percentage of the load"),
                );
            }
        }
    }
    let seconds: f64 = draft.stages.iter().map(|(stage, _)| stage.duration.as_secs_f64()).sum();
    if let (true, Some(load)) = (seconds > LONGEST_LOAD, draft.fields.key("load")) {
        let problem = Problem::new(format!("the load would take {:.1} hours", seconds / 3600.0));
        problems.add(load, problem.help("at most 18 hours in all"));
    }
    if let (true, Some(load)) = (draft.stages.len() > MOST_STAGES, draft.fields.key("load")) {
        let problem = Problem::new(format!("the load has {} stages", draft.stages.len()));
        problems.add(load, problem.help(format!("at most {MOST_STAGES}")));
    }
    if let (true, Some(load)) = (total > MOST_ACTIONS, draft.fields.key("load")) {
        let problem = Problem::new(format!("the load would have {total:.0} actions"));
        problems.add(load, problem.help("at most 1_000_000_000: lower the rates, or shorten the stages"));
    }
}
