//! Compares all formats of one result of a run with each other, over many kinds of results.

use hdrhistogram::Histogram;
use proptest::prelude::*;

use crate::html::run_page;
use crate::json::{self, ndjson};
use crate::junit::run_report;
use crate::markdown::run_summary;
use crate::merge::merge;
use crate::model::histogram;
use crate::model::run_cases::needs_card;
use crate::model::{MissingDeliveries, ProcessEnd, RunResult, ShardInfo, TimelinePoint};
use crate::terminal;
use crate::{grouped, hlog, test_fixture, wording};
use mychat_conformance::Status;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

prop_compose! {
    fn results()(
        points in 0..30_u64,
        figures in prop::collection::vec(0..5_000_000_u64, 18),
        texts in prop::collection::vec("\\PC{0,12}|[\u{0}-\u{7f}]{0,12}", 3),
        oks in prop::collection::vec(prop::option::of(any::<bool>()), 3),
        verdict in prop::sample::select(vec![Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Interrupted]),
        validity in prop::sample::select(vec![Validity::Valid, Validity::Degraded, Validity::Invalid]),
    ) -> RunResult {
        let mut result = test_fixture::run(points);
        (result.verdict, result.validity) = (verdict, validity);
        let counts = &mut result.counts;
        let places = [
            &mut counts.users, &mut counts.connected, &mut counts.refused, &mut counts.disconnects,
            &mut counts.unlisted,
            &mut counts.scheduled, &mut counts.sent, &mut counts.expected_deliveries, &mut counts.delivered,
            &mut counts.lost, &mut counts.duplicated, &mut counts.reordered, &mut counts.disordered,
            &mut counts.misrouted, &mut counts.corrupted, &mut counts.uncertain, &mut counts.refused_returns, &mut counts.wrong_replies,
        ];
        let open = figures[0] % 100;
        for (place, figure) in places.into_iter().zip(figures) {
            *place = figure;
        }
        for ((expectation, ok), text) in result.expectations.iter_mut().zip(oks).zip(&texts) {
            expectation.ok = ok;
            expectation.note = Some(text.clone());
        }
        result.cases = vec![
            test_fixture::case("greet", Status::Pass, &texts[1]),
            test_fixture::case("two-in-one", Status::Fail, &texts[2]),
            test_fixture::case("flood", Status::Skipped, &texts[0]),
            test_fixture::case("slow", Status::Inconclusive, &texts[1]),
        ];
        let missing = MissingDeliveries { sender: "ana".into(), recipient: "bob".into(), broadcasts: open, privates: 0 };
        result.shard = (open > 50).then(|| ShardInfo {
            index: 1, of: 2, missing: vec![missing], unsent: Vec::new(), unconfirmed: Vec::new(),
        });
        result.server_end = (open % 4 == 0).then(|| ProcessEnd {
            seconds: 1.5, status: texts[1].clone(), output: vec!["Traceback".to_owned(), texts[2].clone()],
        });
        result.capacity = (open % 3 == 0).then(test_fixture::capacity);
        result.examples[1].what.clone_from(&texts[0]);
        result.examples[1].frames = texts;
        result
    }
}

/// Returns the text between two markers.
fn between(text: &str, before: &str, behind: &str) -> Option<String> {
    text.split_once(before)?.1.split_once(behind).map(|(found, _)| found.to_owned())
}

