//! The program: settings → a server with signals and service manager → an exit code.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::cli::{Args, Task};
use crate::config::Config;
use crate::log::{self, LogQueue};
use crate::metrics_http::MetricsServer;
use crate::notify::ServiceManager;
use crate::server::{Server, ServerHandle, SignalAction, Signals};
use crate::settings;

/// The exit code after a second signal.
const ABORTED: u8 = 130;

/// The exit code for errors in the settings.
const USAGE: u8 = 2;

/// Time for the last lines of the log to be written.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs a server in this process until a signal stops it.
///
/// Prints the addresses it listens on to standard output, one per line, and nothing else. The exit code is 0 after a
/// shutdown, 1 if the server cannot start or fails, 2 for errors in the settings, and 130 if a second signal ends the
/// shutdown early.
pub fn main_with(args: Args) -> ExitCode {
    let config = match (args.config(), args.task()) {
        (Err(error), _) => return fail(&error, None, USAGE),
        (Ok(_), Task::Check) => return ExitCode::SUCCESS,
        (Ok(config), Task::Print) => {
            // Nobody reads a closed standard output.
            let _ = io::stdout().write_all(settings::print(&config).as_bytes());
            return ExitCode::SUCCESS;
        }
        (Ok(config), Task::Serve) => config,
    };
    // The limit has to be in place before the first large block is freed.
    mychat_os::limit_malloc_retention();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, None, 1),
    };
    let code = runtime.block_on(serve(args, config));
    // A resolver thread may still be waiting for an answer that is not needed any more.
    runtime.shutdown_background();
    code
}

async fn serve(args: Args, config: Config) -> ExitCode {
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => return fail(&error, None, 1),
    };
    let log = log::start(config.log);
    let metrics = config.metrics.clone();
    let server = match Server::bind(config).await {
        Ok(server) => server,
        Err(error) => return fail(&error, Some(error.advice()), 1),
    };
    let handle = server.handle();
    let metrics = match metrics {
        Some(address) => match MetricsServer::bind(&address, server.metrics(), handle.clone()).await {
            Ok(metrics) => Some(metrics),
            Err(error) => return fail(&error, Some("choose another address with --metrics HOST:PORT"), 1),
        },
        None => None,
    };
    announce(server.local_addrs(), metrics.as_ref());
    let manager = ServiceManager::from_env();
    manager.ready();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = server.run(async {
        let _ = stopped.await;
    });
    let operation = async {
        tokio::select! {
            code = handle_signals(signals, stop, &args, &handle, &manager) => code,
            never = feed_watchdog(&manager, &handle) => match never {},
            never = serve_metrics(metrics) => match never {},
        }
    };
    let code = tokio::select! {
        result = run => match result {
            Ok(()) => {
                info!("stopped");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error, None, 1),
        },
        code = operation => code,
    };
    flush(log.as_ref());
    code
}

/// Reloads and stops the server as signals ask. Returns after the second request to stop.
async fn handle_signals(
    mut signals: Signals,
    stop: oneshot::Sender<()>,
    args: &Args,
    handle: &ServerHandle,
    manager: &ServiceManager,
) -> ExitCode {
    let mut stop = Some(stop);
    loop {
        match (signals.next().await, stop.take()) {
            (SignalAction::Reload, kept) => {
                stop = kept;
                reload(args, handle);
            }
            (SignalAction::Stop, Some(stop)) => {
                info!("stopping");
                manager.stopping();
                let _ = stop.send(());
            }
            (SignalAction::Stop, None) => {
                warn!("aborted by a second signal");
                return ExitCode::from(ABORTED);
            }
        }
    }
}

/// Reads the settings again and changes the limits. After an error all settings keep their value.
fn reload(args: &Args, handle: &ServerHandle) {
    match args.config() {
        Ok(config) => {
            let ignored = handle.adopt(&config);
            info!("limits read again");
            if !ignored.is_empty() {
                warn!(settings = ignored.join(","), "some settings take a restart");
            }
        }
        Err(error) => warn!(error = chain(&error), "settings not read again"),
    }
}

/// Reports to the service manager for as long as all workers make progress.
async fn feed_watchdog(manager: &ServiceManager, handle: &ServerHandle) -> Infallible {
    let Some(period) = manager.watchdog() else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(period / 2);
    // After a pause of the process one report is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if handle.is_well(period / 2).await {
            manager.alive();
        }
    }
}

async fn serve_metrics(metrics: Option<MetricsServer>) -> Infallible {
    match metrics {
        Some(metrics) => metrics.serve().await,
        None => std::future::pending().await,
    }
}

fn announce(addresses: &[SocketAddr], metrics: Option<&MetricsServer>) {
    let mut out = io::stdout().lock();
    for address in addresses {
        // The server works without standard output.
        let _ = writeln!(out, "listening on {address}");
        info!(%address, "listening");
    }
    let _ = out.flush();
    if let Some(metrics) = metrics {
        info!(address = %metrics.address(), "serving metrics");
    }
}

fn flush(log: Option<&LogQueue>) {
    if let Some(log) = log {
        log.flush(LOG_FLUSH_TIMEOUT);
    }
}

/// Prints an error with its causes and an advice. Returns `code`.
fn fail(error: &dyn Error, advice: Option<&str>, code: u8) -> ExitCode {
    let advice = advice.map_or_else(String::new, |advice| format!("\n  {advice}"));
    // A closed standard error cannot be reported anywhere.
    let _ = writeln!(io::stderr(), "mychat-server: {}{advice}", chain(error).trim_end());
    ExitCode::from(code)
}

/// Returns the texts of an error and its causes, separated by colons.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
