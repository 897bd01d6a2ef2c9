//! What waits for one socket, without the socket.
//!
//! ```text
//!   turn's log   ├──── broadcasts of this turn, one copy for all ────┤
//!                        ▲ cursor                                    ▲ end
//!   outbox       [ private bytes ] + [ log from the cursor on ] + [ list, if one is owed ]
//!                  └───────────────── one vectored write ─────────────────┘
//! ```
//!
//! A session that reads owns nothing of what is broadcast: its share is a cursor into the log. Only when its socket
//! takes no more is the rest copied into its private bytes, where `--send-queue` caps it. A list is state (rule L3): a
//! blocked session keeps the debt, not the bytes, and gets the newest list once it reads again.

use std::io::IoSlice;

use mychat_proto::EncodeError;

/// The broadcasts of the current turn, already framed. Positions count from the server's start, so that a cursor stays
/// right when the log is cleared.
#[derive(Debug, Default)]
pub struct Log {
    base: u64,
    bytes: Vec<u8>,
}

/// Capacity that a cleared log may keep.
const LOG_KEPT: usize = 512 * 1024;

impl Log {
    /// The position behind the last byte.
    pub const fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Bytes in the log.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends framed broadcasts.
    pub fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What a reader at `cursor` has not had yet.
    pub fn share(&self, cursor: u64) -> &[u8] {
        let from = cursor.saturating_sub(self.base).min(self.bytes.len() as u64) as usize;
        &self.bytes[from..]
    }

    /// Forgets the bytes; positions go on.
    pub fn clear(&mut self) {
        self.base = self.end();
        self.bytes.clear();
        self.bytes.shrink_to(LOG_KEPT);
    }
}

/// The cursor of a session that gets no broadcasts: it has no name, or it left.
const ABSENT: u64 = u64::MAX;

/// What waits for one socket; see the [module](self).
#[derive(Debug)]
pub struct Outbox {
    private: Vec<u8>,
    cursor: u64,
    owes_list: bool,
    blocked: bool,
    /// Whether the session is in its worker's list of those to flush.
    pub(crate) dirty: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { private: Vec::new(), cursor: ABSENT, owes_list: false, blocked: false, dirty: false }
    }
}

impl Outbox {
    /// From here on the session gets broadcasts.
    pub const fn join(&mut self, log: &Log) {
        self.cursor = log.end();
    }

    /// From here on it gets none; those up to here it still gets.
    pub fn leave(&mut self, log: &Log) {
        self.catch_up(log);
        self.cursor = ABSENT;
        self.owes_list = false;
    }

    /// Whether it gets broadcasts.
    pub const fn is_member(&self) -> bool {
        self.cursor != ABSENT
    }

    /// Whether its socket took less than it was offered, so that it must be waited for.
    pub const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Bytes that wait for this session alone.
    pub const fn waiting(&self) -> usize {
        self.private.len()
    }

    /// Appends a frame for this session alone, behind the broadcasts that came before it (rule M5).
    pub fn post(
        &mut self,
        log: &Log,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.catch_up(log);
        write(&mut self.private)
    }

    /// A list is due to this session.
    pub const fn owe_list(&mut self) {
        if self.is_member() {
            self.owes_list = true;
        }
    }

    /// Copies its share of the log: something is to follow it, or the log is about to be cleared while the socket is
    /// blocked.
    pub fn catch_up(&mut self, log: &Log) {
        if self.is_member() {
            self.private.extend_from_slice(log.share(self.cursor));
            self.cursor = log.end();
        }
    }

    /// What to write now: private bytes, share of the log, list.
    pub fn parts<'a>(&'a self, log: &'a Log, list: &'a [u8]) -> Parts<'a> {
        let share = if self.is_member() { log.share(self.cursor) } else { &[] };
        Parts([&self.private, share, if self.owes_list { list } else { &[] }])
    }

    /// The socket took the first `sent` bytes of [`Outbox::parts`]; what is left is kept, and the session is blocked.
    /// Returns whether nothing is left.
    pub fn sent(&mut self, sent: usize, log: &Log, list: &[u8]) -> bool {
        let share = if self.is_member() { log.share(self.cursor) } else { &[] };
        let of_private = sent.min(self.private.len());
        let of_share = (sent - of_private).min(share.len());
        let of_list = sent - of_private - of_share;
        self.blocked = false;
        if of_private == self.private.len() {
            // An idle user owns no buffer.
            self.private = Vec::new();
        } else {
            self.private.drain(..of_private);
            self.blocked = true;
        }
        if of_share < share.len() {
            self.private.extend_from_slice(&share[of_share..]);
            self.blocked = true;
        }
        if self.is_member() {
            self.cursor = log.end();
        }
        if self.owes_list && of_list == list.len() {
            self.owes_list = false;
        } else if self.owes_list {
            self.blocked = true;
            if of_list > 0 {
                // A list that was begun must be ended as it was (rule L4).
                self.private.extend_from_slice(&list[of_list..]);
                self.owes_list = false;
            }
        }
        !self.blocked
    }
}

