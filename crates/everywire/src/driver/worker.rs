//! Buffers that belong to a worker thread: an idle connection has none of its own.

use std::cell::Cell;
use std::collections::VecDeque;

use everywire_core::Entry;

/// What one read may take in. 64 KiB would cut four messages of 16 KiB in two reads.
const READ_BUFFER: usize = 256 * 1024;

/// A write buffer that one large message has grown beyond this is not kept.
const WRITE_BUFFER_KEPT: usize = 1 << 20;

/// Entries that the thread keeps room for.
const ENTRIES_KEPT: usize = 4096;

/// The buffers of one worker thread.
pub(crate) struct Worker {
    pub(crate) read: Box<[u8]>,
    pub(crate) write: Vec<u8>,
    pub(crate) entries: VecDeque<Entry>,
}

thread_local! {
    static WORKER: Cell<Option<Box<Worker>>> = const { Cell::new(None) };
}

impl Worker {
    /// Runs `f` with this thread's buffers. If it is called again from within, as by a handler that
    /// blocks on an executor of its own, the inner call gets buffers of its own.
    pub(crate) fn with<R>(f: impl FnOnce(&mut Self) -> R) -> R {
        let mut worker = WORKER.take().unwrap_or_else(|| {
            Box::new(Self {
                read: vec![0; READ_BUFFER].into_boxed_slice(),
                write: Vec::new(),
                entries: VecDeque::new(),
            })
        });
        let result = f(&mut worker);
        worker.write.clear();
        worker.write.shrink_to(WRITE_BUFFER_KEPT);
        worker.entries.clear();
        worker.entries.shrink_to(ENTRIES_KEPT);
        WORKER.set(Some(worker));
        result
    }
}
