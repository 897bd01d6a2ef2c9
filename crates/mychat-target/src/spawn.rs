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

/// What stands for the port in a command.
pub const PORT: &str = "{port}";
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection may take to be made on this machine.
const CONNECTING: Duration = Duration::from_secs(1);
/// How long a process may take to end that was killed.
const ENDING: Duration = Duration::from_secs(2);
const MOST_LINES: usize = 200;
const LONGEST_LINE: usize = 400;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The command has no place for the port.
    #[error("the command of --spawn has no {{port}} in it: that is where the server is told where to listen")]
    NoPort,
    /// The shell could not be started.
    #[error("cannot start `{command}`")]
    Start {
        /// As it was run.
        command: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ended before it served.
    #[error("`{command}` ended before it served anybody ({status}){output}")]
    Ended {
        /// As it was run.
        command: String,
        /// How it ended.
        status: String,
        /// Its last lines.
        output: String,
    },
    /// It serves nobody.
    #[error("`{command}` answers no CONNECT on port {port} within {} s{output}", PATIENCE.as_secs())]
    Silent {
        /// As it was run.
        command: String,
        /// Where it was told to listen.
        port: u16,
        /// Its last lines.
        output: String,
    },
}

/// A running server. Clones are the same one; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Watch {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// As it was given, with `{port}` in it.
    command: String,
    port: AtomicU16,
    /// Whether it was found at `::1` and not at `127.0.0.1`: what `localhost` comes to is for the language to say.
    six: AtomicBool,
    running: Mutex<Option<Running>>,
    output: Arc<Mutex<VecDeque<String>>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    group: i32,
}

impl Watch {
    /// Starts a server by a command with `{port}` in it, and waits until it answers a `CONNECT`.
    pub async fn start(command: &str) -> Result<Self, SpawnError> {
        if !command.contains(PORT) {
            return Err(SpawnError::NoPort);
        }
        let inner = Inner {
            command: command.to_owned(),
            port: AtomicU16::new(free_port()),
            six: AtomicBool::new(false),
            running: Mutex::new(None),
            output: Arc::default(),
        };
        let watch = Self { inner: Arc::new(inner) };
        watch.launch().await?;
        Ok(watch)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address(self.inner.six.load(Ordering::Relaxed))
    }

    /// Stops it at once and starts it again on the same port.
    pub async fn restart(&self) -> Result<(), SpawnError> {
        self.stop().await;
        self.released().await;
        self.launch().await
    }

    /// Waits until nobody listens there any more: the shell is gone, and what it started may take a moment longer.
    async fn released(&self) {
        let address = self.address();
        let closed = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(ENDING, closed).await;
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

    /// Ends it and all it started.
    pub async fn stop(&self) {
        let running = self.inner.lock().take();
        if let Some(mut running) = running {
            kill(running.group);
            let _ = running.child.start_kill();
            let _ = running.child.wait().await;
        }
    }

    /// Whether its process is there.
    pub fn is_running(&self) -> bool {
        self.inner.lock().as_mut().is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// The last lines that it wrote.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let lines = self.inner.output.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().take(count).rev().cloned().collect()
    }

    /// What it and all it started use.
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
        self.wait_until_it_serves().await
    }

    async fn wait_until_it_serves(&self) -> Result<(), SpawnError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
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
            match self.asked().await {
                Answer::Yes => return Ok(()),
                // Somebody listens who answers nothing: that is for the checks to say, in their own words.
                Answer::Silence => {
                    accepts += 1;
                    if accepts >= 3 {
                        return Ok(());
                    }
                }
                Answer::Nobody => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        Err(SpawnError::Silent { command, port: self.inner.port(), output: output() })
    }

    /// Whether it answers, at either of the addresses that are this machine.
    async fn asked(&self) -> Answer {
        for six in [false, true] {
            let answer = answers(self.inner.address(six)).await;
            if !matches!(answer, Answer::Nobody) {
                self.inner.six.store(six, Ordering::Relaxed);
                return answer;
            }
        }
        Answer::Nobody
    }
}

impl Inner {
    fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    fn address(&self, six: bool) -> SocketAddr {
        if six { (Ipv6Addr::LOCALHOST, self.port()).into() } else { (Ipv4Addr::LOCALHOST, self.port()).into() }
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

/// As above. The command goes to `cmd` as it was typed: it has rules of its own about quotes.
#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.raw_arg(format!("/D /S /C \"{command}\""));
    shell
}

/// There are no process groups here: whom a process started is looked up by the system's own program.
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

enum Answer {
    Yes,
    Silence,
    Nobody,
}

/// A `CONNECT` that is answered with anything, and no user left behind.
async fn answers(address: SocketAddr) -> Answer {
    // Where nobody accepts, the system takes a few connections and then lets everybody wait for minutes.
    let Ok(connected) = tokio::time::timeout(CONNECTING, TcpStream::connect(address)).await else {
        return Answer::Silence;
    };
    let Ok(stream) = connected else { return Answer::Nobody };
    let name = format!("ready{}", address.port());
    let mut buffer = [0; 512];
    // The name alone first: a server without terminators takes it as it is, another one waits for the line end.
    for part in [format!("CONNECT|{name}"), "\n".to_owned()] {
        if stream.try_write(part.as_bytes()).is_err() {
            return Answer::Silence;
        }
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(300), stream.readable()).await {
            match stream.try_read(&mut buffer) {
                Ok(0) => return Answer::Silence,
                Ok(_) => {
                    let _ = stream.try_write(b"DISCONNECT\n");
                    // Until it is gone: no check may meet it.
                    let mut rest = stream;
                    let gone = async { while matches!(rest.read(&mut buffer).await, Ok(1..)) {} };
                    let _ = tokio::time::timeout(Duration::from_millis(200), gone).await;
                    return Answer::Yes;
                }
                Err(_) => {}
            }
        }
    }
    Answer::Silence
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
                    if lines.len() > MOST_LINES {
                        lines.pop_front();
                    }
                }
                byte if line.len() < LONGEST_LINE => line.push(*byte),
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
