//! The liveness check of a run: repeated, because a busy machine or a busy server may delay it.

use std::time::{Duration, Instant};

use crate::harness::TestEnv;
use crate::harness::liveness::{Serving, check_liveness};

/// The time for a busy server to finish earlier work and serve new users again.
const CATCHING_UP: Duration = Duration::from_secs(40);

/// The shortest wait for a user to be served.
const SHORTEST: Duration = Duration::from_millis(400);
/// After this many deaths of the server, the next one is recognised after a shorter wait.
const PROVEN_DEATHS: usize = 2;

/// Checks that a server that has died `deaths` times still serves users. If it died often, the wait is shorter: the verdict is
/// known, and a server that dies in every other check would take minutes.
pub(super) async fn check_still_serving(
    env: &TestEnv,
    tries_broadcast: bool,
    deaths: usize,
) -> Result<Serving, String> {
    if deaths < PROVEN_DEATHS {
        return check_serving(env, tries_broadcast).await;
    }
    let impatient = TestEnv { timeout: (env.timeout / 4).max(SHORTEST).min(env.timeout), ..env.clone() };
    let first = check_liveness(&impatient, tries_broadcast).await;
    if first.is_ok() { first } else { check_liveness(&impatient, tries_broadcast).await }
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
pub(super) async fn check_serving_at_end(env: &TestEnv) -> Result<Serving, String> {
    let liveness = check_serving(env, false).await;
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
