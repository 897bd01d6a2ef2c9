//! A new user that logs in after the load. Its welcome proves that the server still lets people in.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use mychat_load::engine::shared::ProtocolSettings;
use mychat_proto::{AckStatus, Deframer, Inbound, Reply};

/// A user that is not part of the scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newcomer {
    /// Address of the server.
    pub(crate) address: SocketAddr,
    /// Local address to connect from.
    pub(crate) source: Option<IpAddr>,
    /// Framing and reply timeout.
    pub(crate) protocol: ProtocolSettings,
}

/// Reason for which one attempt failed.
enum AttemptFailure {
    /// No connection was made.
    Unreachable(std::io::Error),
    /// The server did not let the user in.
    Refused(String),
}

/// Pause before another attempt: a full server may not have noticed yet that the users of the run have left.
const RETRY: Duration = Duration::from_millis(100);
/// Time after which a server that accepts no connection is given up.
const UNREACHABLE_AFTER: Duration = Duration::from_secs(1);
/// Shortest time that a server has to let the user in.
const LEAST_PATIENCE: Duration = Duration::from_secs(2);
/// Time to wait for the server to close the connection after `DISCONNECT`.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

impl Newcomer {
    /// Logs in and leaves again. Returns the reason if the server does not let the user in within five reply timeouts;
    /// `None` if it does, or if this machine cannot connect to anybody.
    pub(crate) async fn find_failure(self) -> Option<String> {
        let started = Instant::now();
        let patience = LEAST_PATIENCE.max(self.protocol.reply_timeout * 5);
        let mut last_reason = None;
        loop {
            let (reason, deadline) = match timeout_at(started + patience, self.log_in()).await {
                Ok(Ok(())) => return None,
                // The generator has no port or descriptor left: that is no fault of the server.
                Ok(Err(AttemptFailure::Unreachable(error))) if mychat_target::local_limit(&error).is_some() => {
                    return None;
                }
                Ok(Err(AttemptFailure::Unreachable(error))) => (format!("cannot connect: {error}"), UNREACHABLE_AFTER),
                Ok(Err(AttemptFailure::Refused(reason))) => (reason, patience),
                Err(_) => {
                    let seconds = patience.as_secs_f64();
                    return last_reason.or_else(|| Some(format!("no answer to CONNECT within {seconds:.1} s")));
                }
            };
            if started.elapsed() + RETRY >= deadline {
                return Some(reason);
            }
            last_reason = Some(reason);
            sleep(RETRY).await;
        }
    }

    async fn log_in(&self) -> Result<(), AttemptFailure> {
        let mut stream = self.connect().await.map_err(AttemptFailure::Unreachable)?;
        let name = format!("newcomer{:08x}", rand::random::<u32>());
        let broken = |error: std::io::Error| AttemptFailure::Refused(format!("the connection broke: {error}"));
        stream.write_all(&self.frame(&format!("CONNECT|{name}"))).await.map_err(broken)?;
        let mut deframer = Deframer::for_replies(self.protocol.reply_framing).lenient();
        let mut buffer = vec![0; 8192];
        loop {
            let count = stream.read(&mut buffer).await.map_err(broken)?;
            if count == 0 {
                let reason = "the server closed the connection before it answered CONNECT";
                return Err(AttemptFailure::Refused(reason.to_owned()));
            }
            let mut feed = deframer.feed(&buffer[..count]);
            while let Some(inbound) = feed.next() {
                let Inbound::Frame(frame) = inbound else { continue };
                match Reply::parse(frame) {
                    Ok(Reply::ConnectAck(AckStatus::Ok)) => {
                        self.leave(stream, buffer).await;
                        return Ok(());
                    }
                    Ok(Reply::ConnectAck(AckStatus::Fail)) => {
                        return Err(AttemptFailure::Refused("the server answered CONNECT_ACK|FAIL".to_owned()));
                    }
                    _ => {}
                }
            }
        }
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        socket.connect(self.address).await
    }

    /// Disconnects, and waits a moment until the server has noticed.
    async fn leave(&self, mut stream: TcpStream, mut buffer: Vec<u8>) {
        if stream.write_all(&self.frame("DISCONNECT")).await.is_ok() {
            let closed = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
            let _ = timeout(CLOSE_TIMEOUT, closed).await;
        }
    }

    fn frame(&self, text: &str) -> Vec<u8> {
        let mut frame = text.as_bytes().to_vec();
        self.protocol.framing.end(&mut frame, 0);
        frame
    }
}
