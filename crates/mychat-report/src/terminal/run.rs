//! Result of a run for a terminal: the verdict, its reasons, then the figures.

use anstyle::{AnsiColor, Style};

use super::conformance::{card, first};
use super::layout::{TextLayout, padded, shortened, width};
use crate::model::run_cases::{as_conformance_result, needs_card, remark};
use crate::model::{CapacityProbe, ExpectationResult, LatencyResult, RunResult};
use crate::wording::{self, Tone};
use crate::{grouped, load_percent, reasons, visible};
use mychat_conformance::Status;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
const QUIET: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// Adds lines with the arguments of `format!`.
macro_rules! line {
    ($text:expr, $($rest:tt)*) => {
        $text.add(&format!($($rest)*))
    };
}

/// Renders the whole summary with ANSI styles, for a terminal of `columns`.
pub fn summary(result: &RunResult, columns: Option<usize>) -> String {
    let mut text = TextLayout::new(columns);
    head(&mut text, result);
    capacity(&mut text, result);
    expectations(&mut text, &result.expectations);
    server_end(&mut text, result);
    cases(&mut text, result);
    latencies(&mut text, result);
    counts(&mut text, result);
    examples(&mut text, result);
    text.finish()
}

/// Renders the verdict in one line with its reasons, for scripts.
pub fn line(result: &RunResult) -> String {
    let counts = &result.counts;
    let cases = match result.cases.len() {
        0 => String::new(),
        all => format!(" {} of {all} cases passed,", result.cases_that(Status::Pass)),
    };
    let answer = result.capacity.as_ref().map_or_else(String::new, |capacity| {
        let (answer, rest) = wording::answer(capacity);
        // An inconclusive search has its reason among those of the verdict.
        let why = match result.verdict {
            Verdict::Fail => format!(": {}", reasons::one_line(&capacity.reason)),
            Verdict::Pass | Verdict::Inconclusive | Verdict::Interrupted => String::new(),
        };
        format!("; {answer}{rest}{why}")
    });
    let reasons = reasons::appended(reasons::validity(result).into_iter().chain(reasons::inconclusive(result)));
    format!(
        "{} {}:{cases} {} of {} expectations held, {} delivered, {} lost{answer}{reasons}\n",
        wording::verdict(result.verdict).1,
        result.scenario.name,
        wording::held(result),
        result.expectations.len(),
        counts.delivered,
        counts.lost
    )
}

/// Renders one probe of a search as a line.
pub fn probe(probe: &CapacityProbe) -> String {
    let (tone, word) = wording::probe(probe);
    let (style, word, p99) = (style(tone), visible(word), wording::percentile(probe.p99));
    format!(
        "{:>8}  {:>10}/s sent  {:>11}/s delivered  p99 {p99:>8}  {:<8} {style}{} {word}{style:#}",
        load_percent(probe.percent),
        grouped(probe.sent_per_second.round() as u64),
        grouped(probe.delivered_per_second.round() as u64),
        probe.phase.name(),
        tone.sign(),
    )
}

fn capacity(text: &mut TextLayout, result: &RunResult) {
    let Some(capacity) = &result.capacity else { return };
    let (answer, rest) = wording::answer(capacity);
    line!(text, "\n  {STRONG}{answer}{STRONG:#}{rest}");
    line!(text, "  {}", visible(&capacity.reason));
    for entry in &capacity.probes {
        text.hang(12, &format!("  {}", probe(entry)));
    }
    line!(text, "  {QUIET}{}{QUIET:#}", wording::figures_of(capacity));
}

const fn style(tone: Tone) -> Style {
    match tone {
        Tone::Good => GOOD,
        Tone::Bad => BAD,
        Tone::Unsure => UNSURE,
    }
}

fn head(text: &mut TextLayout, result: &RunResult) {
    let (tone, word) = wording::verdict(result.verdict);
    let (style, held) = (style(tone), wording::held(result));
    let server = match wording::server(result) {
        (Some(command), place) => format!("`{command}` {place}"),
        (None, place) => place,
    };
    line!(text, "{style}{word}{style:#}  {STRONG}{}{STRONG:#} against {server}", result.scenario.name);
    line!(
        text,
        "      {QUIET}{held} of {} expectations held · {:.1} s · seed {} · plan {}{QUIET:#}",
        result.expectations.len(),
        result.seconds,
        result.scenario.seed,
        &result.scenario.plan_sha256[..12.min(result.scenario.plan_sha256.len())]
    );
    for note in result.notes() {
        line!(text, "      {}", visible(&note));
    }
    for reason in reasons::inconclusive(result) {
        line!(text, "      {}", reasons::one_line(&reason));
    }
    if result.validity == Validity::Valid {
        return;
    }
    let (tone, word, meaning) = wording::validity(result.validity);
    let style = self::style(tone);
    line!(text, "      {style}{}  {meaning}{style:#}", word.to_uppercase());
    for reason in &result.validity_reasons {
        line!(text, "      {}", visible(reason));
    }
}

