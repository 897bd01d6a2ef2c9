//! The liveness check of a run: repeated, because a busy machine or a busy server may delay it.

use std::time::{Duration, Instant};

use crate::harness::TestEnv;
use crate::harness::liveness::{Serving, check_liveness};

/// The time for a busy server to finish earlier work and serve new users again.
const CATCHING_UP: Duration = Duration::from_secs(40);

/// After how many deaths of the server the next one is recognised after a shorter wait: the part of the timeout that a user is
/// waited for, and the shortest wait. The largest numbers first.
const PATIENCE: [(usize, u32, Duration); 2] =
    [(MANY_DEATHS, 10, Duration::from_millis(200)), (PROVEN_DEATHS, 4, Duration::from_millis(400))];
const PROVEN_DEATHS: usize = 2;
const MANY_DEATHS: usize = 8;

/// Checks that a server that has died `deaths` times still serves users. If it died often, the wait is shorter: the verdict is
/// known, and a server that dies in every other check would take minutes.
pub(super) async fn check_still_serving(
    env: &TestEnv,
    tries_broadcast: bool,
    deaths: usize,
) -> Result<Serving, String> {
    let Some(impatient) = impatient(env, deaths) else { return check_serving(env, tries_broadcast).await };
    let first = check_liveness(&impatient, tries_broadcast).await;
    if first.is_ok() { first } else { check_liveness(&impatient, tries_broadcast).await }
}

/// Returns the environment with a shorter timeout, if the server has died often.
fn impatient(env: &TestEnv, deaths: usize) -> Option<TestEnv> {
    let (_, part, shortest) = PATIENCE.into_iter().find(|(least, ..)| deaths >= *least)?;
    Some(TestEnv { timeout: (env.timeout / part).max(shortest).min(env.timeout), ..env.clone() })
}

/// Checks that the server serves users. Tries up to three times, because the machine may be busy.
pub(super) async fn check_serving(env: &TestEnv, tries_broadcast: bool) -> Result<Serving, String> {
    let mut last = check_liveness(env, tries_broadcast).await;
    for _ in 0..2 {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = check_liveness(env, tries_broadcast).await;
    }
    last
}

/// As [`check_serving`], for the end of a run: the server may still be busy with earlier checks.
pub(super) async fn check_serving_at_end(env: &TestEnv, deaths: usize) -> Result<Serving, String> {
    let liveness = check_still_serving(env, false, deaths).await;
    if liveness.is_ok() { liveness } else { wait_until_caught_up(env, liveness).await }
}

/// Repeats the liveness check while the server's process uses CPU time, at most for [`CATCHING_UP`]: a slow server may still
/// be busy with the thousands of users of the last check.
pub(super) async fn wait_until_caught_up(env: &TestEnv, first: Result<Serving, String>) -> Result<Serving, String> {
    let (mut last, deadline) = (first, Instant::now() + CATCHING_UP);
    let Some(watch) = &env.watch else { return last };
    let mut before = watch.usage().ticks;
    while last.is_err() && Instant::now() < deadline {
        let started = Instant::now();
        last = check_liveness(env, false).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = watch.usage().ticks;
        // A tick is 10 ms. Stop if the process used less than 5 % of the time: it is not working, but waiting.
        if (now.saturating_sub(before)) * 10 < started.elapsed().as_millis() as u64 / 20 {
            break;
        }
        before = now;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::connection::FramingPair;
    use mychat_proto::Framing;

    #[test]
    fn only_a_server_that_has_died_often_is_waited_for_a_shorter_time() {
        let framing = FramingPair { send: Framing::Lf, receive: Framing::Lf };
        let env = |millis| TestEnv::new(([127, 0, 0, 1], 1).into(), framing, Duration::from_millis(millis), 1);
        let timeout = |millis, deaths| impatient(&env(millis), deaths).map(|env| env.timeout.as_millis());
        assert_eq!(timeout(2000, PROVEN_DEATHS - 1), None);
        assert_eq!(timeout(2000, PROVEN_DEATHS), Some(500));
        assert_eq!(timeout(2000, MANY_DEATHS), Some(200));
        assert_eq!(timeout(500, PROVEN_DEATHS), Some(400));
        assert_eq!(timeout(100, MANY_DEATHS), Some(100));
    }
}
