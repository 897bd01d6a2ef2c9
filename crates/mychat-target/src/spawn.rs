//! A server under test as a child process: starts, watches and restarts it, and kills it with all its child processes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::Instant;

mod error;
mod group;
mod output;
mod probe;
mod process_family;
mod usage;

use crate::describe_exit;
pub use error::{ListenAddresses, SpawnError};
pub use output::OutputMark;
pub use usage::Usage;

use output::OutputLines;
use probe::{ProbeResult, probe_address};
use process_family::ProcessFamily;

/// The placeholder for the port in a command.
pub const PORT: &str = "{port}";
/// The longest time for a start, where the user gives none.
pub const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(15);
/// A server that listens elsewhere for this time, and not on its port, has ignored the port. Some servers open a port for
/// another purpose first.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// The pause between two looks at where the server listens.
const LOOK: Duration = Duration::from_millis(250);
/// The longest time to wait for a killed process.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// A handle to a running server. Clones share the server; it is killed when the last one drops.
#[derive(Debug, Clone)]
pub struct SpawnedServer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The command with the placeholder `{port}`.
    command: String,
    start_timeout: Duration,
    port: AtomicU16,
    /// True if it listens at `::1` and not at `127.0.0.1`: `localhost` resolves differently per language.
    is_ipv6: AtomicBool,
    running: Mutex<Option<Running>>,
    output: OutputLines,
}

#[derive(Debug)]
struct Running {
    child: Child,
    group: i32,
    family: ProcessFamily,
}

impl SpawnedServer {
    /// Starts a server by a command with `{port}` in it, and waits until it answers a `CONNECT`: at most `start_timeout`, also
    /// at each restart.
    pub async fn start(command: &str, start_timeout: Duration) -> Result<Self, SpawnError> {
        if !command.contains(PORT) {
            return Err(SpawnError::NoPort);
        }
        let inner = Inner {
            command: command.to_owned(),
            start_timeout,
            port: AtomicU16::new(free_port()),
            is_ipv6: AtomicBool::new(false),
            running: Mutex::new(None),
            output: OutputLines::default(),
        };
        let server = Self { inner: Arc::new(inner) };
        server.launch().await?;
        Ok(server)
    }

