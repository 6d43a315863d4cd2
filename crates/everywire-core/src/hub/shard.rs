//! What one flusher has to do: the broadcasts that its share of the connections has not heard yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::room::Room;
use crate::broadcast::Broadcast;

/// The most broadcasts that a pass carries, and the most bytes if they are more than one: a run is one piece of memory in each
/// wire form, and one write, or one frame, for each member. Beyond some tens of kilobytes a larger one is no faster.
const PASS_DELIVERIES: usize = 1024;
const PASS_BYTES: usize = 256 * 1024;

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
        let count = of_one_pass(&queue.pending);
        let rest = queue.pending.split_off(count);
        queue.passing = Arc::new(std::mem::replace(&mut queue.pending, rest));
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

/// How many of what is queued the next pass carries: one at least.
fn of_one_pass(pending: &[Delivery]) -> usize {
    let mut bytes = 0;
    let fits = |delivery: &&Delivery| {
        bytes += delivery.broadcast.size();
        bytes <= PASS_BYTES
    };
    pending.iter().take(PASS_DELIVERIES).take_while(fits).count().max(1)
}
