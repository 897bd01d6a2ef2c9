//! The replies that a server owes to one user.

use std::collections::VecDeque;

use crate::engine::verbatim::VerbatimFrame;
use crate::plan::{Nanos, RunTime};
use crate::record::recorder::Place;

/// Replies that have not arrived, in the order of their requests.
#[derive(Debug, Default)]
pub(in crate::engine) struct PendingReplies {
    queue: VecDeque<PendingReply>,
    /// Time of the last error that was due. Rule F5 lets it close the connection as well.
    error_at: Option<RunTime>,
}

/// A reply that has not arrived.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct PendingReply {
    pub(in crate::engine) expected: ExpectedReply,
    /// Sequence number of the message that asked for it.
    pub(in crate::engine) sequence: u32,
    /// True once a later message of the same user has come back to it: a server that keeps the order would have replied
    /// before that.
    pub(in crate::engine) overtaken: bool,
    /// Due time of the request.
    pub(in crate::engine) intended: RunTime,
    pub(in crate::engine) place: Place,
}

/// The kind of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum ExpectedReply {
    /// `ERROR|404` alone (rule M2).
    NotFound,
    /// Any `ERROR`, or the end of the connection (rules F5, F6).
    AnyError,
    /// A reply listed in the group's `frame` action of this index.
    Verbatim(u16),
}

impl PendingReplies {
    #[inline]
    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(in crate::engine) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(in crate::engine) fn push(&mut self, reply: PendingReply) {
        self.queue.push_back(reply);
    }

    /// Removes the first reply that matches; one that was overtaken only where no other matches.
    pub(in crate::engine) fn take_first(&mut self, matches: impl Fn(&PendingReply) -> bool) -> Option<PendingReply> {
        let first =
            |overtaken: bool| self.queue.iter().position(|reply| reply.overtaken == overtaken && matches(reply));
        let at = first(false).or_else(|| first(true))?;
        self.queue.remove(at)
    }

    /// Removes all replies.
    pub(in crate::engine) fn take_all(&mut self) -> VecDeque<PendingReply> {
        std::mem::take(&mut self.queue)
    }

    /// Marks the replies to messages before `sequence` as overtaken: that message of the user has come back to it.
    pub(in crate::engine) fn mark_overtaken(&mut self, sequence: u32) {
        for reply in self.queue.iter_mut().filter(|reply| reply.sequence < sequence) {
            reply.overtaken = true;
        }
    }

    /// Notes an error reply at `now`.
    pub(in crate::engine) fn note_error(&mut self, now: RunTime) {
        self.error_at = Some(now);
    }

    /// Forgets the error reply noted last: it belongs to a connection that is over.
    pub(in crate::engine) fn forget_error(&mut self) {
        self.error_at = None;
    }

    /// Returns true if the server may close the connection at `now`: instead of a reply, or up to `timeout` after an error.
    pub(in crate::engine) fn may_close(
        &self,
        verbatim: &[Option<VerbatimFrame>],
        (now, timeout): (RunTime, Nanos),
    ) -> bool {
        self.queue.iter().any(|reply| reply.may_be_close(verbatim))
            || self.error_at.is_some_and(|at| now < at + timeout)
    }
}

impl PendingReply {
    /// Returns true if the server may close the connection instead of sending this reply. `verbatim` are the frames of the
    /// user's group, by action.
    pub(in crate::engine) fn may_be_close(&self, verbatim: &[Option<VerbatimFrame>]) -> bool {
        match self.expected {
            ExpectedReply::NotFound => false,
            ExpectedReply::AnyError => true,
            ExpectedReply::Verbatim(action) => {
                verbatim[usize::from(action)].as_ref().is_some_and(VerbatimFrame::may_close)
            }
        }
    }
}