/// The pieces of one write, in order; any of them may be empty.
#[derive(Debug)]
pub struct Parts<'a>([&'a [u8]; 3]);

impl<'a> Parts<'a> {
    /// Bytes in all.
    pub const fn len(&self) -> usize {
        self.0[0].len() + self.0[1].len() + self.0[2].len()
    }

    /// Whether there is nothing to write.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one piece that has bytes, if it is one: a plain write is cheaper than a vectored one.
    pub fn single(&self) -> Option<&'a [u8]> {
        let mut full = self.0.iter().filter(|part| !part.is_empty());
        match (full.next(), full.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// For a vectored write.
    pub fn slices(&self) -> [IoSlice<'a>; 3] {
        self.0.map(IoSlice::new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes as a socket that takes `room` bytes.
    fn flush(outbox: &mut Outbox, log: &Log, list: &[u8], room: usize, wire: &mut Vec<u8>) -> bool {
        let all = outbox.parts(log, list).0.concat();
        let sent = room.min(all.len());
        wire.extend_from_slice(&all[..sent]);
        outbox.sent(sent, log, list)
    }

    fn post(outbox: &mut Outbox, log: &Log, text: &str) {
        outbox
            .post(log, |out| {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn m5_a_private_frame_follows_the_broadcasts_before_it() {
        let (mut log, mut outbox, mut wire) = (Log::default(), Outbox::default(), Vec::new());
        log.append(b"before the join;");
        outbox.join(&log);
        log.append(b"one;");
        post(&mut outbox, &log, "private;");
        log.append(b"two;");
        assert!(flush(&mut outbox, &log, b"", usize::MAX, &mut wire));
        assert_eq!(wire, b"one;private;two;");
        assert!(outbox.parts(&log, b"").is_empty());
    }

    #[test]
    fn a_leaver_gets_what_came_before_and_nothing_after() {
        let (mut log, mut outbox, mut wire) = (Log::default(), Outbox::default(), Vec::new());
        outbox.join(&log);
        log.append(b"one;");
        outbox.leave(&log);
        outbox.owe_list();
        log.append(b"two;");
        assert!(flush(&mut outbox, &log, b"list;", usize::MAX, &mut wire));
        assert_eq!(wire, b"one;");
    }

    #[test]
    fn l3_a_blocked_reader_keeps_the_debt_and_gets_the_newest_list() {
        let (log, mut outbox, mut wire) = (Log::default(), Outbox::default(), Vec::new());
        outbox.join(&log);
        post(&mut outbox, &log, "12345678");
        outbox.owe_list();
        assert!(!flush(&mut outbox, &log, b"old list", 4, &mut wire));
        assert_eq!(outbox.waiting(), 4, "the list is owed, not copied");
        assert!(flush(&mut outbox, &log, b";new list", usize::MAX, &mut wire));
        assert_eq!(wire, b"12345678;new list");
    }

    #[test]
    fn l4_a_list_that_was_begun_is_ended_as_it_was() {
        let (log, mut outbox, mut wire) = (Log::default(), Outbox::default(), Vec::new());
        outbox.join(&log);
        outbox.owe_list();
        assert!(!flush(&mut outbox, &log, b"old list", 4, &mut wire));
        outbox.owe_list();
        assert!(flush(&mut outbox, &log, b";new list", usize::MAX, &mut wire));
        assert_eq!(wire, b"old list;new list");
    }

    proptest! {
        #[test]
        fn whatever_the_socket_takes_nothing_is_lost_doubled_or_swapped(
            steps in proptest::collection::vec((0..3u8, 0..12usize, 0..20usize), 0..60)
        ) {
            let (mut log, mut outbox, mut wire, mut expected) = (Log::default(), Outbox::default(), vec![], String::new());
            outbox.join(&log);
            for (k, (kind, size, room)) in steps.into_iter().enumerate() {
                let text = format!("{k}:{};", "x".repeat(size));
                match kind {
                    0 => log.append(text.as_bytes()),
                    1 => post(&mut outbox, &log, &text),
                    _ => {
                        flush(&mut outbox, &log, b"", room, &mut wire);
                        log.clear();
                        continue;
                    }
                }
                expected += &text;
            }
            flush(&mut outbox, &log, b"", usize::MAX, &mut wire);
            prop_assert_eq!(String::from_utf8(wire).unwrap(), expected);
        }
    }
}
