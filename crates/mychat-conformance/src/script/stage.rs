//! Where a case is played: its actors with their lines, a witness, and what is known of the server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::line::{Door, End, Line, Manner, Setting};
use super::monitor::Monitors;
use super::outcome::{Played, Trouble};
use super::transcript::{Transcript, WireLine};
use mychat_scenario::model::{Case, Step};
use mychat_scenario::template::actor_names::{ActorNames, nonce};
use mychat_target::spawn::Watch;

/// What all cases of a run share.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The server, where this tool did not start it.
    pub target: SocketAddr,
    /// How to talk to it.
    pub manner: Manner,
    /// How long to wait for an answer.
    pub patience: Duration,
    /// How long a case may take at most.
    pub longest: Duration,
    /// How long the server took to answer when it had nothing else to do.
    pub pace: Duration,
    /// Whether `patience` was asked for; otherwise a slow server is given more.
    pub strict_patience: bool,
    /// The seed of all that is drawn.
    pub seed: u64,
    /// Gives each case names of its own.
    pub cases: Arc<AtomicU64>,
    /// Those who look at every frame.
    pub monitors: Monitors,
    /// What the profile declares.
    pub declared: Arc<BTreeMap<String, String>>,
    /// Whether the server was seen to send no list to a joiner; then nobody waits for one any more.
    pub listless: Arc<AtomicBool>,
    /// How fast connections may follow one another.
    pub door: Door,
    /// The server's process, where this tool started it.
    pub watch: Option<Watch>,
}

/// A server that answers faster than this is not slow, and neither is a busy machine.
const BRISK: Duration = Duration::from_millis(40);
/// A server that takes longer than this for each message takes seconds for a thousand.
const SWIFT: Duration = Duration::from_millis(3);

/// What is done again and again takes so long with a slow server, where each time takes one answer.
const REPEATING: Duration = Duration::from_secs(4);
/// How often a message can be sent without a terminator, and answered by many.
const RAW: Duration = Duration::from_millis(80);
/// Longer than any check takes that goes on.
const LONGEST: Duration = Duration::from_secs(30);

impl Surroundings {
    /// For a server that nothing else is known of.
    pub fn new(target: SocketAddr, manner: Manner, patience: Duration, seed: u64) -> Self {
        Self {
            target,
            manner,
            patience,
            longest: LONGEST,
            pace: Duration::ZERO,
            strict_patience: true,
            seed,
            cases: Arc::default(),
            monitors: Monitors::default(),
            declared: Arc::default(),
            listless: Arc::default(),
            door: Door::default(),
            watch: None,
        }
    }

    /// With what was measured: who answers slowly is given time, and asked less often.
    #[must_use]
    pub fn paced(mut self, pace: Duration) -> Self {
        self.pace = pace;
        if pace > SWIFT {
            self.longest += pace * 300;
        }
        if pace > BRISK && !self.strict_patience {
            self.patience = self.patience.max(pace * 12);
        }
        self
    }

    /// As often as a case says, or less often where each time takes long, though never less than `least`.
    pub fn fewer(&self, count: usize, least: usize) -> usize {
        // Without terminators every message takes a pause of its own.
        let pace = if self.manner.send.is_terminated() { self.pace } else { self.pace.max(RAW) };
        if pace <= SWIFT {
            return count;
        }
        let fit = (REPEATING.as_millis() / pace.as_millis().max(1)) as usize;
        fit.max(least).min(count)
    }

    /// How long nothing may come where so many messages were sent at once: a server may read them all before it
    /// writes the first, and answers none of them as fast as when it had nothing else to do.
    pub fn patience_for(&self, messages: usize) -> Duration {
        if self.strict_patience || self.pace <= SWIFT {
            return self.patience;
        }
        self.patience + self.pace * 2 * u32::try_from(messages).unwrap_or(u32::MAX)
    }

    /// Long enough for what is allowed not to come, where nothing can prove that it does not.
    pub fn quiet(&self) -> Duration {
        QUIET.max(self.pace * 3)
    }
}

const QUIET: Duration = Duration::from_millis(150);
/// What it comes from where nobody is let in beside a connection that says nothing.
const HELD_UP: &str =
    "a connection that says nothing holds up the others: its first message is waited for before the next is accepted";
