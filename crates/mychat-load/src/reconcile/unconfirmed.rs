//! Messages of which nobody can tell if the server ever read them.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::sent_index::SentIndex;
use crate::plan::UserId;
use crate::record::session::UserSession;

/// By sender: the sequence numbers that followed the last message known to be delivered before an abrupt end.
///
/// A reset connection, or one that the server closed, may drop what its user sent last. Such messages are uncertain: they
/// are neither owed nor lost.
#[derive(Debug, Default)]
pub(super) struct UnconfirmedTails(FxHashMap<UserId, Vec<Range<u32>>>);

impl UnconfirmedTails {
    /// Finds the tail of each session that ended abruptly.
    pub(super) fn new<'s>(index: &SentIndex, sessions: impl Iterator<Item = &'s UserSession> + Clone) -> Self {
        let mut tails: FxHashMap<UserId, Vec<Range<u32>>> = FxHashMap::default();
        for session in sessions.clone().filter(|s| s.end.may_drop_last_messages() && !s.sequences.is_empty()) {
            tails.entry(session.user).or_default().push(session.sequences.clone());
        }
        for session in sessions {
            for (&sender, ranges) in &mut tails {
                let Some(stream) = session.inbox.from(sender) else { continue };
                let in_rooms = index.says_of(sender);
                let says = in_rooms.flat_map(|(room, entries)| stream.in_room(room).map(move |got| (entries, got)));
                let sent = [
                    (index.broadcasts_of(sender), &stream.broadcasts),
                    (index.privates_of(sender, session.user), &stream.privates),
                ];
                for (entries, received) in sent.into_iter().chain(says) {
                    for range in ranges.iter_mut() {
                        let end = entries.partition_point(|entry| entry.sequence < range.end) as u32;
                        if let Some(last) = received.last_before(end).and_then(|index| entries.get(index as usize)) {
                            range.start = range.start.max(last.sequence + 1);
                        }
                    }
                }
            }
        }
        Self(tails)
    }

    /// Returns the tails of `sender`.
    pub(super) fn of(&self, sender: UserId) -> &[Range<u32>] {
        self.0.get(&sender).map_or(&[], Vec::as_slice)
    }
}
