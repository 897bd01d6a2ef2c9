//! Futures that complete when a signal asks the program to exit.

/// Completes at Ctrl-C, if the terminal converts it into a signal.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Completes when a signal asks the program to exit or its terminal is closed.
#[cfg(unix)]
pub(crate) async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(|context| {
        if signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// The signals that continue a stopped program.
pub(crate) struct Continued {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Continued {
    pub(crate) fn new() -> Self {
        let kind = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Self { signal: tokio::signal::unix::signal(kind).ok() }
    }

    /// Completes after the program was stopped and continued.
    pub(crate) async fn next(&mut self) {
        let continued = match &mut self.signal {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if continued.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
impl Continued {
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// Never completes: this platform has no such signal.
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}

/// Never completes: this platform has no such signal.
#[cfg(not(unix))]
pub(crate) async fn terminated() {
    std::future::pending().await
}