/// How long the list behind a welcome is waited for.
const LISTED: Duration = Duration::from_millis(300);

/// The stage of one case.
#[derive(Debug)]
pub struct Stage {
    /// The names.
    pub cast: ActorNames,
    /// The actors' lines.
    pub lines: BTreeMap<String, Line>,
    /// A user whom the case does not know, for fences.
    pub witness: Option<Line>,
    /// What the run knows.
    pub around: Surroundings,
    /// What was observed, in words.
    pub observed: Vec<String>,
    /// Whether a declared reading was asked for.
    pub declared: bool,
    /// What could be declared to accept what was not.
    pub declare: Option<String>,
    /// What a failure comes from, where it shows and has little to do with what the case is about.
    pub blame: std::sync::OnceLock<&'static str>,
    /// Fences so far.
    pub fences: u64,
    /// How many lists each had got when somebody was last told to leave.
    pub(super) stale: BTreeMap<String, usize>,
    pub(super) setting: Setting,
}

impl Stage {
    pub(super) fn new(case: &Case, around: Surroundings) -> Self {
        let number = around.cases.fetch_add(1, Ordering::Relaxed);
        // Two runs at once with one seed must not meet, so the process goes into the names.
        let nonce =
            nonce(around.seed.wrapping_mul(7919).wrapping_add(u64::from(std::process::id()) * 104_729) + number * 37);
        let transcript = Transcript::default();
        let setting = Setting {
            target: around.target,
            watch: around.watch.clone(),
            manner: around.manner,
            patience: around.patience,
            case: case.id.as_str().into(),
            monitors: around.monitors.clone(),
            transcript,
            door: around.door.clone(),
            led: Arc::default(),
        };
        let mut actors = BTreeSet::new();
        collect(&case.steps, &mut actors);
        let actors: Vec<String> = actors.into_iter().collect();
        let mut names = ActorNames::new(&nonce, &actors);
        names.two_byte_ends = around.manner.send == mychat_proto::Framing::CrLf;
        Self {
            cast: names,
            lines: BTreeMap::new(),
            witness: None,
            around,
            observed: Vec::new(),
            declared: false,
            declare: None,
            blame: std::sync::OnceLock::new(),
            fences: 0,
            stale: BTreeMap::new(),
            setting,
        }
    }

    /// A stage for a dialogue that is no case.
    pub fn empty(id: &str, around: Surroundings) -> Self {
        Self::new(&Case::untold(id), around)
    }

    pub(super) async fn perform(&mut self, steps: &[Step]) -> Played {
        self.steps(steps).await?;
        self.unasked().await
    }

    /// The case's transcript.
    pub fn wire(&self) -> Vec<WireLine> {
        self.setting.transcript.lines(&self.cast)
    }

    /// The line of an actor.
    pub fn line(&mut self, actor: &str) -> Result<&mut Line, Trouble> {
        self.lines.get_mut(actor).ok_or_else(|| Trouble::Inconclusive(format!("{actor} has no connection")))
    }

    /// Opens a connection that is nobody's yet.
    pub async fn open(&self, actor: &str) -> Result<Line, Trouble> {
        self.open_with(actor, None).await
    }

    /// As [`Stage::open`], with a narrow receive buffer.
    pub async fn open_with(&self, actor: &str, buffer: Option<u32>) -> Result<Line, Trouble> {
        Line::open(actor, &self.setting, buffer)
            .await
            .map_err(|error| Trouble::Inconclusive(format!("the server takes no connection: {error}")))
    }

