//! Evidence of a search: do its probes show that violations depend on the rate?
//!
//! A server that loses 1 in 97 messages loses none in a probe of a dozen. Such a probe passes at any rate, and says nothing.

/// Deliveries of one probe, and the violations among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Deliveries {
    /// Deliveries that the server owed.
    pub(crate) owed: u64,
    /// Deliveries that broke an expectation about counts: lost, duplicated or the like.
    pub(crate) violated: u64,
}

/// The probes of a search with their deliveries.
#[derive(Debug, Clone, Default)]
pub(crate) struct SearchEvidence {
    passed: Vec<(f64, Deliveries)>,
    /// Probes that failed because of violations.
    violated: Vec<(f64, Deliveries)>,
}

/// Violations that a run of passing probes would contain on average before their absence counts: none of them are expected
/// by chance in one case of twenty (e⁻³).
const EXPECTED: f64 = 3.0;
/// Deliveries without a violation below the first rate of a search before they count: at most 1 % of them are violated, with
/// 95 % confidence.
const FEWEST: u64 = 300;
/// Violations at lower rates before their share is compared with that at a higher one.
const COMPARABLE: u64 = 8;

impl Deliveries {
    fn share(self) -> f64 {
        self.violated as f64 / (self.owed as f64).max(1.0)
    }

    fn sum(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Self::default(), |sum, one| Self { owed: sum.owed + one.owed, violated: sum.violated + one.violated })
    }
}

impl SearchEvidence {
    /// Adds a probe at `percent`.
    pub(crate) fn add(&mut self, percent: f64, deliveries: Deliveries, passed: bool) {
        if passed {
            self.passed.push((percent, deliveries));
        } else if deliveries.violated > 0 {
            self.violated.push((percent, deliveries));
        }
    }

    /// Returns true if the probes that passed at `percent` show that the rate makes a difference: they are long enough to
    /// contain violations at the share seen at the lowest rate that failed, and at the share seen at all of these.
    ///
    /// Passes at other rates do not count. Among many short probes of a server that violates at every rate, those that pass
    /// are the ones between two violations.
    pub(crate) fn is_long_enough_at(&self, percent: f64) -> bool {
        let Some(lowest) = self.violated.iter().map(|(percent, _)| *percent).reduce(f64::min) else { return true };
        let share_up_to = |limit: f64| Deliveries::sum(at(&self.violated, |percent| percent <= limit)).share();
        // A short probe that failed overstates the share.
        let share = share_up_to(lowest).min(share_up_to(f64::INFINITY));
        let passed = Deliveries::sum(at(&self.passed, |other| (other - percent).abs() < 1e-9)).owed as f64;
        passed * share >= EXPECTED
    }

    /// Returns the deliveries of the probes that passed at `percent` and above.
    pub(crate) fn passed_at(&self, percent: f64) -> u64 {
        Deliveries::sum(at(&self.passed, |other| other >= percent - 1e-9)).owed
    }

    /// Returns true if these are enough for an answer below the first rate of the search.
    pub(crate) fn is_enough_at(&self, percent: f64) -> bool {
        self.passed_at(percent) >= FEWEST
    }

    /// Returns true if three rates failed with the same share of violations, and nothing shows that a lower rate mends it.
    ///
    /// A server with a limit violates a smaller share at half the rate: what it delivers per second stays the same.
    pub(crate) fn is_proportional(&self) -> bool {
        let mut rates: Vec<f64> = self.violated.iter().map(|(percent, _)| *percent).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let [.., _, _, highest] = rates[..] else { return false };
        let lower = |percent: f64| percent <= highest / 2.0 + 1e-9;
        let below = Deliveries::sum(at(&self.violated, lower).chain(at(&self.passed, lower)));
        let share = Deliveries::sum(at(&self.violated, |percent| percent >= highest)).share();
        let overloaded = (2.0 * share - 1.0).max(0.0);
        !self.passed.iter().any(|(percent, _)| self.is_long_enough_at(*percent))
            && below.violated >= COMPARABLE
            && below.share() > f64::midpoint(share, overloaded)
    }

    /// Describes the violations by rate, highest rate first: `20 of 2,000 at 50 %`.
    pub(crate) fn describe(&self) -> String {
        let mut probes = self.violated.clone();
        probes.sort_by(|one, other| other.0.total_cmp(&one.0));
        let told = probes.iter().map(|(percent, Deliveries { owed, violated })| {
            let (violated, owed) = (mychat_report::grouped(*violated), mychat_report::grouped(*owed));
            format!("{violated} of {owed} at {}", mychat_report::load_percent(*percent))
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

fn at(probes: &[(f64, Deliveries)], wanted: impl Fn(f64) -> bool) -> impl Iterator<Item = Deliveries> {
    probes.iter().filter(move |(percent, _)| wanted(*percent)).map(|(_, deliveries)| *deliveries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(probes: &[(f64, u64, u64)]) -> SearchEvidence {
        let mut evidence = SearchEvidence::default();
        for &(percent, owed, violated) in probes {
            evidence.add(percent, Deliveries { owed, violated }, violated == 0);
        }
        evidence
    }

    #[test]
    fn one_in_97_at_every_rate_is_in_proportion() {
        let found = evidence(&[(50.0, 2000, 20), (25.0, 1000, 10), (12.5, 500, 5)]);
        assert!(found.is_proportional());
        assert_eq!(found.describe(), "20 of 2,000 at 50 %, 10 of 1,000 at 25 %, 5 of 500 at 12.5 %");
        // A probe too short to contain a loss changes nothing; a long one does.
        let short = evidence(&[(50.0, 2000, 20), (25.0, 1000, 10), (12.5, 500, 5), (6.0, 40, 0)]);
        assert!(short.is_proportional() && !short.is_long_enough_at(6.0));
        let long = evidence(&[(50.0, 2000, 20), (25.0, 1000, 10), (12.5, 500, 5), (6.0, 4000, 0)]);
        assert!(!long.is_proportional() && long.is_long_enough_at(6.0));
    }

    #[test]
    fn a_server_far_beyond_its_limit_is_not_in_proportion() {
        // It delivers 15/s of what is sent in two seconds.
        let found = evidence(&[(100.0, 2000, 1970), (50.0, 1000, 970), (25.0, 500, 470), (12.5, 250, 220)]);
        assert!(!found.is_proportional());
        let mild = evidence(&[(100.0, 2000, 600), (80.0, 1600, 200), (75.0, 1500, 100), (50.0, 1000, 0)]);
        assert!(!mild.is_proportional() && mild.is_long_enough_at(50.0));
    }

    #[test]
    fn a_few_dozen_deliveries_are_no_answer() {
        let found = evidence(&[(6.0, 48, 0)]);
        assert!(!found.is_enough_at(6.0) && found.is_long_enough_at(6.0));
        assert!(evidence(&[(6.0, 48, 0), (12.0, 260, 0)]).is_enough_at(6.0));
        assert!(!evidence(&[(3.0, 900, 0), (6.0, 48, 0)]).is_enough_at(6.0));
    }
}
