//! A server under test as a child process: started, watched, started again, and ended with all it started itself.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

mod usage;

pub use usage::Usage;

/// The placeholder for the port in a command.
pub const PORT: &str = "{port}";
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest time to connect on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest time that a killed process takes to end.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_LINES: usize = 200;
const MAX_LINE_BYTES: usize = 400;

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The command has no place for the port.
    #[error("the command of --spawn has no {{port}} in it: that is where the server is told where to listen")]
    NoPort,
    /// The shell could not be started.
    #[error("cannot start `{command}`")]
    Start {
        /// The command as it was run.
        command: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// It ended before it served.
    #[error("`{command}` ended before it accepted a connection ({status}){output}")]
    Ended {
        /// The command as it was run.
        command: String,
        /// The exit status.
        status: String,
        /// Its last lines.
        output: String,
    },
    /// It serves nobody.
    #[error("`{command}` answers no CONNECT on port {port} within {} s{output}", START_TIMEOUT.as_secs())]
    Silent {
        /// The command as it was run.
        command: String,
        /// The port that it was given.
        port: u16,
        /// Its last lines.
        output: String,
    },
}

/// A handle to a running server. Clones share the server; it is killed when the last one drops.
#[derive(Debug, Clone)]
pub struct SpawnedServer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// As it was given, with `{port}` in it.
    command: String,
    port: AtomicU16,
    /// True if it listens at `::1` and not at `127.0.0.1`: `localhost` resolves differently per language.
    is_ipv6: AtomicBool,
    running: Mutex<Option<Running>>,
    output: Arc<Mutex<VecDeque<String>>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    group: i32,
}

impl SpawnedServer {
    /// Starts a server by a command with `{port}` in it, and waits until it answers a `CONNECT`.
    pub async fn start(command: &str) -> Result<Self, SpawnError> {
        if !command.contains(PORT) {
            return Err(SpawnError::NoPort);
        }
        let inner = Inner {
            command: command.to_owned(),
            port: AtomicU16::new(free_port()),
            is_ipv6: AtomicBool::new(false),
            running: Mutex::new(None),
            output: Arc::default(),
        };
        let watch = Self { inner: Arc::new(inner) };
        watch.launch().await?;
        Ok(watch)
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

    /// Waits until the port is closed: the processes that the shell started may outlive it for a moment.
    async fn wait_until_port_closed(&self) {
        let address = self.address();
        let closed = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(EXIT_TIMEOUT, closed).await;
    }

    /// Stops it at once and starts it on another port: the old one may be taken for a minute, where a server does not ask
    /// the system to let it be used again.
    pub async fn start_afresh(&self) -> Result<(), SpawnError> {
        self.stop().await;
        self.inner.port.store(free_port(), Ordering::Relaxed);
        self.launch().await
    }

    /// The leader of its process group, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.inner.lock().as_ref().map(|running| running.group.cast_unsigned())
    }

    /// Kills its process group.
    pub async fn stop(&self) {
        let running = self.inner.lock().take();
        if let Some(mut running) = running {
            kill(running.group);
            let _ = running.child.start_kill();
            let _ = running.child.wait().await;
        }
    }

    /// Returns true if its process runs.
    pub fn is_running(&self) -> bool {
        self.inner.lock().as_mut().is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// The last lines that it wrote.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let lines = self.inner.output.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().take(count).rev().cloned().collect()
    }

    /// Returns the resource usage of its process group.
    pub fn usage(&self) -> Usage {
        self.inner.lock().as_ref().map(|running| usage::of_group(running.group)).unwrap_or_default()
    }

