//! Points that a server earned, by the weights of `--points`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use mychat_conformance::suite::points::PointWeights;
use mychat_conformance::{Outcome, Status};

/// Points of a conformance result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarnedPoints {
    /// Points of the checks that passed.
    pub earned: f64,
    /// Points of all checks that apply to the server. Skipped checks do not count.
    pub total: f64,
    /// Checks with points that apply to the server, each with its points.
    pub checks: BTreeMap<String, CheckPoints>,
}

/// Points of one check.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CheckPoints {
    /// Points that the server earned: all or none.
    pub earned: f64,
    /// Points of the check.
    pub total: f64,
}

impl EarnedPoints {
    /// Adds up the points of the outcomes. A check earns its points if it passed.
    pub(super) fn new(checks: &[Outcome], weights: &PointWeights) -> Self {
        let applicable = checks.iter().filter(|check| check.status != Status::Skipped);
        let checks: BTreeMap<String, CheckPoints> = applicable
            .map(|check| {
                let total = weights.points(&check.id);
                let earned = if check.status == Status::Pass { total } else { 0.0 };
                (check.id.clone(), CheckPoints { earned, total })
            })
            .filter(|(_, points)| points.total > 0.0)
            .collect();
        let sum = |of: fn(&CheckPoints) -> f64| checks.values().map(of).sum();
        Self { earned: sum(|points| points.earned), total: sum(|points| points.total), checks }
    }

    /// Describes the points: `37 of 60`.
    pub(crate) fn text(&self) -> String {
        format!("{} of {}", number(self.earned), number(self.total))
    }

    /// Describes the points of one check; `None` if it has none.
    pub(crate) fn text_of(&self, id: &str) -> Option<String> {
        let points = self.checks.get(id)?;
        Some(format!("{} of {}", number(points.earned), number(points.total)))
    }
}

/// Formats points with at most two decimals.
fn number(points: f64) -> String {
    let text = format!("{points:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixture::case;
    use mychat_conformance::suite::{catalogue, points};

    #[test]
    fn a_check_earns_its_points_if_it_passes() {
        let weights = points::parse("\"frame.*\": 1.5\nframe.two-in-one: 5", &catalogue()).unwrap();
        let checks = [
            case("frame.two-in-one", Status::Pass, ""),
            case("frame.max", Status::Fail, "no"),
            case("frame.split", Status::Inconclusive, "it is down"),
            case("frame.crlf", Status::Skipped, "not for this server"),
            case("conn.ack-ok", Status::Pass, ""),
        ];
        let points = EarnedPoints::new(&checks, &weights);
        assert_eq!(points.text(), "5 of 8");
        assert_eq!(points.text_of("frame.max").as_deref(), Some("0 of 1.5"));
        assert_eq!(points.text_of("conn.ack-ok"), None);
    }
}
