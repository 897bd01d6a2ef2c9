//! The result of a search: the answer with its reason, and the verdict.

use super::search::{End, Search};
use mychat_load::Exit;
use mychat_load::verdict::Verdict;
use mychat_report::load_percent;
use mychat_report::model::{Capacity, CapacityProbe, RunResult};

/// Returns the first expectation without a verdict. Expectations about an unknown server process
/// are ignored.
fn undecided(result: &RunResult) -> Option<String> {
    let open = result.expectations.iter().find(|e| e.ok.is_none() && !e.text.starts_with("server."));
    open.map(|expectation| expectation.text.clone())
}

/// Returns the result of a search that ended because of `end`.
pub(super) fn conclude(
    end: End,
    search: &Search,
    probes: Vec<CapacityProbe>,
    best: Option<RunResult>,
    last: Option<RunResult>,
) -> RunResult {
    // Below the first rate, probes may be too short for an answer.
    let is_below_start = search.low.is_none_or(|low| low < search.start());
    let has_no_answer = match end {
        End::Nothing | End::UsersMissing | End::Proportional => true,
        End::TooFewDeliveries => is_below_start,
        End::Confirmed | End::AtMost | End::FellOver | End::Generator => false,
    };
    let held = search.low.filter(|_| !has_no_answer);
    let reported = if has_no_answer || best.is_none() { last.or(best) } else { best };
    let result = reported.expect("a search ends after a probe at the earliest");
    let open = undecided(&result).filter(|_| matches!(end, End::Confirmed | End::AtMost));
    let exit = match end {
        End::Confirmed | End::AtMost if open.is_none() => Exit::Success,
        End::Nothing | End::UsersMissing | End::Proportional | End::FellOver => Exit::Failed,
        End::TooFewDeliveries if is_below_start => Exit::Failed,
        End::Confirmed | End::AtMost | End::TooFewDeliveries | End::Generator => Exit::Inconclusive,
    };
    let mut reason = reason(end, search, &probes);
    if let Some(text) = open {
        reason =
            format!("{reason}; inconclusive: too few samples for {text} at the rate that held; use a longer `confirm`");
    }
    let capacity = Some(capacity(held, search.high, reason, probes));
    let verdict = Verdict::of(exit).unwrap_or(Verdict::Inconclusive);
    RunResult { capacity, verdict, exit_code: exit.code(), ..result }
}

fn reason(end: End, search: &Search, probes: &[CapacityProbe]) -> String {
    let broke = || probes.iter().filter_map(|probe| Some((probe.percent, probe.broke.as_ref()?)));
    let told = |(percent, why): (f64, &String)| format!("failed at {}: {why}", load_percent(percent));
    let lowest = || broke().min_by(|a, b| a.0.total_cmp(&b.0)).map(told).unwrap_or_default();
    let none_holds = || format!("nothing held at `start` ({}) or above", load_percent(search.start()));
    match end {
        End::Confirmed => lowest(),
        End::AtMost => "everything held up to `max`: the server can do more".to_owned(),
        End::Nothing => format!("{}, nor below it: {}", none_holds(), lowest()),
        End::UsersMissing => {
            let missing = broke().next_back().map(|(_, why)| why.as_str()).unwrap_or_default();
            format!("{}: {missing}, in every probe and at any rate", none_holds())
        }
        End::Proportional => {
            let kind = broke().next().and_then(|(_, why)| why.split([' ', '[']).next()).unwrap_or_default();
            let seen = search.evidence().describe();
            format!(
                "{}: the number of {kind} messages is proportional to those sent, whatever the rate ({seen})",
                none_holds()
            )
        }
        End::TooFewDeliveries => too_few_deliveries(search, &none_holds(), &lowest()),
        End::FellOver => fell_over(probes),
        End::Generator => {
            let at = load_percent(probes.last().map_or(0.0, |probe| probe.percent));
            format!("inconclusive: the generator was the limit at {at} in every attempt; use a machine with more cores")
        }
    }
}

