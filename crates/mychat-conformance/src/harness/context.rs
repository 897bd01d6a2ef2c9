//! The state of a running case: its actors' connections, the witness, and the observations so far.

use super::TestEnv;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::harness::connection::{CaseMembers, ConnConfig, ConnInbox, Connection, ConnectionEnd, ReceivedFrame};
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::pace::Awaited;
use crate::harness::transcript::{ConnectionTranscript, FrameRecord, Transcript};
use crate::harness::wire_log::{WireLine, WireLog};
use mychat_scenario::model::{Case, Step};
use mychat_scenario::template::actor_names::{ActorNames, nonce};

/// The shortest wait for the list that follows `CONNECT_ACK|OK`.
const LIST_WAIT: Duration = Duration::from_millis(300);
/// The wait for that list where it usually does not arrive.
const BRIEF_LIST_WAIT: Duration = Duration::from_millis(10);
/// The longest wait for the server to close the connections of a case.
const CLOSE_WAIT: Duration = Duration::from_millis(100);
/// The weight of a login without a list, against one with a list.
const MISSED: u32 = 2;

/// The state of one running case.
#[derive(Debug)]
pub(crate) struct CaseContext {
    /// The actors' names on the wire.
    pub names: ActorNames,
    /// The connections by actor.
    pub conns: BTreeMap<String, Connection>,
    /// A further user who sends and receives fences; no step names it.
    pub witness: Option<Connection>,
    pub env: TestEnv,
    /// Observations for the report.
    pub observed: Vec<String>,
    /// True if a step checked a reading that the profile declares.
    pub declared: bool,
    /// A profile line, `key: value`, that would accept the behaviour that failed.
    pub declare: Option<String>,
    /// The number of fences sent, which makes each of them unique.
    pub fences: u64,
    /// The number of lists that each actor had received when a user last left.
    pub(crate) stale_lists: BTreeMap<String, usize>,
    pub(crate) config: ConnConfig,
}

impl CaseContext {
    pub(crate) fn new(case: &Case, env: TestEnv) -> Self {
        let number = env.cases.fetch_add(1, Ordering::Relaxed);
        // Two simultaneous runs with the same seed must not use the same names, so the process id goes into them.
        let nonce =
            nonce(env.seed.wrapping_mul(7919).wrapping_add(u64::from(std::process::id()) * 104_729) + number * 37);
        let wire_log = WireLog::default();
        let config = ConnConfig {
            target: env.target,
            watch: env.watch.clone(),
            framing: env.framing,
            timeout: env.timeout,
            case: case.id.as_str().into(),
            monitors: env.monitors.clone(),
            wire_log,
            throttle: env.throttle.clone(),
            pace: env.pace.clone(),
            members: CaseMembers::new(&nonce),
            sent_invalid_utf8: Arc::default(),
            has_extensions: case.concerns_extensions(),
            may_send_long_lists: env.declared.get("list_over_limit").is_none_or(|reading| reading == "exceeds"),
        };
        let mut actors = BTreeSet::new();
        collect_actors(&case.steps, &mut actors);
        let actors: Vec<String> = actors.into_iter().collect();
        let mut names = ActorNames::new(&nonce, &actors);
        names.two_byte_ends = env.framing.send == mychat_proto::Framing::CrLf;
        Self {
            names,
            conns: BTreeMap::new(),
            witness: None,
            env,
            observed: Vec::new(),
            declared: false,
            declare: None,
            fences: 0,
            stale_lists: BTreeMap::new(),
            config,
        }
    }

    /// Returns a context for a dialogue outside of any case.
    pub(crate) fn without_case(id: &str, env: TestEnv) -> Self {
        Self::new(&Case::untold(id), env)
    }

    /// Returns the case as plain data, for the diagnosis.
    pub(crate) fn transcript(&self) -> Transcript {
        Transcript {
            connections: self.conns.iter().map(|(actor, conn)| record(actor, conn)).collect(),
            witness: self.witness.as_ref().map(|conn| record("witness", conn)),
            nonce: self.names.nonce().to_owned(),
            witness_name: self.names.known("zwitness").unwrap_or_default().to_owned(),
            malformed: self.env.monitors.mistake(&self.config.case),
            writes: self.config.wire_log.writes(),
            first_contact: Arc::clone(&self.env.first_contact),
        }
    }