/// Adds up the histograms of the log lines that begin with `prefix`, or of all lines without a tag.
fn logged(log: &str, tag: Option<&str>) -> Histogram<u64> {
    let mut sum = Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
    for line in log.lines().filter(|line| !line.starts_with(['#', '"'])) {
        let found = line.strip_prefix("Tag=").map(|rest| rest.split(',').next().unwrap());
        if found == tag {
            sum.add(histogram::decode(line.rsplit(',').next().unwrap()).unwrap()).unwrap();
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_writing_says_the_same(result in results()) {
        says_the_same(&result)?;
    }

    #[test]
    fn so_does_every_writing_of_a_merged_result(one in results(), mut other in results()) {
        other.started = "2026-11-22T16:15:29Z".to_owned();
        let shard = |index| ShardInfo { index, of: 2, missing: Vec::new(), unsent: Vec::new(), unconfirmed: Vec::new() };
        let parts = [(1, one), (2, other)].map(|(index, part)| RunResult { shard: Some(shard(index)), ..part });
        let merged = merge(&parts).unwrap();
        prop_assert_eq!(merged.counts.sent, parts.iter().map(|part| part.counts.sent).sum::<u64>());
        says_the_same(&merged)?;
    }
}

/// Compares counts, ids, verdicts and histograms of a result with each format.
fn says_the_same(result: &RunResult) -> Result<(), TestCaseError> {
    let (page, xml, text) = (run_page(result), run_report(result), terminal::run::summary(result, None));
    let (summary, log, lines) = (run_summary(result), hlog::write(result), ndjson::write(result));
    prop_assert_eq!(&serde_json::from_str::<RunResult>(&json::write(result)).unwrap(), result);
    let bare = anstream::adapter::strip_str(&text).to_string();
    for (name, count) in result.counts.named() {
        let property = format!("<property name=\"{name}\" value=\"");
        prop_assert_eq!(between(&xml, &property, "\""), Some(count.to_string()), "{} in JUnit", name);
        let row = format!("| {} | ", name.replace('_', " "));
        prop_assert_eq!(between(&summary, &row, " |"), Some(grouped(count)), "{} in Markdown", name);
    }
    for (name, count) in [("Delivered", result.counts.delivered), ("Sent", result.counts.sent)] {
        let tile = format!("<dt>{name}</dt><dd><b>");
        prop_assert_eq!(between(&page, &tile, "</b>"), Some(grouped(count)), "{} in HTML", name);
    }
    for (name, count) in [("lost", result.counts.lost), ("misrouted", result.counts.misrouted)] {
        let said = format!("{name} {}", grouped(count));
        prop_assert!(bare.contains(&said), "{} in the terminal", said);
    }

    for expectation in &result.expectations {
        let escaped = expectation.text.replace('<', "&lt;");
        let (code, case) = (format!("<code>{escaped}</code>"), format!("testcase name=\"{escaped}\""));
        prop_assert!(page.contains(&code), "{}", code);
        prop_assert!(xml.contains(&case.replace('>', "&gt;")), "{}", case);
        prop_assert!(text.contains(&expectation.text));
    }
    for note in result.notes() {
        let (markup, words) = (note.replace('<', "&lt;"), note.split(' ').next_back().unwrap_or_default());
        prop_assert!(page.contains(&markup) && text.contains(&note) && summary.contains(words), "{}", note);
    }
    for case in &result.cases {
        for (place, what) in [(&page, "HTML"), (&xml, "JUnit"), (&summary, "Markdown"), (&bare, "the terminal")] {
            prop_assert!(place.contains(&case.id), "{} in {}", case.id, what);
        }
    }
    let unsettled = result.cases.iter().filter(|case| needs_card(case)).count();
    // Each case that did not pass has a card with its transcript.
    for (place, what) in [(&page, "HTML"), (&xml, "JUnit"), (&summary, "Markdown"), (&bare, "the terminal")] {
        let cards = if what == "JUnit" { place.split("<system-out>").next().unwrap() } else { place.as_str() };
        prop_assert_eq!(cards.matches("CONNECT|ana").count(), unsettled, "wires in {}", what);
    }
    let broken = result.expectations.iter().filter(|expectation| expectation.ok == Some(false)).count();
    let (failed, skipped) = (result.cases_that(Status::Fail), result.cases_that(Status::Skipped));
    let no_rate = usize::from(result.capacity.is_some() && result.verdict == Verdict::Fail);
    prop_assert_eq!(xml.matches("<failure ").count(), broken + failed + no_rate);
    prop_assert_eq!(xml.matches("<skipped ").count(), skipped);
    prop_assert_eq!(summary.matches("❌ broken").count(), broken);
    prop_assert_eq!(page.matches("</span>broken</span>").count(), broken);

    let points: Vec<TimelinePoint> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    prop_assert_eq!(&points, &result.timeline);
    let delivered = result.timeline.iter().map(|point| point.delivered).sum::<u64>();
    prop_assert_eq!(logged(&log, None).len(), delivered);
    for (name, block) in &result.latency {
        prop_assert_eq!(logged(&log, Some(name)).len(), block.whole.count, "{} in the log", name);
    }
    for (place, what) in [(&page, "HTML"), (&xml, "JUnit"), (&summary, "Markdown")] {
        let bare = place.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        prop_assert_eq!(bare, None, "a bare control character in {}", what);
    }
    if result.server_end.is_some() {
        for (place, what) in [(&page, "HTML"), (&xml, "JUnit"), (&summary, "Markdown"), (&bare, "the terminal")] {
            let is_told = place.contains("server's process ended 1.5 s into the run") && place.contains("Traceback");
            prop_assert!(is_told, "the server's end in {}", what);
        }
    }
    if let Some(capacity) = &result.capacity {
        let (answer, rest) = wording::answer(capacity);
        for (place, what) in [(&page, "HTML"), (&xml, "JUnit"), (&summary, "Markdown"), (&bare, "the terminal")] {
            prop_assert!(place.contains(&answer) && place.contains(&rest), "{} in {}", answer, what);
        }
    }
    let tone = wording::verdict(result.verdict).1;
    for (place, what) in [(&page, "HTML"), (&xml, "JUnit"), (&summary, "Markdown"), (&bare, "the terminal")] {
        prop_assert!(place.contains(tone), "{} in {}", tone, what);
    }
    Ok(())
}
