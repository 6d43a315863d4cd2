//! The flushers of all shards, at work only when the test says so, one slice of members at a time.

use std::fmt;
use std::sync::Arc;

use everywire_core::Namespace;
use everywire_core::hub::{Flush, Pass};
use parking_lot::Mutex;

/// Notes which shards have broadcasts to flush, and flushes them step by step.
#[derive(Default)]
pub struct Passes {
    flushers: Mutex<Vec<Flusher>>,
}

struct Flusher {
    namespace: Arc<Namespace>,
    shard: usize,
    /// None before its first step.
    pass: Option<Pass>,
}

impl Flush for Passes {
    fn flush(&self, namespace: &Arc<Namespace>, shard: usize) {
        let mut flushers = self.flushers.lock();
        let twice = flushers.iter().any(|f| f.shard == shard && Arc::ptr_eq(&f.namespace, namespace));
        assert!(
            !twice,
            "shard {shard} of {} was called twice: two passes would run at once",
            namespace.name()
        );
        flushers.push(Flusher { namespace: namespace.clone(), shard, pass: None });
    }
}

impl Passes {
    /// How many flushers have work.
    pub fn len(&self) -> usize {
        self.flushers.lock().len()
    }

    /// Whether all that was published has been flushed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets the `which`-th flusher with work do one step: begin a pass, or serve one slice of members.
    pub fn step(&self, which: usize) {
        // Taken out, for a step must not be disturbed by a flush that follows from it. A shard at work is not
        // called again, so nobody misses it here.
        let mut flusher = self.flushers.lock().remove(which);
        if !flusher.pass.as_mut().is_some_and(Pass::step) {
            // The one before has to be gone first, as in a flusher's loop.
            flusher.pass = None;
            flusher.pass = flusher.namespace.begin_pass(flusher.shard);
        }
        if flusher.pass.is_some() {
            let mut flushers = self.flushers.lock();
            let place = which.min(flushers.len());
            flushers.insert(place, flusher);
        }
    }

    /// Lets all flushers finish.
    pub fn run(&self) {
        while !self.is_empty() {
            self.step(0);
        }
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passes").field("at_work", &self.len()).finish_non_exhaustive()
    }
}
