//! Who waits for the stream to become writable.
//!
//! An `AsyncWrite` remembers one waker: whoever polled last. If that half's future is dropped, or its task gone, the
//! other half would wait for ever with a pong in the queue. So the stream is always polled with a waker that wakes
//! both.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Wake, Waker},
};

/// One of the two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Sender,
    Receiver,
}

#[derive(Debug, Default)]
pub(super) struct Wakers {
    sender: Mutex<Option<Waker>>,
    receiver: Mutex<Option<Waker>>,
}

impl Wakers {
    pub(super) fn register(&self, half: Half, waker: &Waker) {
        let mut slot = self.slot(half).lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(known) => known.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    pub(super) fn forget(&self, half: Half) {
        self.take(half);
    }

    pub(super) fn wake_half(&self, half: Half) {
        if let Some(waker) = self.take(half) {
            waker.wake();
        }
    }

    fn take(&self, half: Half) -> Option<Waker> {
        self.slot(half).lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    const fn slot(&self, half: Half) -> &Mutex<Option<Waker>> {
        match half {
            Half::Sender => &self.sender,
            Half::Receiver => &self.receiver,
        }
    }
}

impl Half {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_half(Half::Sender);
        self.wake_half(Half::Receiver);
    }
}
