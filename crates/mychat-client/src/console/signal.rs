//! Signals that end the program, as futures.

/// Completes at Ctrl-C, where the terminal turns that into a signal.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Completes when the system or a closed window asks the program to end.
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

/// Completes when the system asks the program to end.
#[cfg(not(unix))]
pub(crate) async fn terminated() {
    std::future::pending().await
}
