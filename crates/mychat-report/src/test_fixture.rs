//! Results for tests, of any length, with everything that a report can show.

use crate::model::histogram;
use crate::model::{
    Capacity, CapacityProbe, Counts, ExpectationResult, GeneratorInfo, LatencyBlock, LatencyBreakdown, LatencyResult,
    MeasuredUnit, RunResult, ScenarioInfo, SearchPhase, ServerInfo, TargetInfo, TimelinePoint, ToolInfo,
};
use mychat_conformance::{Direction, Outcome, Status, WireLine};
use mychat_load::record::example::{Example, ViolationKind};
use mychat_load::record::receive_figures::ArrivalSource;
use mychat_load::record::recorder::Latency;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;
use mychat_scenario::model::{Case, Verify};

const SCENARIO: &str = "\
name: evening
about: Made up for tests & <pictures>.
users:
  talkers: { count: 5, rate: 50/s, do: [ { broadcast: {} } ] }
load: [ { hold: { for: 10s, name: steady } }, { spike: { to: 300%, for: 3s } }, { hold: { for: 5s, name: recovery } } ]
expect:
  - lost == 0
  - delivery[steady].p99 < 1ms
  - delivery.p99.9 < 60ms
";

/// Creates a plausible histogram: `count` samples around `middle` microseconds, a few far longer.
pub fn latency(count: u64, middle: u64) -> Latency {
    let mut latency = Latency::default();
    for number in 0..count {
        // A fixed mixture makes every test see the same values.
        let spread = number * 7919 % 1000;
        let long = if spread > 985 { (spread - 985) * middle } else { 0 };
        latency.record((middle / 2 + spread * middle / 1000 + long) * 1000);
    }
    latency
}

/// Creates a run with the given number of intervals.
#[expect(clippy::too_many_lines, reason = "one literal with every field of a result")]
pub fn run(points: u64) -> RunResult {
    let measured = |count, middle, independent| LatencyResult::new(&latency(count, middle).histogram, independent, 0);
    let block = |count, middle| {
        let whole = measured(count, middle, count);
        let mut by = LatencyBreakdown::default();
        if count > 0 {
            by.stage.insert("steady".to_owned(), measured(count / 2, middle, count / 20));
            by.stage.insert("spike-1".to_owned(), measured(count / 3, middle * 2, count / 30));
            by.group.insert("talkers".to_owned(), whole.clone());
            by.action.insert("broadcast".to_owned(), whole.clone());
        }
        LatencyBlock { whole, by }
    };
    let timeline: Vec<TimelinePoint> = (1..=points).map(|number| point(number, points)).collect();
    let total = |count: fn(&TimelinePoint) -> u64| timeline.iter().map(count).sum::<u64>();
    let (sent, delivered) = (total(|point| point.sent), total(|point| point.delivered));
    RunResult {
        schema: crate::model::SCHEMA.to_owned(),
        tool: ToolInfo { version: "0.1.0".to_owned() },
        scenario: ScenarioInfo {
            name: "evening".to_owned(),
            file: "scenarios/evening.yaml".to_owned(),
            sha256: "636d0cc91e66233eba7a9224cd6a7b51ab85913c1869617057a23bd6a66abee4".to_owned(),
            plan_sha256: "7c6a24fed860d74e737df07ce821d011fb5ba12da05d744e4081738db64e83a1".to_owned(),
            seed: 7,
            verify: Verify::Full,
            verify_note: None,
            text: SCENARIO.to_owned(),
        },
        target: TargetInfo {
            address: "127.0.0.1:5000".to_owned(),
            framing: "lf".to_owned(),
            profile: None,
            spawned: false,
            command: None,
        },
        started: "2026-11-22T16:15:28.221928542Z".to_owned(),
        seconds: points as f64,
        verdict: Verdict::Fail,
        exit_code: 1,
        validity: Validity::Degraded,
        validity_reasons: vec!["the generator sent late: lateness p99 is 1.06 ms, delivery p99 4.62 ms".to_owned()],
        expectations: vec![
            expectation("lost == 0", 7, Some(2.0), MeasuredUnit::Count, Some(false), None),
            expectation(
                "delivery[steady].p99 < 1ms",
                8,
                None,
                MeasuredUnit::Microseconds,
                None,
                Some("n/a: needs 1000 samples, has 488"),
            ),
            expectation("delivery.p99.9 < 60ms", 9, Some(11_200.0), MeasuredUnit::Microseconds, Some(true), None),
        ],
        cases: Vec::new(),
        latency: [
            ("connect", 65, 900),
            ("delivery", delivered.min(20_000), 500),
            ("service", delivered.min(20_000), 450),
        ]
        .into_iter()
        .chain([("lateness", sent.min(20_000), 60), ("ack", 0, 1)])
        .map(|(name, count, middle)| (name.to_owned(), block(count, middle)))
        .collect(),
        counts: Counts {
            users: 65,
            connected: 66,
            disconnects: 1,
            sent,
            scheduled: sent,
            achieved: (sent > 0).then_some(100.0),
            expected_deliveries: delivered + 2,
            delivered,
            lost: 2,
            duplicated: 1,
            errors: [("404".to_owned(), 3)].into(),
            ..Counts::default()
        },
        examples: vec![
            example(ViolationKind::Lost, "never arrived", &[]),
            example(
                ViolationKind::Duplicated,
                "arrived 2 times",
                &["BROADCAST|ana|A1 & <b>\u{7}\u{1b}[31m\u{0}]]>"; 2],
            ),
        ],
        timeline,
        capacity: None,
        shard: None,
        whole_runs: None,
        lost_by_user: Vec::new(),
        server: Some(ServerInfo {
            pid: 4711,
            cpu_seconds: 1.5,
            rss_peak: 42 << 20,
            rss_per_user: Some(9300),
            threads: 3,
            fds: Some(81),
        }),
        server_end: None,
        generator: GeneratorInfo {
            cpu_seconds: 0.4,
            busy_wait_seconds: 0.1,
            rss_peak: 25 << 20,
            threads: 1,
            read_lag_p99: 83,
            clock: ArrivalSource::Kernel,
            clock_steps: 0,
            read_lag: None,
            arrival_error: None,
            unread_bytes: 14 << 10,
            fullest_receive_buffer: 0.0,
            stall_max: 210,
            machine: "linux 6.1.0 x86_64, 2 × Some Processor, 24 GiB of memory".to_owned(),
        },
    }
}

