//! A body that another task writes: one piece at a time, so that a client that does not read is noticed by the task
//! even where hyper asks for nothing more (an HTTP/2 stream whose window is used up).

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
    /// Written by the task when it is empty, taken by the body.
    piece: Vec<u8>,
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
        !self.0.lock().piece.is_empty()
    }

    /// Whether nobody will take anything.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.lock().gone
    }

    /// The end, behind whatever has not been taken.
    pub(crate) fn end(&self, mut rest: Vec<u8>) {
        let mut state = self.0.lock();
        state.piece.append(&mut rest);
        state.over = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Puts a piece into the empty slot, and says whether it was the last.
    pub(crate) fn put(&self, piece: Vec<u8>, last: bool) {
        let mut state = self.0.lock();
        if !piece.is_empty() {
            state.piece = piece;
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
        if !state.piece.is_empty() {
            let piece = std::mem::take(&mut state.piece);
            drop(state);
            self.link.mailbox().wake();
            return Poll::Ready(Some(piece.into()));
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
