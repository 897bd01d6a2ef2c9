//! Every limit, timeout and policy of the server: its name, its unit, its default.

use std::num::NonZeroUsize;
use std::time::Duration;

use mychat_proto::Framing;

/// Where the server listens when nothing else is said.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:5000";

/// What a server is told before it opens a port. Nothing in it changes afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on, `HOST:PORT` each; a host name or a literal address, port 0 for any free port.
    pub listen: Vec<String>,
    /// How the end of a frame is told (rule F2).
    pub framing: Framing,
    /// How many threads own users.
    pub workers: NonZeroUsize,
    /// Who is let in.
    pub admission: Admission,
    /// What happens to a user who does not read (rule M6).
    pub send: SendLimit,
    /// How fast user lists may be repeated to everybody, in bytes per second over all recipients (rule L3).
    pub roster_budget: NonZeroUsize,
    /// How long a stop waits for output to be read before it closes what is left.
    pub shutdown_timeout: Duration,
}

/// Who is let in, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Users with a name at one time; `None` leaves it to the number of descriptors.
    pub max_users: Option<NonZeroUsize>,
    /// Connections from one address at one time; `None` for any number.
    pub max_per_address: Option<NonZeroUsize>,
    /// Time from the accept to a name, absolute: nothing a peer sends extends it (rule U5).
    pub handshake_timeout: Duration,
}

/// When a user who does not read is disconnected (rule M6). Both limits hold at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimit {
    /// Bytes that may wait for one user beyond what the kernel has taken.
    pub queue: usize,
    /// Time for which output may wait without one byte of it being taken.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![DEFAULT_LISTEN.to_owned()],
            framing: Framing::Lf,
            workers: NonZeroUsize::MIN,
            admission: Admission::default(),
            send: SendLimit::default(),
            roster_budget: const { NonZeroUsize::new(128 * 1024 * 1024).expect("not zero") },
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self { max_users: None, max_per_address: None, handshake_timeout: Duration::from_secs(10) }
    }
}

impl Default for SendLimit {
    fn default() -> Self {
        Self { queue: 1024 * 1024, timeout: Duration::from_secs(10) }
    }
}
