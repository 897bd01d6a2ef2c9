//! One line per check. Of the checks that are inconclusive or skipped for the same reason, only the first has a line of its own.

use std::collections::BTreeSet;

use anstyle::{AnsiColor, Style};

use super::layout::{TextLayout, padded, width};
use crate::visible;
use mychat_conformance::{Outcome, Status};

pub(super) const GREEN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
pub(super) const RED: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))).bold();
pub(super) const YELLOW: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
const DIM: Style = Style::new().dimmed();

const NARROWEST: usize = 28;
const WIDEST: usize = 56;
/// The columns of the lines of ids below a folded reason, where lines may have any length.
const IDS_COLUMNS: usize = 108;

/// The lines of a run, in the order in which its checks end.
#[derive(Debug)]
pub struct CheckLines {
    /// The width of the id column. A case title can be longer: it then shifts only its own line.
    width: usize,
    /// Columns of the terminal; `None` for lines of any length.
    columns: Option<usize>,
    shown: BTreeSet<String>,
    /// The checks that have no line of their own.
    folded: Vec<FoldedChecks>,
}

/// Checks with one status and one reason.
#[derive(Debug)]
struct FoldedChecks {
    status: Status,
    reason: String,
    ids: Vec<String>,
}

impl CheckLines {
    /// Returns the lines of a run of the checks with these ids, for a terminal of `columns`.
    pub fn new<'i>(ids: impl IntoIterator<Item = &'i str>, columns: Option<usize>) -> Self {
        // A third of a narrow terminal is left to the ids.
        let share = columns.map_or(WIDEST, |columns| columns / 3);
        let widths = ids.into_iter().map(width).filter(|width| *width <= WIDEST.min(share));
        let width = widths.max().unwrap_or(0).max(NARROWEST.min(share));
        Self { width, columns, shown: BTreeSet::new(), folded: Vec::new() }
    }

    /// Renders the line of a check that has ended. It is empty if an earlier check was not judged for the same reason.
    pub fn add(&mut self, check: &Outcome) -> String {
        let is_judged = !matches!(check.status, Status::Inconclusive | Status::Skipped);
        let reason = check.reason.as_ref().filter(|_| !is_judged);
        match reason {
            Some(reason) if !self.shown.insert(reason.clone()) => {
                match self.folded.iter_mut().find(|known| known.reason == *reason) {
                    Some(known) => known.ids.push(check.id.clone()),
                    None => self.folded.push(FoldedChecks {
                        status: check.status,
                        reason: reason.clone(),
                        ids: vec![check.id.clone()],
                    }),
                }
                String::new()
            }
            _ => self.line(check),
        }
    }

    /// Renders the checks that have no line of their own: the reason, and their ids.
    pub fn rest(&mut self) -> String {
        let mut text = TextLayout::new(self.columns);
        let mut ids_below = TextLayout::new(self.columns.or(Some(IDS_COLUMNS)));
        let mut all = String::new();
        for FoldedChecks { status, reason, ids } in std::mem::take(&mut self.folded) {
            let (count, reason) = (ids.len(), visible(&reason));
            let (word, style) = if status == Status::Skipped { ("-", DIM) } else { ("?", YELLOW) };
            let reason = reason.replace('\n', " ");
            text.hang(
                6,
                &format!("{style}{word:<5}{style:#} and {count} more for the same reason: {DIM}{reason}{DIM:#}"),
            );
            ids_below.hang(8, &format!("        {}", ids.join(" ")));
            all.push_str(&text.take());
            all.push_str(&ids_below.take());
        }
        all
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
        let id = padded(&check.id, self.width);
        let mut text = TextLayout::new(self.columns);
        let line = format!("{style}{word:<5}{style:#} {id} {:<6} {}{detail}", check.level, check.title);
        // Below the title.
        text.hang(6 + self.width + 1 + 7, &line);
        text.finish()
    }
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
        let mut lines = CheckLines::new(checks.iter().map(|check| check.id.as_str()), None);
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