fn too_few_deliveries(search: &Search, none_holds: &str, lowest: &str) -> String {
    let low = search.low.unwrap_or_default();
    let at = load_percent(low);
    if low < search.start() {
        let seen = search.evidence().passed_at(low);
        format!(
            "{none_holds}: {lowest}; the {seen} deliveries at {at} are too few for an answer; use a longer `confirm`"
        )
    } else {
        format!(
            "{lowest}; inconclusive: the probes that held are too short to show a violation ({}); use a longer \
             `confirm`",
            search.evidence().describe()
        )
    }
}

/// Returns the result of the last probe before all logins failed.
fn fell_over(probes: &[CapacityProbe]) -> String {
    let loaded = probes.iter().rev().find(|probe| probe.sent_per_second > 0.0);
    match loaded.map(|probe| (probe.percent, &probe.broke)) {
        Some((percent, Some(why))) => {
            let at = load_percent(percent);
            format!("failed at {at}: {why}; after that the server accepted no user: it has failed")
        }
        Some((percent, None)) => format!("after {} the server accepted no user: it has failed", load_percent(percent)),
        None => "the server accepted no user".to_owned(),
    }
}

/// Returns the result of a search that was interrupted during a probe.
pub(super) fn interrupted(result: RunResult, search: &Search, probes: Vec<CapacityProbe>) -> RunResult {
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
    use crate::commands::find_max::evidence::Deliveries;
    use crate::commands::find_max::search::ProbeOutcome;
    use mychat_load::verdict::validity::Validity;
    use mychat_report::model::SearchPhase as Phase;
    use mychat_report::test_fixture;
    use mychat_scenario::model::FindMax;

    const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
    const SETTINGS: FindMax = FindMax {
        start: 100.0,
        max: 1000.0,
        grow: 2.0,
        probe: SECOND,
        settle: std::time::Duration::ZERO,
        within: 0.1,
        confirm: SECOND,
    };

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
        let mut search = Search::new(&SETTINGS);
        search.record(100.0, Phase::Grow, ProbeOutcome::Passed, Deliveries { owed: 1000, violated: 0 });
        search.record(200.0, Phase::Grow, ProbeOutcome::Failed, Deliveries { owed: 1000, violated: 9 });
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
            "failed at 200 %: lost == 0 (9); after that the server accepted no user: it has failed"
        );
    }

    /// Runs a search in which every probe has these deliveries for each percent, and returns its verdict and its answer.
    fn concluded(why: &str, outcome: ProbeOutcome, violated_in: Option<u64>) -> (Verdict, Capacity) {
        let (mut search, mut probes) = (Search::new(&SETTINGS), Vec::new());
        loop {
            match search.next() {
                super::super::search::Next::Done(end) => {
                    let result = conclude(end, &search, probes, None, Some(test_fixture::run(3)));
                    return (result.verdict, result.capacity.unwrap());
                }
                super::super::search::Next::Probe(percent, phase) => {
                    let owed = (percent * 20.0) as u64;
                    let violated = violated_in.map_or(0, |one_in| owed / one_in);
                    search.record(percent, phase, outcome, Deliveries { owed, violated });
                    probes.push(tried(percent, percent * 10.0, Some(why)));
                }
            }
        }
    }

    #[test]
    fn what_less_load_would_not_fix_is_a_failure_with_its_reason() {
        let (verdict, capacity) = concluded("lost == 0 (20)", ProbeOutcome::Failed, Some(97));
        assert_eq!((verdict, capacity.percent), (Verdict::Fail, None));
        assert_eq!(
            capacity.reason,
            "nothing held at `start` (100 %) or above: the number of lost messages is proportional to those sent, whatever \
             the rate (20 of 2,000 at 100 %, 10 of 1,000 at 50 %, 5 of 500 at 25 %)"
        );
        let (verdict, capacity) = concluded("55 of 65 users were not let in", ProbeOutcome::UsersMissing, None);
        assert_eq!((verdict, capacity.percent), (Verdict::Fail, None));
        assert_eq!(
            capacity.reason,
            "nothing held at `start` (100 %) or above: 55 of 65 users were not let in, in every probe and at any rate"
        );
    }
}
