//! How much of what it heard a room keeps.

use std::time::Duration;

/// How much of what it heard a room keeps: whatever exceeds the first of the three bounds goes,
/// oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At most so many broadcasts.
    pub messages: u32,
    /// At most so many bytes of payload and names, and 128 for each broadcast.
    pub bytes: u32,
    /// At most so long, in milliseconds.
    pub age: u64,
}

impl Retention {
    /// Nothing is kept: the library's default.
    pub const NONE: Self = Self { messages: 0, bytes: 0, age: 0 };

    /// The server's default: what a client misses in a reload, a dead spot or a deploy.
    pub const RECENT: Self = Self { messages: 100, bytes: 1 << 20, age: 300_000 };

    /// What a client needs that may come back to its rooms after so long: 1,000 broadcasts of at most 1 MiB.
    pub fn for_recovery(window: Duration) -> Self {
        let age = window.as_millis().try_into().unwrap_or(u64::MAX);
        Self { messages: 1000, bytes: 1 << 20, age }
    }
}
