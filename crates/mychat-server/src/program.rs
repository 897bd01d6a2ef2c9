//! The program: settings → a server, its signals, its service manager → an exit code.

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
use crate::metrics::http::MetricsServer;
use crate::notify::Manager;
use crate::server::{Server, ServerHandle, SignalAction, Signals};
use crate::settings;

/// The exit code of a run that a second signal cut short.
const ABORTED: u8 = 130;

/// The exit code of settings that make no sense.
const USAGE: u8 = 2;

/// How long the last lines of the log may take.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Runs a server in this process until a signal stops it: 0 when it stopped as told, 1 when it could not start or
/// failed, 2 when its settings make no sense, 130 when a second signal cut the stop short. The addresses go to standard
/// output, a line each, and nothing else does.
pub fn main_with(args: Args) -> ExitCode {
    let config = match (args.config(), args.task()) {
        (Err(error), _) => return fail(&error, None, USAGE),
        (Ok(_), Task::Check) => return ExitCode::SUCCESS,
        (Ok(config), Task::Print) => {
            // Whoever closed standard output does not want to see it.
            let _ = io::stdout().write_all(settings::print(&config).as_bytes());
            return ExitCode::SUCCESS;
        }
        (Ok(config), Task::Serve) => config,
    };
    // Before anything of a crowd's is freed for the first time.
    mychat_os::limit_malloc_retention();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, None, 1),
    };
    let code = runtime.block_on(serve(args, config));
    // A resolver thread may still be at work; nobody waits for its answer.
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
    let page = match metrics {
        Some(address) => match MetricsServer::bind(&address, server.metrics(), handle.clone()).await {
            Ok(page) => Some(page),
            Err(error) => return fail(&error, Some("choose another address with --metrics HOST:PORT"), 1),
        },
        None => None,
    };
    announce(server.local_addrs(), page.as_ref());
    let manager = Manager::from_env();
    manager.ready();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = server.run(async {
        let _ = stopped.await;
    });
    let tended = async {
        tokio::select! {
            code = obey(signals, stop, &args, &handle, &manager) => code,
            never = watch(&manager, &handle) => match never {},
            never = show(page) => match never {},
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
        code = tended => code,
    };
    flush(log.as_ref());
    code
}

/// Does what signals say. Ready when a second one insists on a stop.
async fn obey(
    mut signals: Signals,
    stop: oneshot::Sender<()>,
    args: &Args,
    handle: &ServerHandle,
    manager: &Manager,
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

/// Reads the settings again; where they make no sense everything stays as it was.
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

/// Tells the service manager that all is well, while it is.
async fn watch(manager: &Manager, handle: &ServerHandle) -> Infallible {
    let Some(period) = manager.watchdog() else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(period / 2);
    // After a standstill one word is as good as all that were missed.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if handle.is_well(period / 2).await {
            manager.alive();
        }
    }
}

async fn show(page: Option<MetricsServer>) -> Infallible {
    match page {
        Some(page) => page.serve().await,
        None => std::future::pending().await,
    }
}

fn announce(addresses: &[SocketAddr], page: Option<&MetricsServer>) {
    let mut out = io::stdout().lock();
    for address in addresses {
        // A closed standard output is no reason to serve nobody.
        let _ = writeln!(out, "listening on {address}");
        info!(%address, "listening");
    }
    let _ = out.flush();
    if let Some(page) = page {
        info!(address = %page.address(), "showing metrics");
    }
}

fn flush(log: Option<&LogQueue>) {
    if let Some(log) = log {
        log.flush(LAST_LINES);
    }
}

/// Says what went wrong, why, and what to do.
fn fail(error: &dyn Error, advice: Option<&str>, code: u8) -> ExitCode {
    let advice = advice.map_or_else(String::new, |advice| format!("\n  {advice}"));
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "mychat-server: {}{advice}", chain(error).trim_end());
    ExitCode::from(code)
}

/// An error and its causes, in one text.
fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
