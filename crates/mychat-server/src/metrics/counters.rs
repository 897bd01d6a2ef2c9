//! The counters of a server: one definition each, with the name and help text on the metrics page.

use std::time::Duration;

use mychat_proto::ErrorCode;
use strum::VariantArray as _;

/// The reason for the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum EndReason {
    /// The peer sent `DISCONNECT` (§3.3.4).
    Disconnect,
    /// The peer closed its side.
    Closed,
    /// The connection broke.
    Broken,
    /// No name within the handshake deadline (rule U5).
    Handshake,
    /// Too many bytes without a terminator (rule F5).
    Overrun,
    /// More bytes waited for the user than `--send-queue` or `--send-total` allows (rule M6).
    QueueFull,
    /// Nothing of what waited for the user was taken for `--send-timeout` (rule M6).
    Stalled,
    /// The server or the peer's address had too many connections or users.
    Refused,
    /// The server stopped.
    Shutdown,
}

impl EndReason {
    /// All reasons, in the order of their counters.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the name on the metrics page and in the log.
    pub fn text(self) -> &'static str {
        self.into()
    }
}

/// A counter that is a metric of its own.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    /// The type in Prometheus's format.
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
    pub(super) counter: Counter,
}

macro_rules! counters {
    ($($variant:ident: $kind:ident $name:literal $help:literal;)*) => {
        /// A counter or gauge. A gauge goes down by wrapping subtraction.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Counter {
            $(#[doc = $help] $variant,)*
            /// Deliveries to a recipient that left while the message went from worker to worker.
            DroppedGone,
            /// Sessions that ended for this reason.
            Ended(EndReason),
            /// Deliveries that a session did not get because it ended for this reason.
            Dropped(EndReason),
            /// `ERROR` replies with this code.
            Error(ErrorCode),
            /// Broadcasts by the time from their read to their last enqueue. The number is the index of the smallest
            /// bound of `LATENCY` that is not exceeded, or `LATENCY.len()`.
            Took(usize),
        }

        /// The metrics of a single counter each, in the order of the page.
        pub(super) const FAMILIES: &[Family] =
            &[$(Family { name: $name, kind: stringify!($kind), help: $help, counter: Counter::$variant },)*];

        /// The counters without a reason, code or bound; gives each of them its index.
        enum Plain {
            $($variant,)*
            DroppedGone,
        }

        impl Counter {
            /// Returns the index of the counter, below [`COUNTS`].
            pub(super) const fn index(self) -> usize {
                match self {
                    $(Self::$variant => Plain::$variant as usize,)*
                    Self::DroppedGone => Plain::DroppedGone as usize,
                    Self::Ended(end) => ENDED + end as usize,
                    Self::Dropped(end) => DROPPED + end as usize,
                    Self::Error(code) => ERRORS + code as usize,
                    Self::Took(bound) => TOOK + bound,
                }
            }
        }
    };
}

counters! {
    Accepted: counter "connections_accepted_total" "Connections accepted.";
    Connections: gauge "connections" "Connections that are open.";
    Users: gauge "users" "Users that have a name.";
    Overrun: counter "connections_overrun_total" "Connections closed without a word: no room even for that.";
    AcceptFailed: counter "accept_failures_total" "Times that no descriptor or memory was left.";
    BytesIn: counter "received_bytes_total" "Bytes read from peers.";
    BytesOut: counter "sent_bytes_total" "Bytes that sockets took.";
    FramesIn: counter "frames_received_total" "Frames read, empty ones not counted.";
    Broadcasts: counter "broadcasts_total" "Broadcasts accepted.";
    Privates: counter "private_messages_total" "Private messages accepted.";
    Owed: counter "deliveries_owed_total" "One for each recipient of each accepted message.";
    Delivered: counter "deliveries_total" "Deliveries that the recipient's socket took.";
    RoomMessages: counter "room_messages_total" "Messages accepted in chat rooms.";
    RoomOwed: counter "room_deliveries_owed_total" "One for each recipient of each room message.";
    Rooms: gauge "rooms" "Chat rooms.";
    Memberships: gauge "room_memberships" "Members over all chat rooms.";
    Waiting: gauge "deliveries_waiting" "Deliveries that wait for a full socket.";
    QueueBytes: gauge "queue_bytes" "Bytes that wait for full sockets.";
    ListBytes: counter "list_bytes_total" "Bytes of user lists, over all recipients.";
    TooFast: counter "too_fast_total" "Times that a rate was exceeded.";
}

const ENDED: usize = Plain::DroppedGone as usize + 1;
const DROPPED: usize = ENDED + EndReason::ALL.len();
const ERRORS: usize = DROPPED + EndReason::ALL.len();
const TOOK: usize = ERRORS + ErrorCode::ALL.len();

/// The number of counters.
pub(super) const COUNTS: usize = TOOK + LATENCY.len() + 1;

/// Upper bounds of a broadcast's latency in microseconds.
pub(crate) const LATENCY: [u64; 12] =
    [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000, 250_000, 1_000_000];

impl Counter {
    /// Returns the counter of broadcasts with this latency.
    pub fn took(latency: Duration) -> Self {
        let micros = latency.as_micros() as u64;
        Self::Took(LATENCY.partition_point(|&bound| bound < micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_an_index_of_its_own() {
        let mut all: Vec<usize> = (0..=LATENCY.len()).map(|bound| Counter::Took(bound).index()).collect();
        all.extend(EndReason::ALL.iter().flat_map(|&end| [Counter::Ended(end).index(), Counter::Dropped(end).index()]));
        all.extend(ErrorCode::ALL.iter().map(|&code| Counter::Error(code).index()));
        all.extend(FAMILIES.iter().map(|family| family.counter.index()));
        all.push(Counter::DroppedGone.index());
        all.sort_unstable();
        assert_eq!(all, (0..COUNTS).collect::<Vec<_>>());
    }

    #[test]
    fn a_latency_is_counted_under_the_first_bound_that_holds_it() {
        assert_eq!(Counter::took(Duration::from_micros(50)), Counter::Took(0));
        assert_eq!(Counter::took(Duration::from_micros(51)), Counter::Took(1));
        assert_eq!(Counter::took(Duration::from_secs(2)), Counter::Took(LATENCY.len()));
    }
}
