//! One line per check. Of the checks that are inconclusive for the same reason, only the first has a line of its own.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::visible;
use mychat_conformance::{Outcome, Status};

pub(super) const GREEN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
pub(super) const RED: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))).bold();
pub(super) const YELLOW: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
const DIM: Style = Style::new().dimmed();

const NARROWEST: usize = 28;
const WIDEST: usize = 56;
/// The width of the lines of ids below a folded reason.
const IDS_WIDTH: usize = 100;

/// The lines of a run, in the order in which its checks end.
#[derive(Debug)]
pub struct CheckLines {
    /// The width of the id column. A case title can be longer: it then shifts only its own line.
    width: usize,
    shown: BTreeSet<String>,
    /// Reasons, each with the ids of the checks that have no line of their own.
    folded: Vec<(String, Vec<String>)>,
}

impl CheckLines {
    /// Returns the lines of a run of the checks with these ids.
    pub fn new<'i>(ids: impl IntoIterator<Item = &'i str>) -> Self {
        let widths = ids.into_iter().map(|id| id.chars().count()).filter(|width| *width <= WIDEST);
        let width = widths.max().unwrap_or(0).max(NARROWEST);
        Self { width, shown: BTreeSet::new(), folded: Vec::new() }
    }

    /// Renders the line of a check that has ended. It is empty if an earlier check is inconclusive for the same reason.
    pub fn add(&mut self, check: &Outcome) -> String {
        let reason = check.reason.as_ref().filter(|_| check.status == Status::Inconclusive);
        match reason {
            Some(reason) if !self.shown.insert(reason.clone()) => {
                match self.folded.iter_mut().find(|(known, _)| known == reason) {
                    Some((_, ids)) => ids.push(check.id.clone()),
                    None => self.folded.push((reason.clone(), vec![check.id.clone()])),
                }
                String::new()
            }
            _ => self.line(check),
        }
    }

    /// Renders the checks that have no line of their own: the reason, and their ids.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        for (reason, ids) in std::mem::take(&mut self.folded) {
            let (count, reason) = (ids.len(), visible(&reason));
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "{YELLOW}?    {YELLOW:#} and {count} more for the same reason: {DIM}{reason}{DIM:#}");
            for line in wrapped(&ids) {
                let _ = writeln!(text, "        {line}");
            }
        }
        text
    }

    fn line(&self, check: &Outcome) -> String {
        let (word, style) = match (check.status, check.expected) {
            (Status::Fail, true) => ("known", YELLOW),
            (Status::Pass, _) => ("ok", GREEN),
            (Status::Fail, false) => ("FAIL", RED),
            (Status::Inconclusive, _) => ("?", YELLOW),
            (Status::Skipped, _) => ("-", DIM),
        };
        let detail = match check.status {
            Status::Pass => check.observed.as_deref().map(|seen| format!("  {DIM}{}{DIM:#}", visible(seen))),
            Status::Skipped | Status::Inconclusive => {
                check.reason.as_deref().map(|why| format!("  {DIM}{}{DIM:#}", visible(why)))
            }
            Status::Fail => check.got.as_deref().map(|got| format!("  {}", visible(got))),
        };
        let detail = detail.map(|detail| detail.replace('\n', " ")).unwrap_or_default();
        let width = self.width;
        format!("{style}{word:<5}{style:#} {:<width$} {:<6} {}{detail}\n", check.id, check.level, check.title)
    }
}

/// Breaks a list of ids into lines.
fn wrapped(ids: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for id in ids {
        match lines.last_mut().filter(|line| line.len() + 1 + id.len() <= IDS_WIDTH) {
            Some(line) => {
                line.push(' ');
                line.push_str(id);
            }
            None => lines.push(id.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::CheckLines;
    use crate::test_fixture::case;
    use mychat_conformance::Status;

    #[test]
    fn checks_with_one_reason_share_a_line() {
        let checks: Vec<_> = (0..30)
            .map(|number| case(&format!("msg.number-{number}"), Status::Inconclusive, "it is down"))
            .chain([case("msg.other", Status::Inconclusive, "no reply"), case("msg.good", Status::Pass, "")])
            .collect();
        let mut lines = CheckLines::new(checks.iter().map(|check| check.id.as_str()));
        let shown: String = checks.iter().map(|check| lines.add(check)).collect();
        assert_eq!(shown.lines().count(), 3, "{shown}");
        let rest = lines.rest();
        assert!(rest.contains("and 29 more for the same reason"), "{rest}");
        assert_eq!(rest.matches("it is down").count(), 1, "{rest}");
        for number in 1..30 {
            assert!(rest.split_whitespace().any(|word| word == format!("msg.number-{number}")), "{rest}");
        }
        assert!(rest.lines().all(|line| line.len() < 120), "{rest}");
        assert_eq!(lines.rest(), "", "each is said once");
    }
}
