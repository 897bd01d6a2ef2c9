//! Where a case is played: its actors with their lines, a witness, and what is known of the server.

use super::TestEnv;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::harness::connection::{ConnConfig, Connection, End, ReceivedFrame};
use crate::harness::failure::{CaseFailure, Evidence, StepResult};
use crate::harness::transcript::{ConnectionTranscript, FrameRecord, Transcript};
use crate::harness::wire_log::{WireLine, WireLog};
use mychat_scenario::model::{Case, Step};
use mychat_scenario::template::actor_names::{ActorNames, nonce};

/// How long the list behind a welcome is waited for.
const LIST_WAIT: Duration = Duration::from_millis(300);

/// The stage of one case.
#[derive(Debug)]
pub(crate) struct CaseContext {
    /// The names.
    pub names: ActorNames,
    /// The actors' lines.
    pub conns: BTreeMap<String, Connection>,
    /// A user whom the case does not know, for fences.
    pub witness: Option<Connection>,
    /// What the run knows.
    pub env: TestEnv,
    /// What was observed, in words.
    pub observed: Vec<String>,
    /// Whether a declared reading was asked for.
    pub declared: bool,
    /// What could be declared to accept what was not.
    pub declare: Option<String>,
    /// Fences so far.
    pub fences: u64,
    /// How many lists each had got when somebody was last told to leave.
    pub(crate) stale_lists: BTreeMap<String, usize>,
    pub(crate) config: ConnConfig,
}

impl CaseContext {
    pub(crate) fn new(case: &Case, env: TestEnv) -> Self {
        let number = env.cases.fetch_add(1, Ordering::Relaxed);
        // Two runs at once with one seed must not meet, so the process goes into the names.
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
            sent_invalid_utf8: Arc::default(),
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

    /// A stage for a dialogue that is no case.
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
        }
    }

    /// Returns the lines of the wire log so far.
    pub(crate) fn wire_lines(&self) -> Vec<WireLine> {
        self.config.wire_log.wire_lines(&self.names)
    }

    /// The line of an actor.
    pub(crate) fn conn(&mut self, actor: &str) -> Result<&mut Connection, CaseFailure> {
        self.conns.get_mut(actor).ok_or_else(|| CaseFailure::Inconclusive(format!("{actor} has no connection")))
    }

    /// Opens a connection that is nobody's yet.
    pub(crate) async fn open(&self, actor: &str) -> Result<Connection, CaseFailure> {
        self.open_with_buffer(actor, None).await
    }

    /// As [`CaseContext::open`], with a narrow receive buffer.
    pub(crate) async fn open_with_buffer(&self, actor: &str, buffer: Option<u32>) -> Result<Connection, CaseFailure> {
        Connection::open(actor, &self.config, buffer)
            .await
            .map_err(|error| CaseFailure::Inconclusive(format!("the server takes no connection: {error}")))
    }

    /// As [`CaseContext::open`], to be waited for elsewhere.
    pub(crate) fn open_detached(
        &self,
        actor: &str,
    ) -> impl Future<Output = std::io::Result<Connection>> + Send + 'static + use<> {
        let (actor, config) = (actor.to_owned(), self.config.clone());
        async move { Connection::open(&actor, &config, None).await }
    }

    /// Opens, connects under a name, and waits for the welcome, and a little for the list behind it.
    pub(crate) async fn connect_as(&self, actor: &str, name: &str) -> Result<Connection, CaseFailure> {
        let mut conn = self.open(actor).await?;
        self.login(&mut conn, name).await?;
        Ok(conn)
    }

    /// Sends `CONNECT` on a line and waits for the welcome.
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
            let failed = Evidence::LoginFailed { is_silent: inbox.bytes == 0, frames };
            return Err(CaseFailure::fail(want(), got).with(failed));
        }
        for frame in &mut conn.inbox().frames {
            frame.consumed |= frame.bytes == b"CONNECT_ACK|OK";
        }
        self.await_first_list(conn).await;
        Ok(())
    }

    /// A server may welcome first and enter the name right after. The list that follows says that it has.
    pub(crate) async fn await_first_list(&self, conn: &Connection) {
        let no_list_on_join = self.env.no_list_on_join.load(Ordering::Relaxed);
        let timeout =
            if no_list_on_join { Duration::from_millis(10) } else { LIST_WAIT.max(self.env.response_time * 3) };
        let listed = conn.wait_at_most(timeout, |inbox| inbox.list.is_some().then_some(()));
        // One that came late, on a busy machine, makes good for it.
        self.env.no_list_on_join.store(listed.await.is_none(), Ordering::Relaxed);
    }

    /// Somebody leaves: the lists that are there now are old ones.
    pub(crate) fn mark_lists_stale(&mut self) {
        self.stale_lists = self.conns.iter().map(|(actor, conn)| (actor.clone(), conn.inbox().list_count())).collect();
    }

    /// What came last, or that nothing did.
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
            (None, Some(End::Flood)) => "more than anybody could read, without end".to_owned(),
            (None, Some(_)) => "the server closed the connection".to_owned(),
            (None, None) => format!("no reply within {}", humantime::format_duration(self.env.timeout)),
        }
    }

    /// Ends what is still open, so that no name stays behind.
    pub(crate) async fn disconnect_all(&mut self) {
        let mut conns: Vec<Connection> = std::mem::take(&mut self.conns).into_values().collect();
        conns.extend(self.witness.take());
        let timeout = Duration::from_millis(100);
        for conn in &mut conns {
            if conn.is_open() {
                conn.send_disconnect_now();
                conn.close_sending();
            }
        }
        let deadline = tokio::time::Instant::now() + timeout;
        for conn in &conns {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if conn.is_user() {
                conn.wait_at_most(left, |inbox| inbox.end).await;
            }
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
            Step::Together(steps) | Step::Repeat { steps, .. } | Step::IfOpen { steps, .. } => {
                collect_actors(steps, actors)
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
