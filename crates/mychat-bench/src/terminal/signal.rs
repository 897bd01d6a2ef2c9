//! Ctrl-C and SIGTERM as requests to stop: the first ends the load, the second the drain, the third the process.

use std::sync::Arc;

use tokio::sync::Notify;

use mychat_load::Exit;

/// Returns a `Notify` that is notified at each of the first two signals. The third ends the process.
pub(crate) fn stop_requests() -> std::io::Result<Arc<Notify>> {
    let stop = Arc::new(Notify::new());
    let notified = Arc::clone(&stop);
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    #[cfg(unix)]
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    tokio::spawn(async move {
        for _ in 0..2 {
            #[cfg(unix)]
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            #[cfg(not(unix))]
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            notified.notify_one();
        }
        #[cfg(unix)]
        interrupt.recv().await;
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(stop)
}
