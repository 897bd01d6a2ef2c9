//! Replies that never came, counted at the end of a session.

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::user::{PendingReply, RoomRequest};
use crate::engine::wire::Wire;
use crate::plan::{Nanos, RunTime};
use crate::record::recorder::{LatencyMetric, Place};
use crate::record::session::UserSessionEnd;

/// A reply to a request this shortly before the end may still have been in flight, even if a later message came back.
const IN_FLIGHT: Nanos = 100_000_000;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Counts the replies that were due in the current session and did not come. In a session that lasts to the end of the
    /// run these are all. Otherwise the last ones may have been in flight: a reply was due if its request is older than the
    /// reply timeout, or if a later message of the user has come back to it.
    pub(super) fn count_missing_replies(&mut self, index: usize, now: RunTime) {
        let pending = self.users[index].replies.take_all();
        let user = &self.users[index];
        let Some(session) = user.session.as_deref().filter(|_| !pending.is_empty()) else { return };
        let (shared, leaving) = (&self.recording.shared, session.leaving_at.unwrap_or(RunTime::MAX));
        let verbatim = &shared.verbatim[user.group.index()];
        let was_due = |reply: &&PendingReply| {
            let requested_at = shared.sent[user.id.index()].get(reply.sequence).map_or(RunTime::ZERO, |sent| sent.at);
            let age = leaving.since(requested_at);
            let in_time = age > self.reply_timeout() || (reply.overtaken && age > IN_FLIGHT);
            match session.end {
                UserSessionEnd::Stayed => true,
                UserSessionEnd::Left(_) => in_time,
                UserSessionEnd::Closed | UserSessionEnd::Provoked => in_time && !reply.may_be_close(verbatim),
            }
        };
        let missed: Vec<(Place, RunTime)> =
            pending.iter().filter(was_due).map(|reply| (reply.place, reply.intended)).collect();
        let id = user.id;
        for (place, intended) in missed {
            // The latency would have been at least this. Without the sample the percentiles would look better than they are.
            self.recording.recorder.time(place, LatencyMetric::Ack, now.since(intended));
            self.recording.wrong_reply(place, id, &|| "a reply was due and never arrived".to_owned(), &[]);
        }
    }

    /// Leaves all rooms, and counts the requests about rooms that were not answered: those of a session that lasts to the end
    /// of the run, and otherwise those that are older than the reply timeout.
    pub(super) fn count_missing_room_answers(&mut self, index: usize, now: RunTime) {
        let timeout = self.reply_timeout();
        let user = &mut self.users[index];
        let requests = user.rooms.as_mut().map(|rooms| rooms.reset()).unwrap_or_default();
        let Some(session) = user.session.as_deref() else { return };
        let (id, end, leaving) = (user.id, session.end, session.leaving_at.unwrap_or(now));
        let was_due =
            |request: &RoomRequest| end == UserSessionEnd::Stayed || leaving.since(request.intended) > timeout;
        for RoomRequest { kind, intended, place } in requests.into_iter().filter(was_due) {
            self.recording.recorder.time(place, LatencyMetric::Ack, now.since(intended));
            self.recording.wrong_reply(place, id, &|| format!("{} was never answered", kind.verb()), &[]);
        }
    }
}
