//! `find_max`: searches the highest percentage of a scenario's rates at which all its expectations hold.
//!
//! Each probe is a separate run with fresh users, so a backlog from one probe cannot affect the next.
//! The result describes the probe that confirms the answer, and contains the search.

mod search;

use std::sync::Arc;

use crate::load::LoadSession;
use crate::telemetry::Telemetry;
use crate::terminal::print;
use mychat_load::Exit;
use mychat_load::plan::Plan;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;
use mychat_report::model::{Capacity, CapacityProbe, RunResult, SearchPhase as Phase};
use mychat_report::terminal;
use mychat_scenario::Scenario;
use mychat_scenario::model::{FindMax, Stage, StageKind};
use search::{End, Next, ProbeOutcome, Search};

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
        let title = format!("{percent:.0} % ");
        let planned = plan_of(plan, &settings, percent, phase);
        let result = session.run_plan(planned, telemetry.of_try(percent), &title).await?;
        let outcome = outcome_of(&result, phase);
        let probe = probe(&result, percent, phase, probe_length(&settings, phase), outcome);
        if !session.is_quiet() {
            print::message(&format!("  {}\n", terminal::run::probe(&probe)));
        }
        probes.push(probe);
        if result.verdict == Verdict::Interrupted {
            return Ok(interrupted(result, &search, probes));
        }
        search.record(percent, phase, outcome);
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
        stage("probe", StageKind::Hold, probe_length(settings, phase)),
    ];
    Plan::new(Arc::new(scenario), plan.seed)
}

