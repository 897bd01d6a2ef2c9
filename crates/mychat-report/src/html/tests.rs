//! Tests of the page at all sizes: its content and order, its size and its well-formedness.

use std::fmt::Write as _;

use base64::Engine as _;
use sha2::Digest as _;

use super::{diagnosis, run_page};
use crate::model::RunResult;
use crate::test_fixture;
use mychat_conformance::Status;

/// Outline of a page: its headings, tables and charts with their sizes.
fn outline(html: &str) -> String {
    let mut text = String::new();
    let marks = regex_lite::Regex::new(
        "<h([123])[^>]*>(.*?)</h[123]>|<caption>(.*?)</caption>|<(svg) viewBox=\"0 0 5|<(table)[^>]*>|<summary>(.*?)</summary>",
    );
    let tags = regex_lite::Regex::new("<[^>]*>").unwrap();
    let plain = |html: &str| tags.replace_all(html, "").replace("&lt;", "<").replace("&gt;", ">").trim().to_owned();
    let mut rows = None;
    for found in marks.unwrap().captures_iter(html) {
        let at = found.get(0).unwrap().start();
        if let (Some(level), Some(words)) = (found.get(1), found.get(2)) {
            let indent = "  ".repeat(level.as_str().parse::<usize>().unwrap() - 1);
            let _ = writeln!(text, "{indent}{}", plain(words.as_str()));
        } else if let Some(words) = found.get(3) {
            let _ = writeln!(text, "    table `{}`{}", plain(words.as_str()), rows.take().unwrap_or_default());
        } else if found.get(4).is_some() {
            let picture = &html[at..at + html[at..].find("</svg>").unwrap()];
            let _ = writeln!(
                text,
                "      {} lines, {} bands",
                picture.matches("class=\"line").count(),
                picture.matches("class=\"band").count()
            );
        } else if found.get(5).is_some() {
            let table = &html[at..at + html[at..].find("</table>").unwrap()];
            let count = table.matches("<tr").count();
            rows = Some(format!(", {count} rows"));
            if !table.contains("<caption>") {
                let _ = writeln!(text, "    table{}", rows.take().unwrap_or_default());
            }
        } else if let Some(words) = found.get(6) {
            let _ = writeln!(text, "    folded `{}`", plain(words.as_str()));
        }
    }
    text
}

/// Creates a result with everything in it.
fn full(points: u64) -> RunResult {
    let mut result = test_fixture::run(points);
    result.cases =
        vec![test_fixture::case("greet", Status::Pass, ""), test_fixture::case("two-in-one", Status::Fail, "only one")];
    result
}

/// Checks that all tags are closed in order.
fn assert_nested(html: &str) {
    const VOID: [&str; 4] = ["meta", "link", "br", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    for tag in html.split('<').skip(1) {
        let name = tag.split(['>', ' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "…{}", tag.chars().take(60).collect::<String>()),
            None if VOID.contains(&name) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn at_no_one_and_ten_thousand_intervals() {
    for (points, most) in [(0, 60_000), (1, 120_000), (10_000, 900_000)] {
        let html = run_page(&full(points));
        assert_nested(&html);
        assert!(html.len() < most, "{} bytes at {points} intervals", html.len());
        insta::assert_snapshot!(format!("outline_at_{points}"), outline(&html));
    }
}

#[test]
fn a_search_has_its_curve_and_its_tries() {
    let mut result = test_fixture::run(20);
    result.capacity = Some(test_fixture::capacity());
    let html = run_page(&result);
    assert_nested(&html);
    insta::assert_snapshot!("outline_of_a_search", outline(&html));
}

#[test]
fn nothing_is_fetched_and_nothing_runs_but_the_own_script() {
    let html = run_page(&full(5));
    let script = format!("<script>{}</script>", diagnosis::COPY_SCRIPT);
    assert_eq!(html.matches(&script).count(), 1);
    let html = html.replace(&script, "");
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(diagnosis::COPY_SCRIPT));
    assert_eq!(digest, diagnosis::COPY_SCRIPT_SHA256);
    for forbidden in ["<script", "http://", "https://", "@import", "url(", "<img", "<iframe", "onload="] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}

/// Writes the pages for inspection: `LOOK=/tmp/pages cargo test -p mychat-report --lib html::tests::pages`.
#[test]
fn pages_to_look_at() {
    let Some(folder) = std::env::var_os("LOOK") else { return };
    for points in [0, 1, 30, 10_000] {
        std::fs::write(std::path::Path::new(&folder).join(format!("{points}.html")), run_page(&full(points))).unwrap();
    }
}