fn expectations(text: &mut TextLayout, expectations: &[ExpectationResult]) {
    if expectations.is_empty() {
        return;
    }
    text.add("");
    let widest = expectations.iter().map(|expectation| width(&expectation.text)).max().unwrap_or(0);
    for expectation in expectations {
        let (tone, _) = wording::expectation(expectation.ok);
        let (style, mark) = (style(tone), tone.sign());
        let actual = expectation.actual.map(|actual| expectation.unit.format(actual));
        let note = expectation.note.as_deref().map(visible);
        let actual_text = match (actual, &note) {
            (Some(actual), Some(note)) => format!("{actual:>10}  {QUIET}{note}{QUIET:#}"),
            (Some(actual), None) => format!("{actual:>10}"),
            (None, Some(note)) => format!("{:>10}  {QUIET}{note}{QUIET:#}", "–"),
            (None, None) => format!("{:>10}", "–"),
        };
        let expected = padded(&expectation.text, widest);
        text.hang(6, &format!("  {style}{mark}{style:#} {expected}  {actual_text}"));
    }
}

/// Renders the end of the server's process with the last lines that it wrote.
fn server_end(text: &mut TextLayout, result: &RunResult) {
    let Some(end) = &result.server_end else { return };
    line!(text, "\n  {BAD}{}{BAD:#}", visible(&wording::server_end(end)));
    for written in &end.output {
        line!(text, "    {}", visible(written));
    }
}

/// Renders one line per case, and a card for each that did not pass.
fn cases(text: &mut TextLayout, result: &RunResult) {
    if result.cases.is_empty() {
        return;
    }
    line!(text, "\n  {STRONG}cases{STRONG:#}  {} of {} passed", result.cases_that(Status::Pass), result.cases.len());
    for case in &result.cases {
        let (tone, _) = wording::case(case.status);
        let (style, mark) = (style(tone), if case.status == Status::Skipped { "-" } else { tone.sign() });
        let remark = remark(case).replace('\n', " ");
        let remark = visible(&remark);
        let remark = if remark.is_empty() { String::new() } else { format!("  {QUIET}{remark}{QUIET:#}") };
        text.hang(11, &format!("  {style}{mark}{style:#} {:<6} {}{remark}", case.level, case.title));
    }
    let view = as_conformance_result(result);
    for case in result.cases.iter().filter(|case| needs_card(case)) {
        card(text, case, &view);
    }
    first(text, &view);
}

/// Columns of a latency table.
struct LatencyTable {
    /// Width of the first column.
    name: usize,
    /// Indices of the values that fit, among [`wording::COLUMNS`].
    values: &'static [usize],
    /// True if the meaning of a metric fits beside its values.
    has_meanings: bool,
}

impl LatencyTable {
    /// Width of the count, and of each value.
    const CELL: usize = 10;

