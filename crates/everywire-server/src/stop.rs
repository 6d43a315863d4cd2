//! What tells the server to stop: Ctrl-C, and SIGTERM where there is such a thing.

use std::io;

/// Listens for being told to stop.
pub(crate) struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    terminated: bool,
}

impl Stop {
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, terminated: false })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminated: false })
    }

    /// Waits until it is told, the next time; by what.
    #[cfg(unix)]
    pub(crate) async fn told(&mut self) -> &'static str {
        self.terminated = tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => true,
        };
        if self.terminated { "SIGTERM" } else { "SIGINT" }
    }

    #[cfg(not(unix))]
    pub(crate) async fn told(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(error) => {
                tracing::warn!(%error, "Ctrl-C cannot be heard");
                std::future::pending().await
            }
        }
    }

    /// What shells say of a process that the last signal ended: 128 and the signal's number.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.terminated { 143 } else { 130 }
    }
}
