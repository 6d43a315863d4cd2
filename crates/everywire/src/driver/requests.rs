//! HTTP connections that are being served: whoever stops waits until what was answered has left.

use tokio::sync::watch;

/// Tells the connections to finish, and knows when all have.
#[derive(Debug)]
pub(crate) struct Requests(watch::Sender<()>);

/// One connection's part; dropped when it is over.
pub(crate) struct Served(watch::Receiver<()>);

impl Requests {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// A connection begins.
    pub(crate) fn begin(&self) -> Served {
        Served(self.0.subscribe())
    }

    /// Tells all connections to answer what they have been asked, and to end; resolves when none is left. Those to come are
    /// told nothing: whatever they ask is answered, too.
    pub(crate) async fn finish(&self) {
        self.0.send_replace(());
        self.0.closed().await;
    }
}

impl Served {
    /// Resolves when the connection is to finish.
    pub(crate) async fn told_to_finish(&mut self) {
        // Without an application there is nobody left to answer either.
        _ = self.0.changed().await;
    }
}
