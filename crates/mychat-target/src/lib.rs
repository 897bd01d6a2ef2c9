//! The server under test: finds it, or starts one.

mod local_limit;
mod process_end;
mod reference;
pub mod spawn;
pub mod sample;

use std::net::SocketAddr;
use std::time::Duration;

pub use local_limit::local_limit;
pub use process_end::{ProcessEnd, describe as describe_exit};
pub use reference::{Reference, ReferenceError};

/// A server that accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name as given by the user.
    pub name: String,
    /// The first of its addresses that accepted a connection.
    pub address: SocketAddr,
}

/// An error of finding the target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is not `HOST:PORT`.
    #[error("`{0}` is not HOST:PORT, such as 127.0.0.1:5000, [::1]:5000 or chat.example.org:5000")]
    Malformed(String),
    /// The name has no address.
    #[error("cannot find the host of {name}: {reason}")]
    Unknown {
        /// The name as given by the user.
        name: String,
        /// The system's error.
        reason: String,
    },
    /// This machine cannot make the connection.
    #[error("cannot connect to {name} ({address}): {reason}")]
    LocalLimit {
        /// The name as given by the user.
        name: String,
        /// The address that was tried last.
        address: String,
        /// The limit of this machine.
        reason: &'static str,
    },
    /// No server accepts connections there.
    #[error("cannot reach {name}{}: {reason}; is the server running there?", if *address == *name { String::new() } else { format!(" ({address})") })]
    Unreachable {
        /// The name as given by the user.
        name: String,
        /// The address that was tried last.
        address: String,
        /// The system's error.
        reason: String,
    },
}

/// The longest time to wait for the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the first address of `HOST:PORT` that accepts a connection.
pub async fn reach(name: &str) -> Result<Target, TargetError> {
    let port = name.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
    let bare_ipv6 = name.parse::<std::net::Ipv6Addr>().is_ok();
    let Some((host, Ok(1..))) = port else { return Err(TargetError::Malformed(name.to_owned())) };
    if host.is_empty() || bare_ipv6 {
        return Err(TargetError::Malformed(name.to_owned()));
    }
    let unknown = |reason: String| TargetError::Unknown { name: name.to_owned(), reason };
    let addresses = tokio::net::lookup_host(name).await.map_err(|error| unknown(error.to_string()))?;
    let mut last = unknown("it has no address".to_owned());
    for address in addresses {
        let attempt = tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::TcpStream::connect(address)).await;
        let reason = match attempt {
            Ok(Ok(_)) => return Ok(Target { name: name.to_owned(), address }),
            Ok(Err(error)) => match local_limit(&error) {
                Some(reason) => {
                    last = TargetError::LocalLimit { name: name.to_owned(), address: address.to_string(), reason };
                    continue;
                }
                None => error.to_string(),
            },
            Err(_) => format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
        };
        last = TargetError::Unreachable { name: name.to_owned(), address: address.to_string(), reason };
    }
    Err(last)
}
