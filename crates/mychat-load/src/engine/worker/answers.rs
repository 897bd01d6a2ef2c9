//! Answers that never came, looked for when a visit is over.

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::user::Owed;
use crate::engine::wire::Wire;
use crate::plan::{Nanos, nanos};
use crate::record::recorder::{LatencyMetric as Timed, Place};
use crate::record::session::SessionEnd;

/// What was asked for so shortly before the end may have been under way, whatever else came back.
const UNDER_WAY: Nanos = 100_000_000;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Counts the answers that were due in the present visit and did not come. Where it lasts to the end of the run that is
    /// all of them. Who left, or was thrown out, may have missed what was under way: due is what was asked for longer ago
    /// than the patience for an answer, or before a message of the user's own that has come back to it.
    pub(super) fn miss_answers(&mut self, index: usize, now: Nanos) {
        let owed = std::mem::take(&mut self.users[index].owed);
        let user = &self.users[index];
        let Some(visit) = user.visit.as_deref().filter(|_| !owed.is_empty()) else { return };
        let (shared, leaving) = (&self.desk.shared, visit.leaving.unwrap_or(Nanos::MAX));
        let was_due = |owed: &&Owed| {
            let asked = shared.sent[user.id as usize].get(owed.sequence).map_or(0, |sent| sent.at * 1000);
            let ago = leaving.saturating_sub(asked);
            let in_time = ago > nanos(shared.timeout) || (owed.passed && ago > UNDER_WAY);
            match visit.end {
                SessionEnd::Stayed => true,
                SessionEnd::Left(_) => in_time,
                SessionEnd::Closed | SessionEnd::Provoked => in_time && !user.is_answered_by_the_end(owed, shared),
            }
        };
        let missed: Vec<(Place, Nanos)> = owed.iter().filter(was_due).map(|owed| (owed.place, owed.intended)).collect();
        let id = user.id;
        for (place, intended) in missed {
            // The least that it would have taken: left out, it would make the others look good.
            self.desk.recorder.time(place, Timed::Ack, now.saturating_sub(intended));
            self.wrong_reply(place, id, &|| "an answer was due and never came".to_owned(), &[]);
        }
    }
}
