//! `find_max`: searches the highest percentage of a scenario's rates at which all its expectations hold.
//!
//! Each probe is a separate run with fresh users, so a backlog from one probe cannot affect the next.
//! The result describes the probe that confirms the answer, and contains the search.

mod conclusion;
mod evidence;
mod search;

use std::sync::Arc;

use crate::load::LoadSession;
use crate::telemetry::Telemetry;
use crate::terminal::print;
use conclusion::{conclude, interrupted};
use evidence::Deliveries;
use mychat_load::plan::Plan;
use mychat_load::verdict::validity::Validity;
use mychat_load::verdict::{EVERYBODY_IS_LET_IN, Verdict};
use mychat_report::model::{CapacityProbe, RunResult, SearchPhase as Phase};
use mychat_report::{grouped, load_percent, terminal};
use mychat_scenario::Scenario;
use mychat_scenario::model::{FindMax, Stage, StageKind};
use search::{Next, ProbeOutcome, Search};

/// Name of the measured stage of a probe.
const PROBE: &str = "probe";

/// Returns the search that a scenario requests.
pub(crate) fn requested(scenario: &Scenario) -> Option<FindMax> {
    scenario.stages.iter().find_map(|stage| match &stage.kind {
        StageKind::FindMax(search) => Some(search.clone()),
        _ => None,
    })
}

/// Runs the search. An interrupted search returns its result so far.
pub(crate) async fn find_max(
    session: &LoadSession<'_>,
    plan: &Plan,
    settings: FindMax,
    telemetry: &Telemetry,
) -> anyhow::Result<RunResult> {
    let mut search = Search::new(&settings);
    let mut probes: Vec<CapacityProbe> = Vec::new();
    let mut last: Option<RunResult> = None;
    let mut best: Option<RunResult> = None;
    loop {
        let (percent, phase) = match search.next() {
            Next::Probe(percent, phase) => (percent, phase),
            Next::Done(end) => return Ok(conclude(end, &search, probes, best, last)),
        };
        let title = format!("{} ", load_percent(percent));
        let planned = plan_of(plan, &settings, percent, phase);
        let result = session.run_plan(planned, telemetry.of_try(percent), &title).await?;
        let outcome = outcome_of(&result, phase);
        let probe = probe(&result, percent, phase, outcome);
        if !session.is_quiet() {
            print::message(&format!("  {}\n", terminal::run::probe(&probe)));
        }
        probes.push(probe);
        if result.verdict == Verdict::Interrupted {
            return Ok(interrupted(result, &search, probes));
        }
        search.record(percent, phase, outcome, deliveries(&result));
        if outcome == ProbeOutcome::Passed {
            best = Some(result.clone());
        }
        last = Some(result);
    }
}

fn probe_length(settings: &FindMax, phase: Phase) -> std::time::Duration {
    if phase == Phase::Confirm { settings.confirm } else { settings.probe }
}

/// Plans one probe: a settling stage, then the measured stage.
fn plan_of(plan: &Plan, settings: &FindMax, percent: f64, phase: Phase) -> Plan {
    let stage = |name: &str, kind, duration| Stage {
        name: name.to_owned(),
        kind,
        from: percent,
        to: percent,
        duration,
        only: None,
    };
    let mut scenario = Scenario::clone(&plan.scenario);
    scenario.stages = vec![
        stage("settle", StageKind::Warmup, settings.settle),
        stage(PROBE, StageKind::Hold, probe_length(settings, phase)),
    ];
    Plan::new(Arc::new(scenario), plan.seed)
}

fn outcome_of(result: &RunResult, phase: Phase) -> ProbeOutcome {
    let broke = result.expectations.iter().any(|expectation| expectation.ok == Some(false));
    match (result.verdict, result.validity) {
        _ if has_no_login(result) => ProbeOutcome::NoLogin,
        _ if missing_users(result) > 0 => ProbeOutcome::UsersMissing,
        // This machine could not make their connections.
        _ if result.counts.connected + result.counts.refused < result.counts.users => ProbeOutcome::GeneratorLimit,
        // Counts are exact even if the generator was late.
        (Verdict::Fail, _) => ProbeOutcome::Failed,
        // A latency that passes despite a late generator would pass without it, but an answer needs a valid run.
        (_, Validity::Invalid) if broke || phase == Phase::Confirm => ProbeOutcome::GeneratorLimit,
        _ if broke => ProbeOutcome::Failed,
        _ => ProbeOutcome::Passed,
    }
}

fn has_no_login(result: &RunResult) -> bool {
    result.counts.connected == 0 && result.counts.refused > 0
}

