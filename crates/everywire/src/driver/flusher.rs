//! Passes: who takes what the shards have queued, and when.
//!
//! One task a worker. It is told of a shard once, and works on it until nothing is queued. Before each
//! pass it lets the others run (`yield_now`), so that what is published in one turn of the runtime
//! leaves in one pass; and while its passes carry more than one broadcast, it waits for a sixty-fourth
//! of the time that the last one took, so that the next carries more. With a single publication in
//! flight it waits for nothing. (Measured against a flush at the end of each read and one a tick: twice
//! the deliveries a second at 1,000 members; see `ARCHITECTURE.md`.)

use std::sync::Arc;
use std::time::{Duration, Instant};

use everywire_core::Namespace;
use everywire_core::hub::Flush;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::yield_now;

/// The part of the last pass's time that is spent on waiting for more.
const PACE: u32 = 64;

/// The doors of all flushers. A shard is told of only while it is not being worked on, so a queue
/// holds each at most once.
pub(crate) struct Flushers {
    queues: Vec<UnboundedSender<(Arc<Namespace>, usize)>>,
}

/// The other end: what the tasks are made of.
pub(crate) type Queues = Vec<UnboundedReceiver<(Arc<Namespace>, usize)>>;

impl Flushers {
    pub(crate) fn new(shards: usize) -> (Self, Queues) {
        let (queues, receivers) = (0..shards).map(|_| unbounded_channel()).unzip();
        (Self { queues }, receivers)
    }
}

impl Flush for Flushers {
    fn flush(&self, namespace: &Arc<Namespace>, shard: usize) {
        // The task ends only with the program's runtime, and then nobody is left to write to.
        let _ = self.queues[shard].send((namespace.clone(), shard));
    }
}

/// One flusher's work, until all who may call it are gone.
pub(crate) async fn run(mut queue: UnboundedReceiver<(Arc<Namespace>, usize)>) {
    while let Some((namespace, shard)) = queue.recv().await {
        flush(&namespace, shard).await;
    }
}

async fn flush(namespace: &Arc<Namespace>, shard: usize) {
    let mut wait = Duration::ZERO;
    loop {
        yield_now().await;
        // No timer: its grain is a millisecond, ours are microseconds.
        let begun = Instant::now();
        while begun.elapsed() < wait {
            yield_now().await;
        }
        let Some(mut pass) = namespace.begin_pass(shard) else { return };
        let begun = Instant::now();
        while pass.step() {
            yield_now().await;
        }
        wait = if pass.len() > 1 { begun.elapsed() / PACE } else { Duration::ZERO };
    }
}
