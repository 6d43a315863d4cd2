//! What one flusher has to do: the broadcasts that its share of the connections has not heard yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::room::Room;
use crate::broadcast::Broadcast;

/// A broadcast and the rooms of this node that hear it.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) broadcast: Arc<Broadcast>,
    pub(super) rooms: SmallVec<[Arc<Room>; 1]>,
}

/// The queue of one shard.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// Whether `queue` holds anything: read without the lock by everybody who sends something else.
    dirty: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// What the pass under way carries. Some members have heard it, others have not.
    passing: Arc<Vec<Delivery>>,
    /// What came since.
    pending: Vec<Delivery>,
}

impl Shard {
    /// Appends a delivery. True if no flusher is at work, so one has to be told.
    pub(super) fn append(&self, delivery: Delivery) -> bool {
        let mut queue = self.queue.lock();
        queue.pending.push(delivery);
        !self.dirty.swap(true, Ordering::Release)
    }

    /// Ends the pass under way and takes what came since as the next one. None if nothing did: the
    /// flusher is then no longer at work.
    pub(super) fn next_pass(&self) -> Option<Arc<Vec<Delivery>>> {
        let mut queue = self.queue.lock();
        if queue.pending.is_empty() {
            queue.passing = Arc::default();
            self.dirty.store(false, Ordering::Release);
            return None;
        }
        queue.passing = Arc::new(std::mem::take(&mut queue.pending));
        Some(queue.passing.clone())
    }

    /// Calls `take` with everything that is under way or queued, in order, if there is anything.
    pub(super) fn with_queued(&self, take: impl FnOnce(&mut dyn Iterator<Item = &Delivery>)) {
        if self.dirty.load(Ordering::Acquire) {
            let queue = self.queue.lock();
            take(&mut queue.passing.iter().chain(&queue.pending));
        }
    }
}
