//! Outsiders: two new users who exchange a message while a connection is silent, in a case without a user who could send a
//! fence. The arrival of that message shows that neither the server nor this machine is busy.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{CaseMembers, ConnConfig, ConnInbox, Connection};
use crate::harness::monitor::Monitors;
use crate::harness::pace::FenceResult;
use crate::harness::wire_log::WireLog;
use mychat_scenario::template::actor_names::nonce;

/// The number of outsiders so far, which makes their names unique in this process.
static OUTSIDERS: AtomicU64 = AtomicU64::new(0);
/// The factor of the process id in a name, so that two runs at the same time use different names.
const PER_PROCESS: u64 = 1009;
/// The longest wait for the server to close the connections of outsiders.
const CLOSE_WAIT: Duration = Duration::from_millis(100);

impl Connection {
    /// Logs in two outsiders and sends a message from one to the other. Waits at most the timeout for each reply. Their frames
    /// belong to no case: neither its transcript nor the monitors have them.
    pub(super) async fn exchange_between_outsiders(&self) -> FenceResult {
        let started = Instant::now();
        let mut pair = Vec::with_capacity(2);
        for _ in 0..2 {
            match self.outsider().await {
                Some(conn) => pair.push(conn),
                None => return FenceResult::Impossible,
            }
        }
        let [one, other] = pair.as_mut_slice() else { return FenceResult::Impossible };
        let name = other.name.clone().unwrap_or_default();
        let content = format!("beside{name}");
        if one.send(format!("MESSAGE|{name}|{content}").as_bytes()).await.is_err() {
            return FenceResult::Impossible;
        }
        let arrives = |inbox: &mut ConnInbox| {
            if inbox.has_bytes(content.as_bytes()) { Some(true) } else { inbox.end.map(|_| false) }
        };
        let has_arrived = other.wait_at_most(self.config.timeout, arrives).await == Some(true);
        let taken = started.elapsed();
        leave(pair, self.config.pace.close_wait_after_leave(CLOSE_WAIT)).await;
        if has_arrived { FenceResult::OthersServed(taken) } else { FenceResult::Impossible }
    }

    /// Logs in an outsider; `None` if the server refuses it.
    async fn outsider(&self) -> Option<Connection> {
        let config = ConnConfig {
            monitors: Monitors::default(),
            wire_log: WireLog::default(),
            members: CaseMembers::new("beside"),
            ..self.config.clone()
        };
        let number = OUTSIDERS.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id()) * PER_PROCESS;
        // Without the nonce of the case, so that no step takes it for one of its users.
        let name = format!("zbeside{}", nonce(number));
        let mut conn = Connection::open("outsider", &config, None).await.ok()?;
        conn.send(format!("CONNECT|{name}").as_bytes()).await.ok()?;
        let logged_in = |inbox: &mut ConnInbox| {
            if inbox.logged_in || inbox.has_bytes(b"CONNECT_ACK|OK") { Some(true) } else { inbox.end.map(|_| false) }
        };
        (conn.wait_at_most(self.config.timeout, logged_in).await == Some(true)).then_some(conn)
    }
}

/// Disconnects outsiders, so that the server releases their names. Waits at most `close_wait` for the ends of their connections.
async fn leave(mut pair: Vec<Connection>, close_wait: Duration) {
    for conn in &mut pair {
        conn.send_disconnect_now();
        conn.close_sending();
    }
    let deadline = Instant::now() + close_wait;
    for conn in &pair {
        conn.wait_at_most(deadline.saturating_duration_since(Instant::now()), |inbox| inbox.end).await;
    }
}
