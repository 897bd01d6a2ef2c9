//! Probes an address with a `CONNECT`, to find out if a server is ready.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The longest time to connect on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The result of a probe.
pub(super) enum ProbeResult {
    /// The server answered the `CONNECT`.
    Answered,
    /// The server accepted the connection and did not answer.
    Silent,
    /// No server accepts connections.
    NotListening,
}

/// Sends a `CONNECT` and waits for any answer. Then disconnects, so that no user remains on the server.
pub(super) async fn probe_address(address: SocketAddr) -> ProbeResult {
    // If the server never accepts, the system queues a few connections; further ones wait for minutes.
    let Ok(connected) = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await else {
        return ProbeResult::Silent;
    };
    let Ok(stream) = connected else { return ProbeResult::NotListening };
    let name = format!("ready{}", address.port());
    let mut buffer = [0; 512];
    // First without a line end: a server without terminators answers this, any other one waits for the line end.
    for part in [format!("CONNECT|{name}"), "\n".to_owned()] {
        if stream.try_write(part.as_bytes()).is_err() {
            return ProbeResult::Silent;
        }
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(300), stream.readable()).await {
            match stream.try_read(&mut buffer) {
                Ok(0) => return ProbeResult::Silent,
                Ok(_) => {
                    let _ = stream.try_write(b"DISCONNECT\n");
                    // Waits until the user is gone, so that no check sees it in a list.
                    let mut rest = stream;
                    let gone = async { while matches!(rest.read(&mut buffer).await, Ok(1..)) {} };
                    let _ = tokio::time::timeout(Duration::from_millis(200), gone).await;
                    return ProbeResult::Answered;
                }
                Err(_) => {}
            }
        }
    }
    ProbeResult::Silent
}
