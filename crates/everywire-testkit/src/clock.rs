//! Time that passes only when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use everywire_protocols::seam::Time;

/// A clock that stands still until it is moved. Its clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// A clock at a round moment: a million seconds after the Unix epoch.
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_000_000_000)))
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Now, as sessions and protocols are told it.
    pub fn time(&self) -> Time {
        Time(self.now())
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        // A test that moves the clock by more than u64 holds has earned the wrong time.
        self.0.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }

    /// Moves on to a moment, if that has not come yet.
    pub fn advance_to(&self, moment: u64) {
        self.0.fetch_max(moment, Ordering::Relaxed);
    }

    /// The clock as hub and broker take it.
    pub fn reader(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
