//! Connects to a server, sends `CONNECT`, waits for the answer and, if required, detects the framing.

use std::time::Duration;

use mychat_proto::{AckStatus, Command, Framing, UserName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::connection::{self, Dial, OwnedReply, Reader, Writer};
use crate::error::{ConnectError, DisconnectCause, Refusal};
use crate::event::ServerError;
use crate::options::ConnectOptions;

/// A server that answers a `CONNECT` without a terminator within this time uses raw framing (rule R6).
const RAW_REPLY_TIMEOUT: Duration = Duration::from_millis(300);

/// Time to wait for the `ERROR` after a `FAIL` (rule U3). Raw servers send none.
const REFUSAL_REASON_TIMEOUT: Duration = Duration::from_millis(300);

/// A connection whose user has joined.
#[derive(Debug)]
pub(crate) struct ClientSession<S> {
    pub(crate) reader: Reader<S>,
    pub(crate) writer: Writer<S>,
    pub(crate) framing: Framing,
}

/// Connects to the server and joins.
pub(crate) async fn connect<D: Dial>(
    dialer: &D,
    addr: &str,
    name: &UserName,
    options: &ConnectOptions,
) -> Result<ClientSession<D::Stream>, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { addr: addr.to_owned(), source };
    let stream = timeout(options.handshake_timeout, dialer.dial())
        .await
        .map_err(|_| unreachable(std::io::ErrorKind::TimedOut.into()))?
        .map_err(unreachable)?;
    timeout(options.handshake_timeout, join(stream, name, options))
        .await
        .map_err(|_| ConnectError::NoAnswer { waited: options.handshake_timeout })?
}

async fn join<S>(stream: S, name: &UserName, options: &ConnectOptions) -> Result<ClientSession<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connect = Vec::new();
    Command::Connect { name: name.as_str() }.write(&mut connect).expect("a legal name fits");
    let mut session = match options.framing.fixed() {
        Some(framing) => send_connect(stream, framing, &connect, options).await?,
        None => detect_framing(stream, &connect, options).await?,
    };
    let early = wait_for_ack(&mut session.reader).await?;
    session.reader.put_back(early);
    Ok(session)
}

async fn send_connect<S>(
    stream: S,
    framing: Framing,
    connect: &[u8],
    options: &ConnectOptions,
) -> Result<ClientSession<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, mut writer) = connection::open(stream, framing, options.frame_gap(framing));
    let mut frame = connect.to_vec();
    framing.end(&mut frame, 0);
    writer.write_now(&frame).await.map_err(io_error)?;
    Ok(ClientSession { reader, writer, framing })
}

/// Sends `CONNECT` without a terminator. A server that answers within [`RAW_REPLY_TIMEOUT`] uses raw framing; any other
/// server then gets a line feed.
async fn detect_framing<S>(
    stream: S,
    connect: &[u8],
    options: &ConnectOptions,
) -> Result<ClientSession<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = send_connect(stream, Framing::Raw, connect, options).await?;
    match timeout(RAW_REPLY_TIMEOUT, session.reader.fill()).await {
        Ok(read) => read.map_err(ConnectError::Closed)?,
        Err(_elapsed) => {
            session.framing = Framing::Lf;
            session.reader.set_framing(Framing::Lf);
            session.writer.set_framing(Framing::Lf, options.frame_gap(Framing::Lf));
            session.writer.write_now(b"\n").await.map_err(io_error)?;
        }
    }
    Ok(session)
}

/// Reads until the `CONNECT_ACK` and returns the replies that came before it. Rule L1 allows none, so this tolerates
/// faulty servers.
async fn wait_for_ack<S: AsyncRead>(reader: &mut Reader<S>) -> Result<Vec<OwnedReply>, ConnectError> {
    let mut early = Vec::new();
    loop {
        match reader.next().await {
            Ok(OwnedReply::Ack(AckStatus::Ok)) => return Ok(early),
            Ok(OwnedReply::Ack(AckStatus::Fail)) => {
                return Err(ConnectError::Refused(read_refusal(reader, &early).await));
            }
            Ok(other) => early.push(other),
            // A full server may send an `ERROR` and close without a `CONNECT_ACK`.
            Err(cause) => {
                return Err(last_error(&early)
                    .map_or(ConnectError::Closed(cause), |error| ConnectError::Refused(to_refusal(error))));
            }
        }
    }
}

async fn read_refusal<S: AsyncRead>(reader: &mut Reader<S>, early: &[OwnedReply]) -> Refusal {
    let error = timeout(REFUSAL_REASON_TIMEOUT, async {
        loop {
            match reader.next().await {
                Ok(OwnedReply::Error(error)) => return Some(to_refusal(&error)),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    });
    match error.await {
        Ok(Some(refusal)) => refusal,
        _ => last_error(early).map_or(Refusal::Unexplained, to_refusal),
    }
}

fn last_error(replies: &[OwnedReply]) -> Option<&ServerError> {
    replies.iter().rev().find_map(|reply| if let OwnedReply::Error(error) = reply { Some(error) } else { None })
}

fn to_refusal(error: &ServerError) -> Refusal {
    Refusal::from_error(&error.code, &error.text)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn io_error(error: std::io::Error) -> ConnectError {
    ConnectError::Closed(DisconnectCause::Io(error.kind()))
}