    /// As [`Stage::open`], to be waited for elsewhere.
    pub fn opening(&self, actor: &str) -> impl Future<Output = std::io::Result<Line>> + Send + 'static + use<> {
        let (actor, setting) = (actor.to_owned(), self.setting.clone());
        async move { Line::open(&actor, &setting, None).await }
    }

    /// Opens, connects under a name, and waits for the welcome, and a little for the list behind it.
    pub async fn welcome(&self, actor: &str, name: &str) -> Result<Line, Trouble> {
        let mut line = self.open(actor).await?;
        self.introduce(&mut line, name).await?;
        Ok(line)
    }

    /// Sends `CONNECT` on a line and waits for the welcome.
    pub async fn introduce(&self, line: &mut Line, name: &str) -> Played {
        let actor = line.actor.to_string();
        let want = || format!("{actor} gets CONNECT_ACK|OK");
        if line.send(format!("CONNECT|{name}").as_bytes()).await.is_err() {
            return Err(Trouble::fail(want(), "the connection was closed before CONNECT could be sent"));
        }
        let answered = line
            .until(self.around.patience, |inbox| (inbox.answers > 0 || inbox.end.is_some()).then_some(inbox.welcomed));
        if answered.await != Some(true) {
            let got = self.latest(line);
            if line.inbox().frames.iter().any(|frame| frame.bytes.starts_with(b"CONNECT_ACK|OK")) {
                let _ = self.blame.set("CONNECT_ACK|OK has something added: it is that and no more");
            }
            let silent = |other: &Line| other.said.is_empty() && other.is_open();
            if line.inbox().bytes == 0 && self.lines.values().any(silent) {
                let _ = self.blame.set(HELD_UP);
            }
            return Err(Trouble::fail(want(), got));
        }
        for frame in &mut line.inbox().frames {
            frame.taken |= frame.bytes == b"CONNECT_ACK|OK";
        }
        self.entered(line).await;
        Ok(())
    }

    /// A server may welcome first and enter the name right after. The list that follows says that it has.
    pub(super) async fn entered(&self, line: &Line) {
        let listless = self.around.listless.load(Ordering::Relaxed);
        let patience = if listless { Duration::from_millis(10) } else { LISTED.max(self.around.pace * 3) };
        let listed = line.within(patience, |inbox| inbox.list.is_some().then_some(()));
        // One that came late, on a busy machine, makes good for it.
        self.around.listless.store(listed.await.is_none(), Ordering::Relaxed);
    }

    /// Somebody leaves: the lists that are there now are old ones.
    pub(super) fn age_lists(&mut self) {
        self.stale = self.lines.iter().map(|(actor, line)| (actor.clone(), line.inbox().list_count())).collect();
    }

    /// What came last, or that nothing did.
    pub fn latest(&self, line: &Line) -> String {
        let mut inbox = line.inbox();
        let waiting = inbox.unfinished().to_vec();
        if !waiting.is_empty() {
            inbox.end_unfinished();
            return format!(
                "{} without a line end",
                self.cast.humanize(&mychat_scenario::template::text::shown(&waiting))
            );
        }
        let last = inbox
            .frames
            .iter()
            .rev()
            .find(|frame| !frame.taken)
            .map(|frame| mychat_scenario::template::text::shown(&frame.bytes));
        match (last, inbox.end) {
            (Some(frame), _) => self.cast.humanize(&frame),
            (None, Some(End::Flood)) => "more than anybody could read, without end".to_owned(),
            (None, Some(_)) => "the server closed the connection".to_owned(),
            (None, None) => format!("no reply within {}", humantime::format_duration(self.around.patience)),
        }
    }

    /// Ends what is still open, so that no name stays behind.
    pub async fn leave(&mut self) {
        let mut lines: Vec<Line> = std::mem::take(&mut self.lines).into_values().collect();
        lines.extend(self.witness.take());
        let patience = Duration::from_millis(100);
        for line in &mut lines {
            if line.is_open() {
                line.farewell();
                line.finish(false);
            }
        }
        let deadline = tokio::time::Instant::now() + patience;
        for line in &lines {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if line.is_user() {
                line.within(left, |inbox| inbox.end).await;
            }
        }
    }
}

fn collect(steps: &[Step], actors: &mut BTreeSet<String>) {
    for step in steps {
        match step {
            Step::Connect(list) => actors.extend(list.iter().map(|(actor, _)| actor.clone())),
            Step::Open(actor) => {
                actors.insert(actor.clone());
            }
            Step::Together(steps) | Step::Repeat { steps, .. } | Step::IfOpen { steps, .. } => collect(steps, actors),
            Step::Profile { is, otherwise, .. } => {
                for (_, steps) in is {
                    collect(steps, actors);
                }
                collect(otherwise, actors);
            }
            _ => {}
        }
    }
}
