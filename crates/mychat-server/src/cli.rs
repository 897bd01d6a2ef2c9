//! The command line: what was typed → [`Config`] → a server → an exit code.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mychat_proto::Framing;
use tokio::sync::oneshot;

use crate::config::{Admission, Config, DEFAULT_LISTEN, SendLimit};
use crate::server::Server;
use crate::shutdown::Signals;

/// The exit code of a run that a second signal cut short.
const ABORTED: u8 = 130;

/// The MyChat reference server.
#[derive(Debug, Clone, Parser)]
#[command(name = "mychat-server", version, about, max_term_width = 100)]
pub struct Args {
    /// Address to listen on; may be given several times. Port 0 takes any free port
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_LISTEN)]
    listen: Vec<String>,

    /// Users with a name at one time [default: as many as descriptors allow]
    #[arg(long, value_name = "USERS")]
    max_users: Option<NonZeroUsize>,

    /// Connections from one address at one time [default: any number]
    #[arg(long, value_name = "CONNECTIONS")]
    max_per_address: Option<NonZeroUsize>,

    /// Time from the accept to a name; nothing a peer sends extends it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    handshake_timeout: Duration,

    /// Bytes that may wait for one user beyond what the kernel has taken; more, and the user is disconnected
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = bytes)]
    send_queue: NonZeroUsize,

    /// Time for which a user may take nothing of what waits; longer, and the user is disconnected
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    send_timeout: Duration,

    /// Bytes a second for repeating user lists to everybody, over all recipients
    #[arg(long, value_name = "BYTES/S", default_value = "128MiB", value_parser = bytes)]
    roster_budget: NonZeroUsize,

    /// Time that a stop leaves users to read what waits for them
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    shutdown_timeout: Duration,

    /// Threads that own users
    #[arg(long, value_name = "THREADS", default_value = "1", value_parser = workers)]
    workers: NonZeroUsize,

    /// How the end of a frame is told: lf
    #[arg(long, value_name = "FRAMING", default_value = "lf", value_parser = framing)]
    framing: Framing,
}

impl Args {
    /// What was typed, as what it means.
    pub fn into_config(self) -> Config {
        Config {
            listen: self.listen,
            framing: self.framing,
            workers: self.workers,
            admission: Admission {
                max_users: self.max_users,
                max_per_address: self.max_per_address,
                handshake_timeout: self.handshake_timeout,
            },
            send: SendLimit { queue: self.send_queue.get(), timeout: self.send_timeout },
            roster_budget: self.roster_budget,
            shutdown_timeout: self.shutdown_timeout,
        }
    }
}

/// Runs a server in this process until a signal stops it: 0 when it stopped as told, 1 when it could not start or
/// failed, 130 when a second signal cut the stop short. The addresses go to standard output, a line each, and nothing
/// else does.
pub fn main_with(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, None),
    };
    let code = runtime.block_on(serve(args.into_config()));
    // A resolver thread may still be at work; nobody waits for its answer.
    runtime.shutdown_background();
    code
}

async fn serve(config: Config) -> ExitCode {
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => return fail(&error, None),
    };
    let server = match Server::bind(config).await {
        Ok(server) => server,
        Err(error) => return fail(&error, Some(error.advice())),
    };
    // A closed standard output is no reason to serve nobody.
    let _ = print(server.local_addrs());
    let (stop, stopped) = oneshot::channel::<()>();
    let run = server.run(async {
        let _ = stopped.await;
    });
    let signalled_twice = async {
        signals.next().await;
        let _ = stop.send(());
        signals.next().await;
    };
    tokio::select! {
        result = run => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, None),
        },
        () = signalled_twice => ExitCode::from(ABORTED),
    }
}

fn print(addresses: &[SocketAddr]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for address in addresses {
        writeln!(out, "listening on {address}")?;
    }
    out.flush()
}

/// Says what went wrong, why, and what to do.
fn fail(error: &dyn Error, advice: Option<&str>) -> ExitCode {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    let advice = advice.map_or_else(String::new, |advice| format!("\n  {advice}"));
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "mychat-server: {said}{advice}");
    ExitCode::FAILURE
}

/// A time such as `500ms` or `1m 30s`; a number alone means seconds.
fn time(text: &str) -> Result<Duration, String> {
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text).map_err(|error| format!("{error} (such as 500ms, 10s, 2m)"))?,
    };
    // Beyond a year, sums of times could overflow.
    if time > Duration::from_hours(365 * 24) { Err("longer than a year".to_owned()) } else { Ok(time) }
}

/// A number of bytes, with or without `KiB`, `MiB` or `GiB`; at least 1 KiB, or one frame would not fit.
fn bytes(text: &str) -> Result<NonZeroUsize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: usize = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" | "K" => 1024,
        "MiB" | "M" => 1024 * 1024,
        "GiB" | "G" => 1024 * 1024 * 1024,
        unit => return Err(format!("unknown unit {unit:?}: bytes alone, or KiB, MiB, GiB")),
    };
    let number: usize =
        digits.trim().parse().map_err(|_| "not a number of bytes (such as 65536 or 1MiB)".to_owned())?;
    let bytes = number.checked_mul(factor).filter(|bytes| *bytes <= 1 << 40).ok_or("more than 1024 GiB")?;
    if bytes < 1024 { Err("less than 1KiB".to_owned()) } else { NonZeroUsize::new(bytes).ok_or_else(String::new) }
}

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(count) if count.get() <= 256 => Ok(count),
        _ => Err("expected 1 to 256".to_owned()),
    }
}

fn framing(text: &str) -> Result<Framing, String> {
    match text {
        "lf" => Ok(Framing::Lf),
        "raw" | "auto" => Err("not supported yet: only lf is".to_owned()),
        _ => Err("expected lf".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> Result<Config, String> {
        let args = [&["mychat-server"], args].concat();
        Args::try_parse_from(args).map(Args::into_config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_of_the_flags_are_those_of_the_config() {
        assert_eq!(config(&[]).unwrap(), Config::default());
    }

    #[test]
    fn units_are_understood_and_nonsense_is_not() {
        let config = config(&["--send-queue", "64KiB", "--send-timeout", "3", "--handshake-timeout", "250ms"]).unwrap();
        assert_eq!(config.send, SendLimit { queue: 65536, timeout: Duration::from_secs(3) });
        assert_eq!(config.admission.handshake_timeout, Duration::from_millis(250));
        for bad in ["0", "10", "-1", "1XB", "MiB", "99999999999999999999", "9999999GiB", "1é"] {
            bytes(bad).unwrap_err();
        }
        time("forever").unwrap_err();
        time("18446744073709551615").unwrap_err();
    }

    #[test]
    fn a_framing_that_comes_later_says_so() {
        assert!(config(&["--framing", "raw"]).unwrap_err().contains("not supported yet"));
        assert!(config(&["--framing", "morse"]).unwrap_err().contains("expected lf"));
    }
}
