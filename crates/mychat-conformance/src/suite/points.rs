//! Points of checks, for grading: a file of weights.

use std::collections::BTreeMap;

use super::catalogue::Check;
use super::select::{glob, unknown};

/// Points of checks, by id or glob.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PointWeights(BTreeMap<String, f64>);

/// Reads weights: one line `id: points` or `"glob": points` per entry.
///
/// # Errors
///
/// Returns a description of a syntax error, of points that are negative, or of a pattern that matches no check.
pub fn parse(text: &str, checks: &[Check]) -> Result<PointWeights, String> {
    let weights: BTreeMap<String, f64> =
        serde_yaml::from_str(text).map_err(|error| format!("it must have lines `check: points`: {error}"))?;
    for (pattern, points) in &weights {
        if !points.is_finite() || *points < 0.0 {
            return Err(format!("`{pattern}` has {points} points: expected a number from 0 up"));
        }
        if !checks.iter().any(|check| glob(pattern, &check.case.id)) {
            return Err(unknown(checks, pattern));
        }
    }
    Ok(PointWeights(weights))
}

impl PointWeights {
    /// Returns the points of a check: those of its id, else those of the longest glob that matches, else 0.
    pub fn points(&self, id: &str) -> f64 {
        let matching = self.0.iter().filter(|(pattern, _)| glob(pattern, id));
        let closest = matching.max_by_key(|(pattern, _)| (!pattern.contains('*'), pattern.len()));
        closest.map_or(0.0, |(_, points)| *points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::catalogue;

    #[test]
    fn the_closest_pattern_decides() {
        let weights = parse("\"*\": 1\n\"frame.*\": 2\nframe.two-in-one: 5\n", &catalogue()).unwrap();
        let of = |weights: &PointWeights| {
            ["conn.ack-ok", "frame.max", "frame.two-in-one"].map(|id| weights.points(id).to_string())
        };
        assert_eq!(of(&weights), ["1", "2", "5"]);
        assert_eq!(of(&PointWeights::default()), ["0", "0", "0"]);
    }

    #[test]
    fn a_mistake_in_a_file_of_points_is_refused() {
        for (text, reason) in [
            ("frame.two-in-on: 5", "no check is called `frame.two-in-on`"),
            ("frame.two-in-one: -1", "has -1 points"),
            ("frame.two-in-one: .nan", "NaN points"),
            ("- frame.two-in-one", "lines `check: points`"),
            ("frame.two-in-one: many", "lines `check: points`"),
        ] {
            let refused = parse(text, &catalogue()).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
