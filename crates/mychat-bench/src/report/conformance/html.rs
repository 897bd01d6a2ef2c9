//! The result as one HTML page that needs nothing else.

use super::card;
use super::result::ConformanceResult;
use crate::script::Status;
use std::fmt::Write as _;

const STYLE: &str = "
:root { color-scheme: light dark; --ok: #1a7f37; --bad: #cf222e; --open: #9a6700; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --ok: #3fb950; --bad: #ff7b72; --open: #d29922; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
td, th { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
pre { overflow-x: auto; border: 1px solid var(--line); border-left: 4px solid var(--bad); padding: .8rem; font-size: 13px; }
.pass { color: var(--ok); } .fail { color: var(--bad); font-weight: 600; } .inconclusive, .skipped { color: var(--open); }
h1 small { font-weight: 400; font-size: 1rem; }
";

/// Writes the result.
pub fn html(result: &ConformanceResult) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
    );
    let _ = writeln!(page, "<title>MyChat conformance: {}</title><style>{STYLE}</style></head><body>", result.verdict);
    let _ = writeln!(
        page,
        "<h1>Conformance: <span class=\"{}\">{}</span> <small>{} · framing {} · seed {} · {:.1} s</small></h1>",
        escaped(&result.verdict),
        escaped(&result.verdict),
        escaped(&result.target.address),
        escaped(&result.target.framing),
        result.seed,
        result.seconds
    );
    for note in &result.notes {
        let _ = writeln!(page, "<p>{}</p>", escaped(note));
    }
    page.push_str("<table><tr><th>level<th>passed<th>failed<th>inconclusive<th>skipped</tr>\n");
    for level in ["must", "should", "may"] {
        let counts = result.summary.get(level).copied().unwrap_or_default();
        let _ = writeln!(
            page,
            "<tr><td>{level}<td>{}<td>{}<td>{}<td>{}</tr>",
            counts.pass, counts.fail, counts.inconclusive, counts.skipped
        );
    }
    page.push_str("</table>\n");
    for check in result.checks.iter().filter(|check| check.status == Status::Fail) {
        let _ = write!(
            page,
            "<h3 id=\"{0}\"><span class=\"fail\">FAIL</span> {0} <small>{1}</small></h3><pre>",
            escaped(&check.id),
            escaped(&card::sources(check))
        );
        page.push_str(&escaped(&card::text(check, result)));
        page.push_str("</pre>\n");
    }
    page.push_str("<h2>The protocol's sentences</h2><table>\n");
    for statement in &result.statements {
        let class = class(statement.status);
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td class=\"{class}\">{class}<td>{}</tr>",
            statement.id,
            statement.section,
            escaped(&statement.text),
            escaped(&statement.checks.join(", "))
        );
    }
    page.push_str("</table><h2>All checks</h2><table>\n");
    for check in &result.checks {
        let class = class(check.status);
        let detail = check.observed.as_deref().or(check.reason.as_deref()).or(check.got.as_deref()).unwrap_or_default();
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code><td>{}<td class=\"{class}\">{class}<td>{}<td>{}</tr>",
            escaped(&check.id),
            check.level,
            escaped(&check.title),
            escaped(detail)
        );
    }
    page.push_str("</table></body></html>\n");
    page
}

const fn class(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Inconclusive => "inconclusive",
        Status::Skipped => "skipped",
    }
}

/// What a server sent must not become a tag.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
