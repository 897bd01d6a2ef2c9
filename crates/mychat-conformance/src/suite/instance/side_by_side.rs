//! Checks that mostly wait, at the same time on one instance. They have users of their own, so they do not disturb each other.

use super::{Instance, unmet_need};
use crate::harness::join_all;
use crate::harness::outcome::{Outcome, Status};
use crate::runner::run_case;
use crate::suite::catalogue::Check;
use crate::suite::jobs::CheckResults;
use crate::suite::run::Event;
use crate::suite::server_death::{attach_server_output, output_mark};
use crate::suite::serving::check_serving;
use mychat_scenario::model::{Case, Need};

impl Instance<'_> {
    /// Runs checks at the same time. One that does not pass is repeated alone, so that no other check can be the reason.
    pub(in crate::suite) async fn run_side_by_side(
        &mut self,
        checks: &[(usize, &Check)],
        shared: &CheckResults,
        report: &impl Fn(Event<'_>),
    ) {
        let (together, alone): (Vec<_>, Vec<_>) =
            checks.iter().copied().partition(|(_, check)| self.can_share(&check.case, shared));
        for (_, check) in &together {
            report(Event::Started(&check.case));
        }
        let passed = if together.len() > 1 { self.run_together(&together, shared).await } else { Vec::new() };
        let passed = passed.into_iter().chain(std::iter::repeat_with(|| None));
        let alone = alone.into_iter().map(|check| (check, None));
        for ((index, check), passed) in together.into_iter().zip(passed).chain(alone) {
            let outcome = match passed {
                Some(outcome) => outcome,
                None => self.run_check(&check.case, shared).await,
            };
            report(Event::Done(&outcome));
            shared.done(index, outcome);
        }
    }

    /// Returns true for a check that may run beside others on this instance.
    fn can_share(&self, case: &Case, shared: &CheckResults) -> bool {
        let needs_fresh = case.needs.contains(&Need::Fresh);
        self.unusable.is_none() && !needs_fresh && unmet_need(case, self.env(), shared.may_flood).is_none()
    }

    /// Returns the outcomes that count: those of the checks that passed, and all if the server is gone for good.
    async fn run_together(&mut self, checks: &[(usize, &Check)], shared: &CheckResults) -> Vec<Option<Outcome>> {
        let mark = output_mark(self.env());
        let env = self.env();
        let runs = checks.iter().map(|(_, check)| run_case(&check.case, env)).collect();
        let mut outcomes: Vec<Outcome> = join_all(runs).await;
        let passed = |outcome: &Outcome| outcome.status == Status::Pass;
        let is_broken = match check_serving(env, self.tries_broadcast()).await {
            Ok(serving) => self.missing.lost_in(serving).is_some(),
            Err(_) if self.env.watch.is_some() => true,
            Err(what) => {
                let first = outcomes.iter().position(|outcome| !passed(outcome)).unwrap_or_default();
                self.marks = [mark, self.marks[0]];
                self.restart_after(&mut outcomes[first], what, shared).await;
                return outcomes.into_iter().map(Some).collect();
            }
        };
        if is_broken {
            // Which of them did it shows when each runs alone. If the restart fails, that shows, too.
            let _ = self.restart().await;
            return Vec::new();
        }
        let env = self.env();
        let attach = |outcome| passed(&outcome).then(|| attach_server_output(outcome, env, mark));
        outcomes.into_iter().map(attach).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use mychat_proto::Framing;

    use super::*;
    use crate::harness::TestEnv;
    use crate::harness::connection::FramingPair;
    use crate::harness::connection::wait_tests::start;
    use crate::suite::catalogue::of;

    const CASES: &str = "
name: two
cases:
  - case: a message arrives
    id: t.good
    level: should
    spec: [T9]
    slow: true
    steps: [ { connect: [ana, bob] }, { send: { ana: \"MESSAGE|{bob}|x\" } }, { gets: { bob: \"MESSAGE|{ana}|x\" } } ]
  - case: another one arrives
    id: t.bad
    level: should
    spec: [T9]
    slow: true
    steps: [ { connect: [ana, bob] }, { send: { ana: \"MESSAGE|{bob}|x\" } }, { gets: { bob: \"MESSAGE|{ana}|y\" } } ]
";

    #[tokio::test]
    async fn a_check_that_fails_beside_others_is_repeated_alone() {
        let framing = FramingPair { send: Framing::Lf, receive: Framing::Lf };
        let env = TestEnv::new(start(Duration::ZERO).await, framing, Duration::from_secs(20), 1);
        let mut instance = Instance::new(&env);
        instance.measure().await;
        let cases = mychat_scenario::parse("two.yaml", CASES).unwrap().scenario.cases;
        let checks = of(&cases, "two.yaml", CASES);
        let checks: Vec<(usize, &Check)> = checks.iter().enumerate().collect();
        let (shared, events) = (CheckResults::new(true), Mutex::new(Vec::new()));
        let report = |event: Event<'_>| {
            events.lock().unwrap().push(match event {
                Event::Started(case) => format!("{} starts", case.id),
                Event::Done(outcome) => format!("{} ends", outcome.id),
            });
        };
        let before = env.cases.load(Ordering::Relaxed);
        instance.run_side_by_side(&checks, &shared, &report).await;
        let status: Vec<Status> = shared.take().into_iter().map(|(_, outcome)| outcome.status).collect();
        assert_eq!(status, [Status::Pass, Status::Fail]);
        assert_eq!(*events.lock().unwrap(), ["t.good starts", "t.bad starts", "t.good ends", "t.bad ends"]);
        // Both, a liveness check, the failed one again, and a liveness check.
        assert_eq!(env.cases.load(Ordering::Relaxed) - before, 5);
    }
}