fn outcome_of(result: &RunResult, phase: Phase) -> ProbeOutcome {
    let broke = result.expectations.iter().any(|expectation| expectation.ok == Some(false));
    match (result.verdict, result.validity) {
        _ if has_no_login(result) => ProbeOutcome::NoLogin,
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

fn probe(
    result: &RunResult,
    percent: f64,
    phase: Phase,
    length: std::time::Duration,
    outcome: ProbeOutcome,
) -> CapacityProbe {
    // Counts come by stage, because intervals of the timeline do not begin with stages.
    let rate = |metric: &str| {
        let measured = result.latency.get(metric).and_then(|block| block.by.stage.get("probe"));
        measured.map_or(0.0, |latency| latency.count as f64 / length.as_secs_f64().max(1e-3))
    };
    let delivery = result.latency.get("delivery").map(|block| &block.whole);
    CapacityProbe {
        percent,
        phase,
        sent_per_second: rate("lateness"),
        delivered_per_second: rate("delivery"),
        p50: delivery.and_then(|delivery| delivery.p50),
        p99: delivery.and_then(|delivery| delivery.p99),
        held: outcome == ProbeOutcome::Passed,
        broke: matches!(outcome, ProbeOutcome::Failed | ProbeOutcome::NoLogin).then(|| broken(result)),
        validity: result.validity,
    }
}

/// Returns the first expectation that failed, with its value.
fn broken(result: &RunResult) -> String {
    let first = result.expectations.iter().find(|expectation| expectation.ok == Some(false));
    first.map_or_else(String::new, |expectation| match expectation.actual {
        Some(actual) => format!("{} ({})", expectation.text, expectation.unit.format(actual)),
        None => expectation.text.clone(),
    })
}

/// Returns the first expectation without a verdict. Expectations about an unknown server process
/// are ignored.
fn undecided(result: &RunResult) -> Option<String> {
    let open = result.expectations.iter().find(|e| e.ok.is_none() && !e.text.starts_with("server."));
    open.map(|expectation| expectation.text.clone())
}

fn conclude(
    end: End,
    search: &Search,
    probes: Vec<CapacityProbe>,
    best: Option<RunResult>,
    last: Option<RunResult>,
) -> RunResult {
    let broke = probes.iter().filter_map(|probe| Some((probe.percent, probe.broke.as_ref()?)));
    let lowest =
        broke.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(percent, why)| format!("at {percent:.0} % {why} broke"));
    let reason = match end {
        End::Confirmed => lowest.unwrap_or_default(),
        End::AtMost => "everything held up to `max`: the server can do more".to_owned(),
        End::Nothing => format!("nothing held, however little was asked: {}", lowest.unwrap_or_default()),
        End::FellOver => fell_over(&probes),
        End::Generator => {
            let at = probes.last().map_or(0.0, |probe| probe.percent);
            format!(
                "inconclusive: the generator was the limit at {at:.0} %, time and again; more cores or machines would go on"
            )
        }
    };
    let held = if end == End::Nothing { None } else { search.low };
    let reported = if end == End::Nothing || best.is_none() { last.or(best) } else { best };
    let result = reported.expect("a search ends after a probe at the earliest");
    let open = undecided(&result);
    let (verdict, exit) = match end {
        End::Confirmed | End::AtMost if open.is_none() => (Verdict::Pass, Exit::Success),
        End::Nothing | End::FellOver => (Verdict::Fail, Exit::Failed),
        End::Confirmed | End::AtMost | End::Generator => (Verdict::Inconclusive, Exit::Inconclusive),
    };
    let reason = match open.filter(|_| matches!(end, End::Confirmed | End::AtMost)) {
        Some(text) => {
            format!("{reason}; inconclusive: too few samples for {text} where it holds, a longer `confirm` has more")
        }
        None => reason,
    };
    let capacity = Some(capacity(held, search.high, reason, probes));
    RunResult { capacity, verdict, exit_code: exit.code(), ..result }
}

/// Returns the result of the last probe before all logins failed.
fn fell_over(probes: &[CapacityProbe]) -> String {
    let loaded = probes.iter().rev().find(|probe| probe.sent_per_second > 0.0);
    match loaded.map(|probe| (probe.percent, &probe.broke)) {
        Some((percent, Some(why))) => {
            format!("at {percent:.0} % {why} broke, and after that the server let nobody in: it fell over")
        }
        Some((percent, None)) => format!("after {percent:.0} % the server let nobody in: it fell over"),
        None => "the server let nobody in".to_owned(),
    }
}

fn interrupted(result: RunResult, search: &Search, probes: Vec<CapacityProbe>) -> RunResult {
    let capacity = Some(capacity(search.low, search.high, "interrupted".to_owned(), probes));
    RunResult { capacity, ..result }
}

fn capacity(held: Option<f64>, broke_at: Option<f64>, reason: String, probes: Vec<CapacityProbe>) -> Capacity {
    let at = |percent: f64| {
        let tried = probes.iter().rev().find(|probe| (probe.percent - percent).abs() < 1e-9 && probe.held);
        tried.map(|probe| probe.sent_per_second)
    };
    Capacity { percent: held, sent_per_second: held.and_then(at), broke_at, reason, probes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mychat_report::test_fixture;

    fn tried(percent: f64, sent_per_second: f64, broke: Option<&str>) -> CapacityProbe {
        CapacityProbe {
            percent,
            phase: Phase::Grow,
            sent_per_second,
            delivered_per_second: sent_per_second,
            p50: None,
            p99: None,
            held: broke.is_none(),
            broke: broke.map(str::to_owned),
            validity: Validity::Valid,
        }
    }

    #[test]
    fn what_held_before_a_server_fell_over_is_the_answer_and_the_verdict_is_not() {
        let settings = FindMax {
            start: 100.0,
            max: 1000.0,
            grow: 2.0,
            probe: std::time::Duration::from_secs(1),
            settle: std::time::Duration::ZERO,
            within: 0.1,
            confirm: std::time::Duration::from_secs(1),
        };
        let mut search = Search::new(&settings);
        search.record(100.0, Phase::Grow, ProbeOutcome::Passed);
        search.record(200.0, Phase::Grow, ProbeOutcome::Failed);
        let probes = vec![
            tried(100.0, 1000.0, None),
            tried(200.0, 700.0, Some("lost == 0 (9)")),
            tried(150.0, 0.0, Some("somebody is let in (0)")),
        ];
        let run = test_fixture::run(3);
        let result = conclude(End::FellOver, &search, probes, Some(run.clone()), Some(run));
        assert_eq!((result.verdict, result.exit_code), (Verdict::Fail, 1));
        let capacity = result.capacity.unwrap();
        assert_eq!((capacity.percent, capacity.sent_per_second), (Some(100.0), Some(1000.0)));
        assert_eq!(
            capacity.reason,
            "at 200 % lost == 0 (9) broke, and after that the server let nobody in: it fell over"
        );
    }
}