    /// Returns the address where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address(self.inner.is_ipv6.load(Ordering::Relaxed))
    }

    /// Kills the server and starts it again on the same port.
    pub async fn restart(&self) -> Result<(), SpawnError> {
        self.stop().await;
        self.wait_until_port_closed().await;
        self.launch().await
    }

    /// Waits until the port is closed, because child processes may outlive the shell for a moment.
    async fn wait_until_port_closed(&self) {
        let address = self.address();
        let closed = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(EXIT_TIMEOUT, closed).await;
    }

    /// Kills the server and starts it on another port. The old port may stay in use for a minute if the server does not set
    /// `SO_REUSEADDR`.
    pub async fn start_afresh(&self) -> Result<(), SpawnError> {
        self.stop().await;
        self.inner.port.store(free_port(), Ordering::Relaxed);
        self.launch().await
    }

    /// Returns the process id of the leader of its process group; `None` if it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.inner.lock().as_ref().map(|running| running.group.cast_unsigned())
    }

    /// Kills its process group, and what has left the group.
    pub async fn stop(&self) {
        let running = self.inner.lock().take();
        if let Some(mut running) = running {
            group::kill(running.group);
            running.family.kill();
            let _ = running.child.start_kill();
            let _ = running.child.wait().await;
        }
    }

    /// Returns true if its process runs.
    pub fn is_running(&self) -> bool {
        self.inner.lock().as_mut().is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// Returns the exit status of its process in words; `None` while it runs, and after [`stop`](Self::stop).
    pub fn exit_status(&self) -> Option<String> {
        let ended = self.inner.lock().as_mut().and_then(|running| running.child.try_wait().ok().flatten());
        ended.map(describe_exit)
    }

    /// Returns the last lines that it wrote.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        self.inner.output.last(count)
    }

    /// Returns a mark of the output so far, for [`lines_since`](Self::lines_since).
    pub fn output_mark(&self) -> OutputMark {
        self.inner.output.mark()
    }

    /// Returns the lines that it wrote after a mark, as far as they are kept.
    pub fn lines_since(&self, mark: OutputMark) -> Vec<String> {
        self.inner.output.since(mark)
    }

    /// Returns the resource usage of its process group.
    pub fn usage(&self) -> Usage {
        self.inner.lock().as_ref().map(|running| usage::of_group(running.group)).unwrap_or_default()
    }

    async fn launch(&self) -> Result<(), SpawnError> {
        let command = self.inner.command();
        let mut shell = group::shell(&command);
        let family = ProcessFamily::mark(&mut shell);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let started = shell.spawn();
        let mut child = started.map_err(|source| SpawnError::Start { command, source })?;
        let group = child.id().unwrap_or_default().cast_signed();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(self.inner.output.clone().read_from(stdout));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(self.inner.output.clone().read_from(stderr));
        }
        *self.inner.lock() = Some(Running { child, group, family });
        self.wait_until_ready().await
    }

    /// Waits until the server is ready. After an error nothing of it is left.
    async fn wait_until_ready(&self) -> Result<(), SpawnError> {
        let ready = self.wait_for_answer().await;
        if ready.is_err() {
            self.stop().await;
        }
        ready
    }

    async fn wait_for_answer(&self) -> Result<(), SpawnError> {
        let start_timeout = self.inner.start_timeout;
        let started = Instant::now();
        let mut accepts = 0;
        let mut elsewhere = Elsewhere::default();
        while started.elapsed() < start_timeout {
            if !self.is_running() {
                return Err(self.early_end().await);
            }
            match self.probe().await {
                ProbeResult::Answered => return Ok(()),
                // The server accepts connections and does not answer: the checks report that.
                ProbeResult::Silent => {
                    accepts += 1;
                    if accepts >= 3 {
                        return Ok(());
                    }
                }
                ProbeResult::NotListening => {
                    if elsewhere.look(|| self.listens_at()) > ELSEWHERE {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        let (command, port, output) = (self.inner.command(), self.inner.port(), self.output());
        let addresses = self.listens_at();
        if addresses.is_empty() {
            return Err(SpawnError::Silent { command, port, start_timeout, output });
        }
        Err(SpawnError::WrongPort { command, port, addresses: ListenAddresses(addresses), output })
    }

    /// Returns the error of a command that has ended before a server answered: it failed, or it left a process behind.
    async fn early_end(&self) -> SpawnError {
        let status = self.exit_status().unwrap_or_else(|| "unknown exit status".to_owned());
        // Its last lines are still on their way.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (command, output) = (self.inner.command(), self.output());
        let left = self.inner.lock().as_ref().map(|running| running.family.members()).unwrap_or_default();
        match left.first() {
            Some(pid) => SpawnError::Detached { command, pid: *pid, output },
            None => SpawnError::Ended { command, status, output },
        }
    }

    /// Returns the addresses at which processes of the server listen.
    fn listens_at(&self) -> Vec<SocketAddr> {
        self.inner.lock().as_ref().map(|running| running.family.listens_at()).unwrap_or_default()
    }

    /// Returns its last lines for an error, or nothing if there are none.
    fn output(&self) -> String {
        let lines = self.last_lines(5);
        if lines.is_empty() { String::new() } else { format!("; it wrote:\n  {}", lines.join("\n  ")) }
    }

    /// Sends a CONNECT to either loopback address and returns the answer.
    async fn probe(&self) -> ProbeResult {
        for is_ipv6 in [false, true] {
            let answer = probe_address(self.inner.address(is_ipv6)).await;
            if !matches!(answer, ProbeResult::NotListening) {
                self.inner.is_ipv6.store(is_ipv6, Ordering::Relaxed);
                return answer;
            }
        }
        ProbeResult::NotListening
    }
}

impl Inner {
    fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    fn address(&self, is_ipv6: bool) -> SocketAddr {
        if is_ipv6 { (Ipv6Addr::LOCALHOST, self.port()).into() } else { (Ipv4Addr::LOCALHOST, self.port()).into() }
    }

    /// Returns the command with the port.
    fn command(&self) -> String {
        self.command.replace(PORT, &self.port().to_string())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(running) = self.lock().take() {
            group::kill(running.group);
            running.family.kill();
        }
    }
}

/// The time for which a server has listened, but not on its port.
#[derive(Debug, Default)]
struct Elsewhere {
    since: Option<Instant>,
    looked: Option<Instant>,
}

impl Elsewhere {
    /// Looks where the server listens, if the last look is [`LOOK`] ago. Returns the time since it first listened elsewhere.
    fn look(&mut self, listens_at: impl FnOnce() -> Vec<SocketAddr>) -> Duration {
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            if listens_at().is_empty() {
                self.since = None;
            } else {
                self.since.get_or_insert_with(Instant::now);
            }
        }
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Returns a free port below the range of ephemeral ports, so that no outgoing connection takes it during a restart.
fn free_port() -> u16 {
    for _ in 0..200 {
        let port = 10_000 + rand::random::<u16>() % 20_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    5000
}
