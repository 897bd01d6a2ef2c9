//! `mychat-server check`: asks a running server for an answer, for the health check of a container.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use mychat_proto::{MAX_FRAME, Reply};

use crate::settings::Time;

/// Characters of a foreign answer that the error shows.
const SHOWN_CHARS: usize = 80;

/// Ask a running server for an answer and exit: 0 if it answers, else 1.
///
/// Sends a CONNECT without a name, which every server has to refuse (rule U3). No user sees the check, and it takes no name.
/// A server that is full answers as well.
#[derive(Debug, Clone, Args)]
pub(crate) struct HealthCheckArgs {
    /// The server
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:5000")]
    address: String,

    /// The longest time for the connection and the answer together
    #[arg(long, value_name = "TIME", default_value = "3s")]
    timeout: Time,
}

/// A reason to call a server unhealthy.
#[derive(Debug, thiserror::Error)]
enum HealthCheckError {
    #[error("cannot resolve the address, which is HOST:PORT: {0}")]
    Resolve(io::Error),
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("the connection was closed without an answer")]
    Closed,
    #[error("the answer is not a MyChat reply: {0:?}")]
    Foreign(String),
}

impl HealthCheckArgs {
    /// Runs the check and prints its result.
    pub(crate) fn run(&self) -> ExitCode {
        // A closed standard output or error cannot be reported anywhere.
        match self.check() {
            Ok(taken) => {
                let _ = writeln!(io::stdout(), "{} answers (after {:.1} ms)", self.address, taken.as_secs_f64() * 1e3);
                ExitCode::SUCCESS
            }
            Err(error) => {
                let _ = writeln!(io::stderr(), "mychat-server: {}: {error}", self.address);
                ExitCode::FAILURE
            }
        }
    }

    fn check(&self) -> Result<Duration, HealthCheckError> {
        let start = Instant::now();
        let deadline = start + self.timeout.duration();
        let addresses: Vec<SocketAddr> = self.address.to_socket_addrs().map_err(HealthCheckError::Resolve)?.collect();
        let mut socket = self.connect(&addresses, deadline)?;
        socket.write_all(b"CONNECT|\n").map_err(HealthCheckError::Broken)?;
        let mut answer = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(HealthCheckError::Timeout(self.timeout.duration()));
            }
            socket.set_read_timeout(Some(left)).map_err(HealthCheckError::Broken)?;
            let mut buffer = [0; 2048];
            match socket.read(&mut buffer) {
                Ok(0) => return Err(HealthCheckError::Closed),
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
                // The next turn of the loop tells whether the time is over.
                Err(error) if is_interruption(&error) => {}
                Err(error) => return Err(HealthCheckError::Broken(error)),
            }
            if judge(&answer)? {
                // The answer counts, whatever becomes of the farewell.
                let _ = socket.write_all(b"DISCONNECT\n");
                return Ok(start.elapsed());
            }
        }
    }

    /// Connects to the first address that accepts.
    fn connect(&self, addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, HealthCheckError> {
        let mut last = HealthCheckError::Resolve(io::Error::other("the name has no address"));
        for address in addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(HealthCheckError::Timeout(self.timeout.duration()));
            }
            match TcpStream::connect_timeout(address, left) {
                Ok(socket) => {
                    socket.set_write_timeout(Some(left)).map_err(HealthCheckError::Broken)?;
                    return Ok(socket);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    last = HealthCheckError::Timeout(self.timeout.duration());
                }
                Err(error) => last = HealthCheckError::Connect(error),
            }
        }
        Err(last)
    }
}

/// Returns true if `answer` starts with a reply of the protocol, with or without a terminator, and false if more bytes can
/// make it one. Any reply will do: a server that is full answers as well.
fn judge(answer: &[u8]) -> Result<bool, HealthCheckError> {
    let end = memchr::memchr(b'\n', answer);
    let line = &answer[..end.unwrap_or(answer.len())];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if Reply::parse(line).is_ok() {
        Ok(true)
    } else if end.is_some() || line.len() > MAX_FRAME {
        let text: String = String::from_utf8_lossy(line).chars().take(SHOWN_CHARS).collect();
        Err(HealthCheckError::Foreign(text))
    } else {
        Ok(false)
    }
}

fn is_interruption(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_counts_with_any_terminator_and_other_text_does_not() {
        for answer in
            ["CONNECT_ACK|FAIL", "CONNECT_ACK|FAIL\n", "ERROR|503|the server is full\r\n", "USER_LIST|a\nMESS"]
        {
            assert!(judge(answer.as_bytes()).unwrap(), "{answer:?}");
        }
        for answer in ["", "CONN", "HTTP/1.1 400"] {
            assert!(!judge(answer.as_bytes()).unwrap(), "{answer:?}");
        }
        for answer in ["HTTP/1.1 400 Bad Request\r\n", "220 ready\n", &"x".repeat(MAX_FRAME + 1)] {
            judge(answer.as_bytes()).unwrap_err();
        }
    }
}