    /// Returns the lines of the wire log so far.
    pub(crate) fn wire_lines(&self) -> Vec<WireLine> {
        self.config.wire_log.wire_lines(&self.names)
    }

    /// Returns the connection of an actor; inconclusive if the actor has none.
    pub(crate) fn conn(&mut self, actor: &str) -> Result<&mut Connection, CaseFailure> {
        self.conns.get_mut(actor).ok_or_else(|| CaseFailure::Inconclusive(format!("{actor} has no connection")))
    }

    /// Opens a connection without logging in. It is not stored in the context.
    pub(crate) async fn open(&self, actor: &str) -> Result<Connection, CaseFailure> {
        self.open_with_buffer(actor, None).await
    }

    /// As [`CaseContext::open`], with a receive buffer of `buffer` bytes.
    pub(crate) async fn open_with_buffer(&self, actor: &str, buffer: Option<u32>) -> Result<Connection, CaseFailure> {
        Connection::open(actor, &self.config, buffer).await.map_err(|error| CaseFailure::no_connection(&error))
    }

    /// As [`CaseContext::open`], as a future that does not borrow the context.
    pub(crate) fn open_detached(
        &self,
        actor: &str,
    ) -> impl Future<Output = std::io::Result<Connection>> + Send + 'static + use<> {
        let (actor, config) = (actor.to_owned(), self.config.clone());
        async move { Connection::open(&actor, &config, None).await }
    }

    /// Keeps the gap of the case's new connections apart from that of the other cases. For a case with many connections at the
    /// same time: they exceed most listen queues, which says nothing about connections one after the other.
    pub(crate) fn separate_throttle(&mut self) {
        self.config.throttle = self.config.throttle.separate();
    }

    /// Opens a connection, logs in with `name`, and waits a short time for the first list.
    pub(crate) async fn connect_as(&self, actor: &str, name: &str) -> Result<Connection, CaseFailure> {
        let mut conn = self.open(actor).await?;
        self.login(&mut conn, name).await?;
        Ok(conn)
    }

    /// Sends `CONNECT` and waits for `CONNECT_ACK|OK`, then a short time for the first list.
    pub(crate) async fn login(&self, conn: &mut Connection, name: &str) -> StepResult {
        let actor = conn.actor.to_string();
        let want = || format!("{actor} gets CONNECT_ACK|OK");
        if conn.send(format!("CONNECT|{name}").as_bytes()).await.is_err() {
            return Err(CaseFailure::fail(want(), "the connection was closed before CONNECT could be sent"));
        }
        let answered = conn.wait_until(self.env.timeout, |inbox| {
            (inbox.connect_replies > 0 || inbox.end.is_some()).then_some(inbox.logged_in)
        });
        if answered.await != Some(true) {
            let got = self.describe_last(conn);
            let inbox = conn.inbox();
            let frames = inbox.frames.iter().map(|frame| frame.bytes.clone()).collect();
            let (is_silent, is_closed) = (inbox.bytes == 0, inbox.end.is_some());
            drop(inbox);
            let failed = Evidence::LoginFailed { is_silent, is_closed, frames, sent: conn.sent.clone() };
            return Err(CaseFailure::fail(want(), got).with(failed));
        }
        for frame in &mut conn.inbox().frames {
            frame.consumed |= frame.bytes == b"CONNECT_ACK|OK";
        }
        self.await_first_list(conn).await;
        Ok(())
    }

    /// Waits a short time for the first list. A server may send `CONNECT_ACK|OK` before it registers the name; the list
    /// proves that the name is registered.
    pub(crate) async fn await_first_list(&self, conn: &Connection) {
        // Relaxed: the number is a hint that no other data depends on.
        let missed = self.env.no_list_on_join.load(Ordering::Relaxed);
        let pace = &self.env.pace;
        let wait = if missed >= MISSED * 2 {
            pace.brief_wait(BRIEF_LIST_WAIT)
        } else {
            pace.optional_wait(Awaited::List, LIST_WAIT.max(self.env.response_time * 3))
        };
        let is_listed = |inbox: &mut ConnInbox| inbox.list.is_some().then_some(());
        let listed = conn.wait_at_most_for(Awaited::List, wait, is_listed).await.is_some();
        // Lists that arrive in time restore the wait: a busy machine may have delayed one.
        let missed = if listed { missed.saturating_sub(1) } else { (missed + MISSED).min(MISSED * 3) };
        self.env.no_list_on_join.store(missed, Ordering::Relaxed);
    }

    /// Marks the lists received so far as stale, because a user is about to leave.
    pub(crate) fn mark_lists_stale(&mut self) {
        self.stale_lists = self.conns.iter().map(|(actor, conn)| (actor.clone(), conn.inbox().list_count())).collect();
    }

    /// Describes the last frame that no step expected, or the reason why there is none.
    pub(crate) fn describe_last(&self, conn: &Connection) -> String {
        let mut inbox = conn.inbox();
        let waiting = inbox.unfinished().to_vec();
        if !waiting.is_empty() {
            inbox.end_unfinished();
            return format!(
                "{} without a line end",
                self.names.humanize(&mychat_scenario::template::text::shown(&waiting))
            );
        }
        let last = inbox
            .frames
            .iter()
            .rev()
            .find(|frame| !frame.consumed)
            .map(|frame| mychat_scenario::template::text::shown(&frame.bytes));
        match (last, inbox.end) {
            (Some(frame), _) => self.names.humanize(&frame),
            (None, Some(ConnectionEnd::Flood)) => "more data than the limit of this tool".to_owned(),
            (None, Some(_)) => "the server closed the connection".to_owned(),
            (None, None) => format!("no reply {}", conn.waited()),
        }
    }

    /// Disconnects all open connections, so that the server releases their names before the next case.
    pub(crate) async fn disconnect_all(&mut self) {
        let mut conns: Vec<Connection> = std::mem::take(&mut self.conns).into_values().collect();
        conns.extend(self.witness.take());
        for conn in &mut conns {
            if conn.is_open() {
                conn.send_disconnect_now();
                conn.close_sending();
            }
        }
        let deadline = tokio::time::Instant::now() + self.env.pace.close_wait_after_leave(CLOSE_WAIT);
        for conn in conns.iter().filter(|conn| conn.is_user()) {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let ended = conn.wait_at_most(left, |inbox| inbox.end).await;
            self.env.pace.record_close_after_leave(ended.is_some());
        }
    }
}