/// Creates the outcome of a successful search.
pub fn capacity() -> Capacity {
    let probe = |percent: f64, broke: Option<&str>| CapacityProbe {
        percent,
        phase: SearchPhase::Grow,
        sent_per_second: percent * 10.0,
        delivered_per_second: percent * 100.0,
        p50: Some(100),
        p99: Some(900),
        held: broke.is_none(),
        broke: broke.map(str::to_owned),
        validity: Validity::Valid,
    };
    Capacity {
        percent: Some(150.0),
        sent_per_second: Some(1500.0),
        broke_at: Some(225.0),
        reason: "failed at 225 %: delivery.p99 < 1ms (5 ms)".to_owned(),
        probes: vec![probe(100.0, None), probe(150.0, None), probe(225.0, Some("delivery.p99 < 1ms (5 ms)"))],
    }
}

/// Creates a case with the given status, with text from a server and a transcript.
pub fn case(id: &str, status: Status, said: &str) -> Outcome {
    let line = WireLine {
        ms: 1.5,
        actor: "ana".to_owned(),
        dir: Direction::Sent,
        text: "\"CONNECT|ana⏎\"".to_owned(),
        bytes: 12,
        hex: String::new(),
        mark: None,
    };
    let mut case = Outcome::not_run(&Case::untold(id), status, said);
    case.title = format!("the case {id}");
    case.sources = vec!["T13".to_owned()];
    case.seconds = 0.25;
    case.reason = case.reason.filter(|_| matches!(status, Status::Inconclusive | Status::Skipped));
    if status == Status::Fail {
        (case.want, case.got) = (Some("CONNECT_ACK|OK".to_owned()), Some(said.to_owned()));
    }
    if matches!(status, Status::Fail | Status::Inconclusive) {
        case.wire = vec![line];
    }
    case
}

fn point(number: u64, of: u64) -> TimelinePoint {
    let stage = match number * 10 / of.max(1) {
        0 | 1 => "join",
        2..=5 => "steady",
        6 | 7 => "spike-1",
        _ => "recovery",
    };
    let busy = if stage == "spike-1" { 3 } else { 1 };
    let sent = if stage == "join" { 0 } else { 50 * busy + number * 13 % 9 };
    let delivered = sent * 12;
    let latency = latency(delivered, 400 * busy + number * 31 % 100);
    let at = |quantile| (delivered > 0).then(|| latency.histogram.value_at_quantile(quantile));
    TimelinePoint {
        t: number as f64,
        stage: stage.to_owned(),
        connected: (number * 30).min(65),
        sent,
        delivered,
        errors: u64::from(number == 3) * 3,
        p50: at(0.5),
        p99: at(0.99),
        max: at(1.0),
        lateness_p99: (sent > 0).then_some(80 * busy),
        server_rss: Some((20 << 20) + number.min(40) * (512 << 10)),
        server_cpu: Some(0.05 * busy as f64),
        server_threads: Some(3),
        server_fds: Some(16 + (number * 30).min(65)),
        hdr: histogram::encode(&latency.histogram),
    }
}

fn expectation(
    text: &str,
    line: usize,
    actual: Option<f64>,
    unit: MeasuredUnit,
    ok: Option<bool>,
    note: Option<&str>,
) -> ExpectationResult {
    let (text, note) = (text.to_owned(), note.map(str::to_owned));
    ExpectationResult { text, line, actual, unit, ok, note }
}

fn example(kind: ViolationKind, what: &str, frames: &[&str]) -> Example {
    Example {
        kind,
        sender: Some("talkers1".to_owned()),
        recipient: Some("listeners7".to_owned()),
        sequence: Some(42),
        what: what.to_owned(),
        frames: frames.iter().map(|frame| (*frame).to_owned()).collect(),
    }
}
