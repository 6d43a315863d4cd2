//! A publisher sees its own message before the reply.
//!
//! Until the broker has answered a publication of this connection's, whatever is sent to the
//! connection afterwards is held back here. With the memory broker, which answers in the same
//! call, nothing ever is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::broker::Ticket;
use crate::mailbox::Item;
use crate::vocabulary::Reason;

/// The publications of one connection that the broker has not answered, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Whether there is any: read without the lock at every send.
    waiting: AtomicBool,
    /// Absent until the first: most connections never publish.
    state: Mutex<Option<Box<State>>>,
}

#[derive(Debug, Default)]
struct State {
    unanswered: SmallVec<[Ticket; 1]>,
    held: VecDeque<Held>,
    held_bytes: usize,
}

#[derive(Debug)]
struct Held {
    /// It may leave when everything up to this is answered.
    behind: Ticket,
    what: Behind,
}

/// What stays behind a publication.
#[derive(Debug)]
pub(super) enum Behind {
    /// Something that was sent.
    Item(Item),
    /// The end of the session.
    End(Reason),
}

impl Behind {
    fn cost(&self) -> usize {
        match self {
            Self::Item(item) => item.cost(),
            Self::End(_) => 0,
        }
    }
}

/// Where it has to go.
pub(super) enum Way {
    /// On to the mailbox, now.
    Free(Behind),
    /// Nowhere: it waits here.
    Held,
    /// Nowhere: more waits than the mailbox could take.
    TooMuch,
}

impl Own {
    /// A publication is about to be submitted.
    pub(super) fn begin(&self, ticket: Ticket) {
        self.state.lock().get_or_insert_default().unanswered.push(ticket);
        self.waiting.store(true, Ordering::Release);
    }

    /// Whether any publication is unanswered: if none is, everything may go on.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether this may go on.
    pub(super) fn pass(&self, what: Behind, bound: usize) -> Way {
        if !self.is_waiting() {
            return Way::Free(what);
        }
        let mut state = self.state.lock();
        let Some(state) = state.as_deref_mut() else { return Way::Free(what) };
        // Not the last one: two threads may begin in another order than they were numbered.
        let Some(behind) = state.unanswered.iter().max().copied() else { return Way::Free(what) };
        state.held_bytes += what.cost();
        if state.held_bytes > bound {
            return Way::TooMuch;
        }
        state.held.push_back(Held { behind, what });
        Way::Held
    }

    /// The broker answered: hands everything that may go now to `send`, in order and under the lock,
    /// so that nothing sent meanwhile gets in between.
    pub(super) fn answered(&self, ticket: Ticket, mut send: impl FnMut(Behind)) {
        let mut state = self.state.lock();
        let Some(state) = state.as_deref_mut() else { return };
        state.unanswered.retain(|unanswered| *unanswered != ticket);
        let first = state.unanswered.iter().min().copied();
        while let Some(held) = state.held.front() {
            if first.is_some_and(|first| held.behind >= first) {
                break;
            }
            if let Some(held) = state.held.pop_front() {
                state.held_bytes -= held.what.cost();
                send(held.what);
            }
        }
        if state.unanswered.is_empty() {
            state.held = VecDeque::new();
            self.waiting.store(false, Ordering::Release);
        }
    }
}
