//! Compares all formats of one conformance result with each other, over many kinds of results.

use proptest::prelude::*;

use crate::html::conformance_page;
use crate::junit::conformance_report;
use crate::markdown::conformance_summary;
use crate::model::TargetInfo;
use crate::model::conformance::{ConformanceResult, SuiteRunInfo, build};
use crate::terminal;
use crate::test_fixture;
use crate::wording;
use mychat_conformance::probe::Profile;
use mychat_conformance::{Outcome, Status};
use mychat_scenario::model::Level;

const STATUSES: [Status; 4] = [Status::Pass, Status::Fail, Status::Inconclusive, Status::Skipped];

/// Creates a check with words that a server may have sent.
fn check(number: usize, level: Level, status: Status, known: bool, said: &str) -> Outcome {
    let group = ["frame", "conn", "msg"][number % 3];
    let mut check = test_fixture::case(&format!("{group}.check-{number}"), status, said);
    check.level = level;
    check.sources = vec![format!("T{}", number % 21 + 1)];
    check.expected = known && status == Status::Fail;
    check.likely = Some(format!("mistake {}", number % 5));
    check
}

prop_compose! {
    fn results()(
        checks in prop::collection::vec(
            (prop::sample::select(&Level::ALL[..]), prop::sample::select(&STATUSES[..]), any::<bool>(), "\\PC{0,16}|[\u{0}-\u{7f}]{0,16}|[|`<&*_\\[]{0,8}"),
            1..40,
        ),
        strict in any::<bool>(),
        interrupted in any::<bool>(),
        note in "\\PC{0,30}",
    ) -> ConformanceResult {
        let checks = checks.iter().enumerate();
        let checks = checks.map(|(number, (level, status, known, said))| check(number, *level, *status, *known, said)).collect();
        let target = TargetInfo {
            address: "127.0.0.1:5000".to_owned(), framing: "lf".to_owned(), spawned: false, profile: None, command: None,
        };
        let about = SuiteRunInfo {
            suite: "conformance".to_owned(), target, profile: Profile::default(), notes: vec![note], seed: 7,
            started: "2026-11-22T16:15:29Z".to_owned(), seconds: 1.5, strict, options: Vec::new(),
        };
        build(checks, about, interrupted)
    }
}

/// Counts the status words in a part of a text.
fn counted(text: &str, words: [&str; 4]) -> [usize; 4] {
    words.map(|word| text.matches(word).count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_writing_says_the_same(result in results()) {
        let json = serde_json::to_string(&result).unwrap();
        prop_assert_eq!(&serde_json::from_str::<ConformanceResult>(&json).unwrap(), &result);
        let (page, xml, summary) = (conformance_page(&result), conformance_report(&result), conformance_summary(&result));
        let bare = anstream::adapter::strip_str(&terminal::conformance::summary(&result, None)).to_string();
        let of = |status: Status| result.checks.iter().filter(|check| check.status == status).count();
        let known = result.checks.iter().filter(|check| check.expected).count();
        let [passed, failed, open, skipped] = STATUSES.map(of);
        prop_assert_eq!(result.failed() as usize, failed - known);

        // Every check appears once, with its id.
        let table = page.split("<h2>All checks").nth(1).unwrap();
        for check in &result.checks {
            let id = &check.id;
            prop_assert_eq!(xml.matches(&format!("<testcase name=\"{id}\"")).count(), 1, "{} in JUnit", id);
            prop_assert_eq!(summary.matches(&format!("\n| `{id}` | {} | ", check.level)).count(), 1, "{} in Markdown", id);
            prop_assert_eq!(table.matches(&format!("<code class=\"digest\">{id}</code>")).count(), 1, "{} in HTML", id);
            let card = format!("FAIL  {id} ");
            let cards = usize::from(check.status == Status::Fail && !check.expected);
            prop_assert_eq!(bare.matches(&card).count(), cards, "{}'s card in the terminal", id);
        }
        // JUnit has no status for expected failures: they are skipped.
        prop_assert_eq!(counted(&xml, ["<testcase ", "<failure ", "<error ", "<skipped "]),
            [result.checks.len(), failed - known, open, skipped + known]);
        prop_assert_eq!(counted(table, ["</span>passed<", "</span>failed<", "</span>inconclusive<", "</span>skipped<"]),
            [passed, failed, open, skipped]);
        let rows = |word: &str| Level::ALL.map(|level| summary.matches(&format!("` | {level} | {word} |")).count()).iter().sum::<usize>();
        prop_assert_eq!(["pass", "**fail**", "inconclusive", "skipped"].map(rows), [passed, failed, open, skipped]);

        for level in Level::ALL {
            let counts = result.summary[level.name()];
            let own = counts.fail - counts.expected;
            let row = format!("| {level} | {} | {own} | {} | {} | {} |", counts.pass, counts.expected, counts.inconclusive, counts.skipped);
            prop_assert!(summary.contains(&row), "{} in Markdown", row);
            let cells = [counts.pass, own, counts.expected, counts.inconclusive, counts.skipped].map(|count| format!("<td class=\"n\">{count}</td>"));
            let row = page.split(&format!("<td>{level}<small>")).nth(1).and_then(|rest| rest.split("</tr>").next()).unwrap();
            prop_assert!(row.ends_with(&cells.concat()), "{} in HTML: {}", level, row);
            let said = format!("{level:<11} {} passed, {} failed", counts.pass, counts.fail);
            prop_assert_eq!(bare.contains(&said), counts.total() > 0, "{} in the terminal", said);
        }
        for statement in &result.statements {
            let word = match statement.status {
                Status::Pass => "holds",
                Status::Fail => "**broken**",
                Status::Inconclusive => "undecided",
                Status::Skipped => "not checked",
            };
            let row = summary.lines().find(|line| line.starts_with(&format!("| {} | ", statement.id))).unwrap();
            prop_assert!(row.ends_with(&format!("| {word} |")), "{}", row);
        }
        let held = result.statements.iter().filter(|statement| statement.status == Status::Pass).count();
        let covered = result.statements.iter().filter(|statement| statement.status != Status::Skipped).count();
        let said = format!("statements  {held} of {covered} ");
        prop_assert_eq!(bare.contains(&said), covered > 0, "{}", bare);
        prop_assert_eq!(page.matches("</span>holds<").count(), held);

        let (_, word, detail) = wording::suite_verdict(&result);
        let verdict = format!("{word}{detail}");
        for (place, what) in [(&bare, "the terminal"), (&summary, "Markdown"), (&xml, "JUnit")] {
            prop_assert!(place.contains(&verdict), "{} in {}", verdict, what);
        }
        let heading = format!("conformance: {}\n", wording::verdict_name(result.verdict));
        prop_assert!(summary.contains(&heading));
        prop_assert!(page.contains(word) && page.contains(detail.trim_start_matches(" · ")), "{}", verdict);
        for (place, what) in [(&page, "HTML"), (&xml, "JUnit"), (&summary, "Markdown")] {
            let control = place.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
            prop_assert_eq!(control, None, "a bare control character in {}", what);
        }
    }
}