/// Returns the number of users that the server did not let in: their part of the load is missing. Those that an expectation
/// of the scenario on `refused` covers do not count.
fn missing_users(result: &RunResult) -> u64 {
    let implicit =
        result.expectations.iter().find(|e| e.line == 0 && e.ok == Some(false) && e.text == EVERYBODY_IS_LET_IN);
    implicit.and_then(|expectation| expectation.actual).map_or(0, |count| count as u64)
}

/// Returns the deliveries of a probe, and how many of them broke an expectation.
fn deliveries(result: &RunResult) -> Deliveries {
    let counts = &result.counts;
    let kinds = [
        ("lost", counts.lost),
        ("duplicated", counts.duplicated),
        ("reordered", counts.reordered),
        ("disordered", counts.disordered),
        ("misrouted", counts.misrouted),
        ("corrupted", counts.corrupted),
    ];
    let broken = |kind: &str| result.expectations.iter().any(|e| e.ok == Some(false) && e.text.starts_with(kind));
    let violated = kinds.into_iter().filter(|(kind, _)| broken(kind)).map(|(_, count)| count).max().unwrap_or(0);
    Deliveries { owed: counts.expected_deliveries, violated }
}

fn probe(result: &RunResult, percent: f64, phase: Phase, outcome: ProbeOutcome) -> CapacityProbe {
    let throughput = result.throughput(PROBE).unwrap_or_default();
    let delivery = result.latency.get("delivery").map(|block| &block.whole);
    let failed = matches!(outcome, ProbeOutcome::Failed | ProbeOutcome::NoLogin | ProbeOutcome::UsersMissing);
    CapacityProbe {
        percent,
        phase,
        sent_per_second: throughput.sent,
        delivered_per_second: throughput.delivered,
        p50: delivery.and_then(|delivery| delivery.p50),
        p99: delivery.and_then(|delivery| delivery.p99),
        held: outcome == ProbeOutcome::Passed,
        broke: failed.then(|| broken(result, outcome)),
        validity: result.validity,
    }
}

/// Returns what failed: the missing users, or the first expectation that failed, with its value.
fn broken(result: &RunResult, outcome: ProbeOutcome) -> String {
    if outcome == ProbeOutcome::UsersMissing {
        let (missing, all) = (grouped(missing_users(result)), grouped(result.counts.users));
        return format!("{missing} of {all} users were not let in");
    }
    let first = result.expectations.iter().find(|expectation| expectation.ok == Some(false));
    first.map_or_else(String::new, |expectation| match expectation.actual {
        Some(actual) => format!("{} ({})", expectation.text, expectation.unit.format(actual)),
        None => expectation.text.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mychat_report::model::{ExpectationResult, MeasuredUnit};
    use mychat_report::test_fixture;

    /// Returns a probe of 65 users that holds, apart from the users that it lacks.
    fn held(connected: u64, refused: u64) -> RunResult {
        let mut result = test_fixture::run(3);
        (result.verdict, result.validity) = (Verdict::Pass, Validity::Valid);
        (result.counts.users, result.counts.connected, result.counts.refused) = (65, connected, refused);
        result.expectations.iter_mut().for_each(|expectation| expectation.ok = Some(true));
        result
    }

    #[test]
    fn a_probe_with_fewer_users_is_not_one_at_its_rate() {
        assert_eq!(outcome_of(&held(65, 0), Phase::Grow), ProbeOutcome::Passed);
        let mut refused = held(10, 55);
        refused.verdict = Verdict::Fail;
        refused.expectations.push(ExpectationResult {
            text: EVERYBODY_IS_LET_IN.to_owned(),
            line: 0,
            actual: Some(55.0),
            unit: MeasuredUnit::Count,
            ok: Some(false),
            note: None,
        });
        let outcome = outcome_of(&refused, Phase::Grow);
        assert_eq!(outcome, ProbeOutcome::UsersMissing);
        assert_eq!(broken(&refused, outcome), "55 of 65 users were not let in");
        assert_eq!(outcome_of(&held(0, 65), Phase::Grow), ProbeOutcome::NoLogin);
        assert_eq!(
            outcome_of(&held(10, 0), Phase::Grow),
            ProbeOutcome::GeneratorLimit,
            "this machine has no ports left"
        );
        assert_eq!(outcome_of(&held(10, 55), Phase::Grow), ProbeOutcome::Passed, "the scenario expects refusals");
    }

    #[test]
    fn violations_that_the_scenario_does_not_mind_are_none() {
        let mut result = held(65, 0);
        (result.counts.lost, result.counts.expected_deliveries) = (7, 900);
        assert_eq!(deliveries(&result), Deliveries { owed: 900, violated: 0 });
        result.expectations[0].ok = Some(false);
        assert_eq!(deliveries(&result), Deliveries { owed: 900, violated: 7 });
    }
}
