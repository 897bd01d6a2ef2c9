//! Progress of a run of checks: the check that runs, the number of checks that are done, and the time left. Drawn only on a terminal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::progress_term;
use mychat_conformance::suite::Check;
use mychat_scenario::model::{Case, Need};

/// Progress bar of one run of checks.
pub(crate) struct CheckProgress {
    bar: ProgressBar,
    estimate: TimeLeft,
}

impl CheckProgress {
    /// Creates the bar. It stays hidden if `shown` is false, or if standard error is no terminal.
    pub(crate) fn new(checks: &[&Check], shown: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(checks.len() as u64), progress_term::target_if(shown));
        let style = ProgressStyle::with_template("{pos}/{len} [{bar:24}] {msg}");
        bar.set_style(style.expect("the template is right").progress_chars("█▌ "));
        Self { bar, estimate: TimeLeft::new(checks) }
    }

    /// Shows that a check begins.
    pub(crate) fn start(&self, case: &Case) {
        let left = self.estimate.left(self.estimate.started.elapsed());
        let left = left.map_or(String::new(), |left| format!(" · about {} s left", left.as_secs() + 1));
        self.bar.set_message(format!("{}{left}", case.id));
    }

    /// Counts a check as done, and prints its line above the bar.
    pub(crate) fn done(&mut self, id: &str, print: impl FnOnce()) {
        self.estimate.done(id);
        self.bar.suspend(print);
        self.bar.inc(1);
    }

    /// Removes the bar from the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Estimate of the time left, from the usual durations of the checks.
struct TimeLeft {
    started: Instant,
    /// Usual seconds of the checks that are not done.
    open: BTreeMap<String, f64>,
    /// Usual seconds of the checks that are done.
    done: f64,
}

/// Usual seconds of a check that waits for seconds, of one that uses the whole machine, and of any other one.
const USUAL: [f64; 3] = [3.5, 0.8, 0.1];
/// With fewer usual seconds done, the run says nothing about the pace of this server.
const LEAST_DONE: f64 = 1.0;

impl TimeLeft {
    fn new(checks: &[&Check]) -> Self {
        let usual = |case: &Case| match () {
            () if case.slow => USUAL[0],
            () if case.needs.contains(&Need::Loopback) => USUAL[1],
            () => USUAL[2],
        };
        let open = checks.iter().map(|check| (check.case.id.clone(), usual(&check.case))).collect();
        Self { started: Instant::now(), open, done: 0.0 }
    }

    fn done(&mut self, id: &str) {
        self.done += self.open.remove(id).unwrap_or_default();
    }

    /// Returns the time left after `elapsed`; `None` while nothing is known.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let open: f64 = self.open.values().sum();
        (self.done >= LEAST_DONE).then(|| elapsed.mul_f64(open / self.done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_pace_of_the_server() {
        let checks = mychat_conformance::suite::catalogue();
        let checks: Vec<&Check> = checks.iter().collect();
        let mut estimate = TimeLeft::new(&checks);
        let total: f64 = estimate.open.values().sum();
        assert_eq!(estimate.left(Duration::from_secs(9)), None);
        for check in &checks[..100] {
            estimate.done(&check.case.id);
        }
        let expected = 9.0 * (total - estimate.done) / estimate.done;
        let left = estimate.left(Duration::from_secs(9)).expect("enough is done");
        assert!((left.as_secs_f64() - expected).abs() < 0.001, "{left:?}");
        for check in &checks {
            estimate.done(&check.case.id);
        }
        assert_eq!(estimate.left(Duration::from_secs(20)), Some(Duration::ZERO));
    }
}
