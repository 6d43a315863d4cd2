//! What the library writes into the log, for tests that ask.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

/// The log of one test. It hears what happens on the test's own thread: the runtime has to be there too.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Begins to listen, until the guard is dropped.
    pub fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        Self::listen_from(tracing::Level::INFO)
    }

    /// The same, from this level on.
    pub fn listen_from(level: tracing::Level) -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(log.clone())
            .with_ansi(false)
            .with_max_level(level)
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        (log, guard)
    }

    /// Waits for a line that contains all of these, and gives it.
    pub async fn line(&self, parts: &[&str]) -> String {
        let find = || {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        };
        let waited = tokio::time::timeout(super::PATIENCE, async {
            loop {
                match find() {
                    Some(line) => return line,
                    None => tokio::task::yield_now().await,
                }
            }
        });
        match waited.await {
            Ok(line) => line,
            Err(_) => {
                let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
                panic!("no line of the log has all of {parts:?}:\n{all}")
            }
        }
    }

    /// Forgets what was written.
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
