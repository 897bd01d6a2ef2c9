//! The connections of one case, as far as ring fences need to know them.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mychat_proto::Framing;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{RAW_GAP, ReaderState, contains};
use crate::harness::pace::FenceResult;

/// The connections of one case. Clones share the list.
#[derive(Debug, Clone)]
pub(crate) struct CaseMembers {
    list: Arc<Mutex<Vec<Arc<Member>>>>,
    /// The number of ring fences sent, which makes each of them unique.
    fences: Arc<AtomicU64>,
    fence_prefix: Arc<str>,
    /// The start and the result of the last ring fence. The lock is held while one is on its way.
    latest_fence: Arc<tokio::sync::Mutex<LatestFence>>,
    /// True if this side ended a connection without `DISCONNECT`.
    has_break: Arc<AtomicBool>,
    /// The number of messages sent; each KiB counts as one, too.
    messages: Arc<AtomicU32>,
}

type LatestFence = Option<(Instant, FenceResult)>;

/// One connection of a case.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) actor: Arc<str>,
    state: Mutex<MemberState>,
    reader: Weak<ReaderState>,
}

#[derive(Debug)]
struct MemberState {
    /// Upgrades until this side ends the connection.
    stream: Weak<TcpStream>,
    /// The name of its last `CONNECT`.
    name: Option<String>,
    /// True if the last write ended with a whole frame.
    ends_frame: bool,
    /// The number of writes with a `CONNECT`: after a second one, it is open which name the server knows.
    connects: u32,
    /// True if `DISCONNECT` was sent or the connection was ended.
    is_leaving: bool,
    last_write: Option<Instant>,
}

/// A member that can send a ring fence and receive one.
#[derive(Debug, Clone)]
pub(super) struct Participant {
    pub(super) member: Arc<Member>,
    pub(super) name: String,
    pub(super) stream: Arc<TcpStream>,
    pub(super) reader: Arc<ReaderState>,
}

/// The list is pruned when it is longer than this.
const MANY: usize = 256;

impl CaseMembers {
    /// Creates an empty list for the case with this nonce.
    pub(crate) fn new(nonce: &str) -> Self {
        let fence_prefix = format!("fence-{nonce}-w").into();
        Self {
            list: Arc::default(),
            fences: Arc::default(),
            fence_prefix,
            latest_fence: Arc::default(),
            has_break: Arc::default(),
            messages: Arc::default(),
        }
    }

    /// Returns about how many messages the case has sent. Each KiB counts as one, too.
    pub(super) fn messages_sent(&self) -> u32 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Counts the messages in a write.
    pub(super) fn count_messages(&self, bytes: &[u8]) {
        let messages = 1 + memchr::memchr_iter(b'\n', bytes).count() + bytes.len() / 1024;
        self.messages.fetch_add(u32::try_from(messages).unwrap_or(u32::MAX >> 8), Ordering::Relaxed);
    }

    /// Returns the beginning of the content of all ring fences of the case.
    pub(super) fn fence_prefix(&self) -> Arc<str> {
        Arc::clone(&self.fence_prefix)
    }

    /// Returns the number and the content of a new ring fence.
    pub(super) fn next_fence(&self) -> (u64, String) {
        let number = self.fences.fetch_add(1, Ordering::Relaxed);
        (number, format!("{}{number:x}.", self.fence_prefix))
    }

    /// Waits until no ring fence is on its way, and returns the last one.
    pub(super) async fn latest_fence(&self) -> tokio::sync::MutexGuard<'_, LatestFence> {
        self.latest_fence.lock().await
    }

    /// Returns true if this side ended a connection of the case without `DISCONNECT`.
    pub(super) fn has_break(&self) -> bool {
        self.has_break.load(Ordering::Relaxed)
    }

    /// Adds a connection.
    pub(super) fn add(&self, actor: &Arc<str>, stream: &Arc<TcpStream>, reader: &Arc<ReaderState>) -> Arc<Member> {
        let state = MemberState {
            stream: Arc::downgrade(stream),
            name: None,
            ends_frame: true,
            connects: 0,
            is_leaving: false,
            last_write: None,
        };
        let member =
            Arc::new(Member { actor: Arc::clone(actor), state: Mutex::new(state), reader: Arc::downgrade(reader) });
        let mut list = self.lock();
        if list.len() > MANY && list.len().is_power_of_two() {
            list.retain(|member| member.reader.strong_count() > 0);
        }
        list.push(Arc::clone(&member));
        member
    }

    /// Returns the members that can take part in a ring fence. The flag is true if no other member has sent anything within
    /// the last `timeout`.
    pub(super) fn participants(&self, framing: Framing, timeout: Duration) -> (Vec<Participant>, bool) {
        let (mut participants, mut is_complete) = (Vec::new(), true);
        for member in self.lock().iter() {
            match member.participant(framing) {
                Some(participant) => participants.push(participant),
                None => is_complete &= member.is_settled(timeout),
            }
        }
        (participants, is_complete)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Member>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn lock(&self) -> MutexGuard<'_, MemberState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a write.
    pub(super) fn record_write(&self, bytes: &[u8], name: Option<&str>, framing: Framing) {
        let mut state = self.lock();
        if state.name.as_deref() != name {
            state.name = name.map(str::to_owned);
        }
        state.ends_frame = !framing.is_terminated() || bytes.ends_with(b"\n");
        state.connects += u32::from(contains(bytes, b"CONNECT|"));
        state.is_leaving |= contains(bytes, b"DISCONNECT");
        state.last_write = Some(Instant::now());
    }

    /// Records that a write may have ended inside a frame.
    pub(super) fn record_incomplete_write(&self) {
        self.lock().ends_frame = false;
    }

    /// Records that this side ends the connection or its sending direction.
    pub(super) fn record_end(&self, members: &CaseMembers) {
        let mut state = self.lock();
        if !state.is_leaving {
            members.has_break.store(true, Ordering::Relaxed);
        }
        state.is_leaving = true;
        state.last_write = Some(Instant::now());
    }

    fn participant(self: &Arc<Self>, framing: Framing) -> Option<Participant> {
        let state = self.lock();
        let pauses = framing.is_terminated() || state.last_write.is_none_or(|at| at.elapsed() > RAW_GAP);
        if state.is_leaving || !state.ends_frame || state.connects > 1 || !pauses {
            return None;
        }
        // The server may have changed any other name.
        let name = state.name.clone().filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
        let (stream, reader) = (state.stream.upgrade()?, self.reader.upgrade()?);
        let is_user = {
            let inbox = reader.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            inbox.logged_in && inbox.end.is_none() && !reader.paused.load(Ordering::SeqCst)
        };
        is_user.then(|| Participant { member: Arc::clone(self), name, stream, reader })
    }

    /// Returns true if everything that this connection sent is at least `timeout` old.
    fn is_settled(&self, timeout: Duration) -> bool {
        self.lock().last_write.is_none_or(|at| at.elapsed() > timeout)
    }
}
