//! Futures that complete when a signal asks the program to exit.

/// Completes at Ctrl-C, if the terminal converts it into a signal.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Completes when the system asks the program to exit or its terminal is closed.
#[cfg(unix)]
pub(crate) async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut term), Ok(mut hup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = hup.recv() => {}
    }
}

/// Never completes: this platform has no such signal.
#[cfg(not(unix))]
pub(crate) async fn terminated() {
    std::future::pending().await
}
