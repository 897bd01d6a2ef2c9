//! From a stream to a session: `CONNECT`, its answer, and which framing the server speaks.

use std::time::Duration;

use mychat_proto::{AckStatus, Command, Framing, UserName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::connection::{self, Dial, Heard, Reader, Writer};
use crate::error::{ConnectError, Loss, Refusal};
use crate::event::ServerError;
use crate::options::{FramingChoice, Options};

/// An answer to an unterminated `CONNECT` that comes within this time is a raw server's.
const RAW_ANSWERS_WITHIN: Duration = Duration::from_millis(300);

/// Time for the `ERROR` behind a `FAIL` (rule U3). Raw servers send none.
const REASON_WITHIN: Duration = Duration::from_millis(300);

/// A session that has its name.
#[derive(Debug)]
pub(crate) struct Session<S> {
    pub(crate) reader: Reader<S>,
    pub(crate) writer: Writer<S>,
    pub(crate) framing: Framing,
}

/// Reaches the server and joins.
pub(crate) async fn connect<D: Dial>(
    dialer: &D,
    addr: &str,
    name: &UserName,
    options: &Options,
) -> Result<Session<D::Stream>, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { addr: addr.to_owned(), source };
    let stream = timeout(options.handshake_timeout, dialer.dial())
        .await
        .map_err(|_| unreachable(std::io::ErrorKind::TimedOut.into()))?
        .map_err(unreachable)?;
    timeout(options.handshake_timeout, join(stream, name, options))
        .await
        .map_err(|_| ConnectError::NoAnswer { waited: options.handshake_timeout })?
}

async fn join<S>(stream: S, name: &UserName, options: &Options) -> Result<Session<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connect = Vec::new();
    Command::Connect { name: name.as_str() }.write(&mut connect).expect("a legal name fits");
    let mut session = match options.framing {
        FramingChoice::Lf => begin(stream, Framing::Lf, &connect, options).await?,
        FramingChoice::Raw => begin(stream, Framing::Raw, &connect, options).await?,
        FramingChoice::Auto => find_out(stream, &connect, options).await?,
    };
    let early = wait_for_ack(&mut session.reader).await?;
    session.reader.put_back(early);
    Ok(session)
}

async fn begin<S>(stream: S, framing: Framing, connect: &[u8], options: &Options) -> Result<Session<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, mut writer) = connection::open(stream, framing, options.gap(framing));
    let mut frame = connect.to_vec();
    framing.end(&mut frame, 0);
    writer.write_now(&frame).await.map_err(lost)?;
    Ok(Session { reader, writer, framing })
}

/// Sends `CONNECT` without terminator. Whoever answers that needs none; the others wait for the line feed.
async fn find_out<S>(stream: S, connect: &[u8], options: &Options) -> Result<Session<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = begin(stream, Framing::Raw, connect, options).await?;
    match timeout(RAW_ANSWERS_WITHIN, session.reader.fill()).await {
        Ok(read) => read.map_err(ConnectError::Closed)?,
        Err(_elapsed) => {
            session.framing = Framing::Lf;
            session.reader.set_framing(Framing::Lf);
            session.writer.set_framing(Framing::Lf, options.gap(Framing::Lf));
            session.writer.write_now(b"\n").await.map_err(lost)?;
        }
    }
    Ok(session)
}

/// Reads up to the answer. What came before it (rule L1 says nothing should) is given back.
async fn wait_for_ack<S: AsyncRead>(reader: &mut Reader<S>) -> Result<Vec<Heard>, ConnectError> {
    let mut early = Vec::new();
    loop {
        match reader.next().await {
            Ok(Heard::Ack(AckStatus::Ok)) => return Ok(early),
            Ok(Heard::Ack(AckStatus::Fail)) => return Err(ConnectError::Refused(reason(reader, &early).await)),
            Ok(other) => early.push(other),
            // A server that is full may say so and close, without an answer to CONNECT.
            Err(loss) => {
                return Err(last_error(&early)
                    .map_or(ConnectError::Closed(loss), |error| ConnectError::Refused(refusal(error))));
            }
        }
    }
}

async fn reason<S: AsyncRead>(reader: &mut Reader<S>, early: &[Heard]) -> Refusal {
    let behind = timeout(REASON_WITHIN, async {
        loop {
            match reader.next().await {
                Ok(Heard::Error(error)) => return Some(refusal(&error)),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    });
    match behind.await {
        Ok(Some(refusal)) => refusal,
        _ => last_error(early).map_or(Refusal::Unexplained, refusal),
    }
}

fn last_error(heard: &[Heard]) -> Option<&ServerError> {
    heard.iter().rev().find_map(|heard| if let Heard::Error(error) = heard { Some(error) } else { None })
}

fn refusal(error: &ServerError) -> Refusal {
    Refusal::from_error(&error.code, &error.text)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn lost(error: std::io::Error) -> ConnectError {
    ConnectError::Closed(Loss::Io(error.kind()))
}
