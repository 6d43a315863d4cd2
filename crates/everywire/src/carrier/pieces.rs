//! A body that another task writes: a few pieces at a time, so that a client that does not read is noticed by the task
//! even where hyper asks for nothing more (an HTTP/2 stream whose window is used up).

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use everywire_core::Link;
use parking_lot::Mutex;

/// The body's end. Dropped when the client goes away.
pub(crate) struct Pieces {
    slot: Arc<Slot>,
    link: Arc<dyn Link>,
}

/// The task's end.
#[derive(Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    /// Written by the task when there are none, taken by the body: each is a chunk.
    pieces: VecDeque<Bytes>,
    /// No more will come.
    over: bool,
    /// Nobody will take it.
    gone: bool,
    reader: Option<Waker>,
}

impl Slot {
    /// Both ends; the task is woken by way of its link.
    pub(crate) fn new(link: Arc<dyn Link>) -> (Arc<Self>, Pieces) {
        let slot = Arc::new(Self::default());
        (slot.clone(), Pieces { slot, link })
    }

    /// Whether the last piece has not been taken.
    pub(crate) fn is_full(&self) -> bool {
        !self.0.lock().pieces.is_empty()
    }

    /// Whether nobody will take anything.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.lock().gone
    }

    /// The end, behind whatever has not been taken.
    pub(crate) fn end(&self, rest: VecDeque<Bytes>) {
        let mut state = self.0.lock();
        state.pieces.extend(rest);
        state.over = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Puts pieces into the empty slot, none of them empty, and says whether they were the last.
    pub(crate) fn put(&self, pieces: VecDeque<Bytes>, last: bool) {
        let mut state = self.0.lock();
        if !pieces.is_empty() {
            state.pieces = pieces;
        }
        state.over = last;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Pieces {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.slot.0.lock();
        if let Some(piece) = state.pieces.pop_front() {
            let was_last = state.pieces.is_empty();
            if was_last {
                // An idle stream keeps nothing.
                state.pieces = VecDeque::new();
            }
            drop(state);
            if was_last {
                self.link.mailbox().wake();
            }
            return Poll::Ready(Some(piece));
        }
        if state.over {
            return Poll::Ready(None);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.slot.0.lock().gone = true;
        self.link.mailbox().wake();
    }
}