    async fn launch(&self) -> Result<(), SpawnError> {
        let command = self.inner.command();
        let mut shell = shell(&command);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let started = shell.spawn();
        let mut child = started.map_err(|source| SpawnError::Start { command, source })?;
        let group = child.id().unwrap_or_default().cast_signed();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(drain(stdout, Arc::clone(&self.inner.output)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(drain(stderr, Arc::clone(&self.inner.output)));
        }
        *self.inner.lock() = Some(Running { child, group });
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&self) -> Result<(), SpawnError> {
        let deadline = tokio::time::Instant::now() + START_TIMEOUT;
        let output = || {
            let lines = self.last_lines(5);
            if lines.is_empty() { String::new() } else { format!("; it wrote:\n  {}", lines.join("\n  ")) }
        };
        let command = self.inner.command();
        let mut accepts = 0;
        while tokio::time::Instant::now() < deadline {
            if !self.is_running() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                return Err(SpawnError::Ended { command, status: "it is gone".to_owned(), output: output() });
            }
            match self.probe().await {
                ProbeResult::Yes => return Ok(()),
                // The server accepts connections and does not answer: the checks report that.
                ProbeResult::Silence => {
                    accepts += 1;
                    if accepts >= 3 {
                        return Ok(());
                    }
                }
                ProbeResult::NotListening => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        Err(SpawnError::Silent { command, port: self.inner.port(), output: output() })
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

    /// As it is run.
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
            kill(running.group);
        }
    }
}

/// The system's shell with a command to run.
#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).process_group(0);
    shell
}

/// Returns `cmd` with a command to run, unquoted, because `cmd` has its own quoting rules.
#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.raw_arg(format!("/D /S /C \"{command}\""));
    shell
}

/// Kills a process tree. Windows has no process groups, so `taskkill` finds the children.
#[cfg(windows)]
fn kill(leader: i32) {
    let mut ending = std::process::Command::new("taskkill");
    ending.args(["/T", "/F", "/PID", &leader.to_string()]);
    let _ = ending.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

#[cfg(unix)]
fn kill(group: i32) {
    if let Some(group) = rustix::process::Pid::from_raw(group) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

enum ProbeResult {
    Yes,
    Silence,
    NotListening,
}

/// Sends a `CONNECT` and waits for any answer; disconnects again, so that no user is left on the server.
async fn probe_address(address: SocketAddr) -> ProbeResult {
    // If the server never accepts, the system queues a few connections and then lets others wait for minutes.
    let Ok(connected) = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await else {
        return ProbeResult::Silence;
    };
    let Ok(stream) = connected else { return ProbeResult::NotListening };
    let name = format!("ready{}", address.port());
    let mut buffer = [0; 512];
    // The name alone first: a server without terminators takes it as it is, another one waits for the line end.
    for part in [format!("CONNECT|{name}"), "\n".to_owned()] {
        if stream.try_write(part.as_bytes()).is_err() {
            return ProbeResult::Silence;
        }
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(300), stream.readable()).await {
            match stream.try_read(&mut buffer) {
                Ok(0) => return ProbeResult::Silence,
                Ok(_) => {
                    let _ = stream.try_write(b"DISCONNECT\n");
                    // Waits until the user is gone, so that no check sees it in a list.
                    let mut rest = stream;
                    let gone = async { while matches!(rest.read(&mut buffer).await, Ok(1..)) {} };
                    let _ = tokio::time::timeout(Duration::from_millis(200), gone).await;
                    return ProbeResult::Yes;
                }
                Err(_) => {}
            }
        }
    }
    ProbeResult::Silence
}

/// Reads to the end and keeps the last lines: a server that talks a lot must neither block nor fill our memory.
async fn drain(mut pipe: impl AsyncRead + Unpin, lines: Arc<Mutex<VecDeque<String>>>) {
    let mut buffer = vec![0; 8192];
    let mut line = Vec::new();
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        for byte in &buffer[..count] {
            match byte {
                b'\n' => {
                    let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                    lines.push_back(text);
                    if lines.len() > MAX_LINES {
                        lines.pop_front();
                    }
                }
                byte if line.len() < MAX_LINE_BYTES => line.push(*byte),
                _ => {}
            }
        }
    }
}

/// A free port below the range from which the system gives ports to outgoing connections: none of ours can take it
/// while the server is started again.
fn free_port() -> u16 {
    for _ in 0..200 {
        let port = 10_000 + rand::random::<u16>() % 20_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    5000
}