    /// Chooses the columns: `name` is the width of the longest name, and `meaning` that of the longest meaning.
    fn new(columns: Option<usize>, name: usize, meaning: usize) -> Self {
        let name = name.max(12);
        let Some(columns) = columns else { return Self { name, values: &[0, 1, 2, 3, 4], has_meanings: true } };
        let needed = |name: usize, values: &[usize]| 2 + name + Self::CELL * (values.len() + 1);
        let all: [&'static [usize]; 3] = [&[0, 1, 2, 3, 4], &[0, 2, 3, 4], &[0, 2, 4]];
        let values = all.into_iter().find(|values| needed(name.min(20), values) <= columns).unwrap_or(all[2]);
        let name = name.min(columns.saturating_sub(needed(0, values))).max(12);
        Self { name, values, has_meanings: needed(name, values) + 2 + meaning <= columns }
    }

    fn row(&self, name: &str, count: &str, cells: &[String; 5]) -> String {
        let cells = self.values.iter().map(|&value| format!("{:>10}", cells[value])).collect::<Vec<_>>().concat();
        format!("{}{count:>10}{cells}", padded(&shortened(name, self.name), self.name))
    }
}

fn latencies(text: &mut TextLayout, result: &RunResult) {
    if result.latency.values().all(|block| block.whole.count == 0) {
        return;
    }
    let stages = wording::delivery_by_stage(result);
    let name = stages.iter().map(|(stage, _)| width(stage) + 4).max().unwrap_or(0);
    let meaning = wording::measured(result).map(|(_, meaning, _)| width(meaning)).max().unwrap_or(0);
    let table = LatencyTable::new(text.columns(), name, meaning);
    let heading = table.row("latency", "count", &wording::COLUMNS.map(str::to_owned));
    let scope = if table.has_meanings { format!("  {QUIET}{}{QUIET:#}", wording::TIMED) } else { String::new() };
    line!(text, "\n  {STRONG}{heading}{STRONG:#}{scope}");
    let row = |text: &mut TextLayout, name: &str, latency: &LatencyResult, meaning: &str| {
        let row = table.row(name, &grouped(latency.count), &wording::cells(latency));
        let meaning = if meaning.is_empty() { String::new() } else { format!("  {QUIET}{meaning}{QUIET:#}") };
        line!(text, "  {row}{meaning}");
    };
    for (name, meaning, whole) in wording::measured(result) {
        let meaning = if table.has_meanings { meaning } else { "" };
        row(text, &indented(name), whole, meaning);
    }
    if !stages.is_empty() {
        line!(text, "  {STRONG}delivery by stage{STRONG:#}");
    }
    for (stage, latency) in stages {
        row(text, &format!("  {stage}"), latency, "");
    }
    if !table.has_meanings {
        let meanings =
            wording::measured(result).map(|(name, meaning, _)| format!("{}: {meaning}", indented(name).trim()));
        let meanings: Vec<String> = std::iter::once(wording::TIMED.to_owned()).chain(meanings).collect();
        line!(text, "  {QUIET}{}{QUIET:#}", meanings.join(" · "));
    }
}

/// Returns the name of a metric in the table. The parts of a broadcast's delivery latency are indented below it.
fn indented(name: &str) -> String {
    name.strip_prefix("delivery_").map_or_else(|| name.to_owned(), |part| format!("  {part}"))
}

fn counts(text: &mut TextLayout, result: &RunResult) {
    let counts = &result.counts;
    let plain = |name: &str, count: u64| format!("{name} {}", grouped(count));
    let violation = |name: &str, count: u64| {
        if count == 0 { format!("{name} 0") } else { format!("{BAD}{name} {}{BAD:#}", grouped(count)) }
    };
    text.add("");
    let mut users = vec![plain("users", counts.users), plain("logins", counts.connected)];
    users.push(violation("refused", counts.refused));
    users.push(violation("disconnected", counts.disconnects));
    if counts.refused_returns > 0 {
        users.push(plain("refused on return", counts.refused_returns));
    }
    if counts.unlisted > 0 {
        users.push(violation("not in everybody's list", counts.unlisted));
    }
    line!(text, "  {}", users.join(" · "));
    let achieved = counts
        .achieved
        .map_or(String::new(), |achieved| format!(" ({achieved:.2} % of the {} scheduled)", grouped(counts.scheduled)));
    // Deliveries that arrived without being owed: the recipient was logging in or out.
    let extra = (counts.delivered + counts.lost).saturating_sub(counts.expected_deliveries);
    let uncertain =
        if extra > 0 { format!(" and {} not owed, around joins and leaves", grouped(extra)) } else { String::new() };
    line!(
        text,
        "  sent {}{achieved} · delivered {} of {} owed{uncertain}",
        grouped(counts.sent),
        grouped(counts.delivered.saturating_sub(extra)),
        grouped(counts.expected_deliveries),
    );
    let errors: u64 = counts.errors.values().sum();
    let violations = [
        violation("lost", counts.lost),
        violation("duplicated", counts.duplicated),
        violation("reordered", counts.reordered),
        violation("disordered", counts.disordered),
        violation("misrouted", counts.misrouted),
        violation("corrupted", counts.corrupted),
        violation("wrong replies", counts.wrong_replies),
        violation("errors", errors),
    ];
    line!(text, "  {}", violations.join(" · "));
    if !result.lost_by_user.is_empty() {
        const NAMED: usize = 5;
        let named: Vec<String> = result
            .lost_by_user
            .iter()
            .take(NAMED)
            .map(|losses| format!("{} {}", losses.user, grouped(losses.lost)))
            .collect();
        let others = result.lost_by_user.len().saturating_sub(NAMED);
        let others = if others > 0 { format!(" · and {} others", grouped(others as u64)) } else { String::new() };
        line!(text, "  lost to: {}{others}", named.join(" · "));
    }
    if counts.blocked_seconds >= 0.001 {
        line!(text, "  connections were blocked for {:.1} s in total: the server did not read", counts.blocked_seconds);
    }
    if let Some(server) = &result.server {
        line!(text, "  {QUIET}server: {}{QUIET:#}", wording::server_use(server));
    }
    line!(text, "  {QUIET}generator: {}{QUIET:#}", wording::generator_use(&result.generator));
}

fn examples(text: &mut TextLayout, result: &RunResult) {
    if result.examples.is_empty() {
        return;
    }
    text.add("");
    line!(text, "  {STRONG}What went wrong, the first of each kind{STRONG:#}");
    for example in &result.examples {
        let kind = serde_json::to_value(example.kind).ok().and_then(|kind| Some(kind.as_str()?.replace('_', " ")));
        let who = match (&example.sender, &example.recipient) {
            (Some(sender), Some(recipient)) => format!("{sender} → {recipient}"),
            (None, Some(user)) | (Some(user), None) => user.clone(),
            (None, None) => String::new(),
        };
        let (kind, what) = (kind.unwrap_or_default(), visible(&example.what));
        text.hang(14, &format!("  {BAD}{kind:<11}{BAD:#} {who}: {what}"));
        for frame in &example.frames {
            text.hang(16, &format!("              {QUIET}{}{QUIET:#}", visible(frame)));
        }
    }
}