fn record(actor: &str, conn: &Connection) -> ConnectionTranscript {
    let inbox = conn.inbox();
    let frame = |frame: &ReceivedFrame| FrameRecord { bytes: frame.bytes.clone(), consumed: frame.consumed };
    ConnectionTranscript {
        actor: actor.to_owned(),
        name: conn.name.clone(),
        sent: conn.sent.clone(),
        frames: inbox.frames.iter().map(frame).collect(),
        connect_replies: inbox.connect_replies,
        mistake: inbox.mistake(),
        closed_by_server: inbox.end.is_some(),
        closed_by_us: conn.is_closed_by_us(),
    }
}

fn collect_actors(steps: &[Step], actors: &mut BTreeSet<String>) {
    for step in steps {
        match step {
            Step::Connect(list) => actors.extend(list.iter().map(|(actor, _)| actor.clone())),
            Step::Open(actor) => {
                actors.insert(actor.clone());
            }
            Step::Together(steps) | Step::Control(steps) | Step::Repeat { steps, .. } | Step::IfOpen { steps, .. } => {
                collect_actors(steps, actors);
            }
            Step::Profile { is, otherwise, .. } => {
                for (_, steps) in is {
                    collect_actors(steps, actors);
                }
                collect_actors(otherwise, actors);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::connection::FramingPair;
    use mychat_proto::Framing;

    /// The text says nothing about lists that do not fit into a message, so that is a reading.
    #[test]
    fn lists_may_be_long_unless_the_profile_declares_another_reading() {
        let framing = FramingPair { send: Framing::Lf, receive: Framing::Lf };
        for (declared, may) in
            [(None, true), (Some("exceeds"), true), (Some("continued"), false), (Some("refused"), false)]
        {
            let declared = declared.map(|reading| ("list_over_limit".to_owned(), reading.to_owned()));
            let env = TestEnv {
                declared: Arc::new(declared.into_iter().collect()),
                ..TestEnv::new(([127, 0, 0, 1], 1).into(), framing, Duration::from_secs(1), 1)
            };
            let ctx = CaseContext::without_case("t", env);
            assert_eq!(ctx.config.may_send_long_lists, may);
        }
    }
}
