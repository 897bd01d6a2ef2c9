//! Runs checks against a server: the conformance suite, or the cases of a scenario file.

pub(crate) mod catalogue_text;
mod framing_notes;
mod report_files;
mod rerun_options;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use tokio::sync::Notify;

use crate::target::ServerUnderTest;
use crate::terminal::check_progress::CheckProgress;
use crate::terminal::print;
use mychat_conformance::probe::{self as probing, FramingProbe, Profile};
use mychat_conformance::suite::points::PointWeights;
use mychat_conformance::suite::{Check, Event, Options, baseline};
use mychat_conformance::{FirstContact, TestEnv};
use mychat_report::model::TargetInfo;
use mychat_report::model::conformance::{ConformanceResult, SuiteRunInfo, build};
use mychat_report::terminal::conformance as terminal;
use mychat_scenario::model::FramingChoice;

pub(crate) use report_files::{CheckReports, write_reports};
pub(crate) use rerun_options::RerunOptions;

/// Time limit of a whole run of checks. Later checks are reported as inconclusive.
const TIME_LIMIT: Duration = Duration::from_mins(10);
/// Time after which a server that has not answered the first `CONNECT` is reported.
const SILENCE: Duration = Duration::from_millis(1500);
/// Time limit for one reply, where the user gives none.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// Options of a run of checks.
pub(crate) struct SuiteOptions {
    pub(crate) suite: String,
    pub(crate) framing: FramingChoice,
    /// `None`: chosen from the response times of the server.
    pub(crate) timeout: Option<Duration>,
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    /// Prints a line about each check as it ends.
    pub(crate) print: Option<fn(&str)>,
    pub(crate) floods: bool,
    pub(crate) profile: BTreeMap<String, String>,
    pub(crate) baseline: BTreeMap<String, String>,
    /// Points of the checks, if the run is graded.
    pub(crate) points: Option<PointWeights>,
    /// Options that a repetition of a check needs.
    pub(crate) rerun: Vec<String>,
}

impl SuiteOptions {
    /// Draws a seed, small enough to be typed again.
    pub(crate) fn random_seed() -> u64 {
        u64::from(rand::rng().random::<u16>())
    }
}

/// Runs checks against a server, prints each outcome, and returns the result.
pub(crate) async fn run_checks(
    checks: &[&Check],
    server: &ServerUnderTest,
    suite: &SuiteOptions,
    stop: &Arc<Notify>,
) -> ConformanceResult {
    let started = Instant::now();
    let began = jiff::Timestamp::now().to_string();
    let patience = suite.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let nonce = mychat_scenario::template::actor_names::nonce(suite.seed ^ u64::from(std::process::id()));
    let print = |text: &str| suite.print.iter().for_each(|print| print(text));
    let columns = print::columns();
    print(&terminal::title(&server.name, columns));
    let probe = probing::probe_framing(server.address, suite.framing, patience, &nonce);
    let mut found = Box::pin(report_silence(probe, print)).await;
    probing::probe_mistakes(server.address, &mut found, patience, &nonce).await;
    let notes = framing_notes::framing_notes(&found, checks);
    print(&terminal::first_notes(&notes, columns));
    let options = Options {
        instances: environments(server, &found, suite),
        may_flood: server.address.ip().is_loopback() || suite.floods,
        max_duration: TIME_LIMIT,
        stop: Arc::clone(stop),
    };
    let mut lines = terminal::CheckLines::new(checks.iter().map(|check| check.case.id.as_str()), columns);
    let mut progress = CheckProgress::new(checks, suite.print.is_some());
    let mut show = |event: Event<'_>| match event {
        Event::Started(case) => progress.start(case),
        Event::Done(outcome) => {
            let mut outcome = outcome.clone();
            baseline::apply(std::slice::from_mut(&mut outcome), &suite.baseline);
            progress.done(&outcome.id, || print(&lines.add(&outcome)));
        }
    };
    let mut outcomes = mychat_conformance::suite::run(checks, &options, &mut show).await;
    progress.clear();
    print(&lines.rest());
    baseline::apply(&mut outcomes, &suite.baseline);
    let interrupted =
        outcomes.iter().any(|outcome| outcome.reason.as_deref() == Some(mychat_conformance::suite::run::INTERRUPTED));
    let about = SuiteRunInfo {
        suite: suite.suite.clone(),
        target: TargetInfo {
            address: server.name.clone(),
            framing: found.name.to_owned(),
            profile: None,
            spawned: server.is_spawned(),
            command: server.command.clone(),
        },
        profile: profile_in_force(&found, &suite.profile),
        notes,
        seed: suite.seed,
        started: began,
        seconds: started.elapsed().as_secs_f64(),
        strict: suite.strict,
        options: suite.rerun.clone(),
    };
    let result = build(outcomes, about, interrupted);
    let result = match &suite.points {
        Some(weights) => result.with_points(weights),
        None => result,
    };
    print(&terminal::summary(&result, columns));
    result
}

/// Waits for the probe, and says so if the server takes long to answer it.
async fn report_silence(probe: impl Future<Output = FramingProbe>, print: impl Fn(&str)) -> FramingProbe {
    tokio::pin!(probe);
    if let Ok(found) = tokio::time::timeout(SILENCE, &mut probe).await {
        return found;
    }
    print(&format!(
        "         no answer to CONNECT for {} s; waiting, and trying other line ends\n",
        SILENCE.as_secs_f64()
    ));
    probe.await
}

fn profile_in_force(found: &FramingProbe, declared: &BTreeMap<String, String>) -> Profile {
    let mut values = declared.clone();
    values.insert("framing".to_owned(), found.name.to_owned());
    let observed = [("framing".to_owned(), found.description.clone())].into();
    Profile { values, declared: declared.keys().cloned().collect(), observed }
}

/// Returns the environment of each instance of the server.
fn environments(server: &ServerUnderTest, found: &FramingProbe, suite: &SuiteOptions) -> Vec<TestEnv> {
    let patience = suite.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let common = TestEnv {
        fixed_timeout: suite.timeout.is_some(),
        declared: Arc::new(suite.profile.clone()),
        first_contact: Arc::new(FirstContact::from(found)),
        ..TestEnv::new(server.address, found.framing, patience, suite.seed)
    };
    match server.processes() {
        [] => vec![common],
        watches => watches
            .iter()
            .map(|watch| TestEnv { target: watch.address(), watch: Some(watch.clone()), ..common.clone() })
            .collect(),
    }
}
