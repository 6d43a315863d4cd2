//! What one room keeps.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Retention;
use crate::broadcast::Broadcast;

/// What each kept broadcast costs beside its payload, in bytes.
const FIXED_COST: usize = 128;

/// The broadcasts that a room keeps, oldest first.
#[derive(Debug)]
pub(super) struct RoomLog {
    kept: VecDeque<Arc<Broadcast>>,
    bytes: usize,
    /// The highest sequence number that this room has let go of, or may have before it existed.
    let_go: u64,
    retention: Retention,
}

impl RoomLog {
    /// An empty log of a room of which everything up to `let_go` may be gone.
    pub(super) fn new(let_go: u64) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, let_go, retention: Retention::NONE }
    }

    /// Appends a broadcast, and lets go of what `retention` no longer covers.
    pub(super) fn append(&mut self, broadcast: &Arc<Broadcast>, retention: Retention) {
        self.retention = retention;
        if retention.messages == 0 {
            *self = Self { retention, ..Self::new(broadcast.seq()) };
            return;
        }
        let now = broadcast.publication.time;
        self.bytes += cost(broadcast);
        self.kept.push_back(broadcast.clone());
        self.expire(now);
    }

    /// Lets go of what is too much or too old at this time (ms since the Unix epoch).
    pub(super) fn expire(&mut self, now: u64) {
        while let Some(oldest) = self.kept.front() {
            let Retention { messages, bytes, age } = self.retention;
            let keeps = self.kept.len() <= messages as usize
                && self.bytes <= bytes as usize
                && now.saturating_sub(oldest.publication.time) < age;
            if keeps {
                break;
            }
            self.bytes -= cost(oldest);
            self.let_go = oldest.seq();
            self.kept.pop_front();
        }
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
    }

    /// What is kept after this sequence number.
    pub(super) fn since(&self, seq: u64) -> impl DoubleEndedIterator<Item = &Arc<Broadcast>> {
        let start = self.kept.partition_point(|broadcast| broadcast.seq() <= seq);
        self.kept.range(start..)
    }

    pub(super) fn let_go(&self) -> u64 {
        self.let_go
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What the kept broadcasts cost, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(broadcast: &Broadcast) -> usize {
    broadcast.size() + FIXED_COST
}
