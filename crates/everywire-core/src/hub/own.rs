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

/// The publications of one connection that the broker has not answered, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Whether there is any: read without the lock at every send.
    waiting: AtomicBool,
    state: Mutex<State>,
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
    item: Item,
}

/// Where an item has to go.
pub(super) enum Way {
    /// On to the mailbox, now.
    Free(Item),
    /// Nowhere: it waits here.
    Held,
    /// Nowhere: more waits than the mailbox could take.
    TooMuch,
}

impl Own {
    /// A publication is about to be submitted.
    pub(super) fn begin(&self, ticket: Ticket) {
        self.state.lock().unanswered.push(ticket);
        self.waiting.store(true, Ordering::Release);
    }

    /// Whether this item may go on.
    pub(super) fn pass(&self, item: Item, bound: usize) -> Way {
        if !self.waiting.load(Ordering::Acquire) {
            return Way::Free(item);
        }
        let mut state = self.state.lock();
        let behind = match (state.unanswered.last(), state.held.back()) {
            (Some(&last), _) => last,
            (None, Some(held)) => held.behind,
            (None, None) => return Way::Free(item),
        };
        state.held_bytes += item.cost();
        if state.held_bytes > bound {
            return Way::TooMuch;
        }
        state.held.push_back(Held { behind, item });
        Way::Held
    }

    /// The broker answered: hands everything that may go now to `send`, in order and under the lock,
    /// so that nothing sent meanwhile gets in between.
    pub(super) fn answered(&self, ticket: Ticket, mut send: impl FnMut(Item)) {
        let mut state = self.state.lock();
        state.unanswered.retain(|unanswered| *unanswered != ticket);
        let first = state.unanswered.iter().min().copied();
        while let Some(held) = state.held.front() {
            if first.is_some_and(|first| held.behind >= first) {
                break;
            }
            if let Some(held) = state.held.pop_front() {
                state.held_bytes -= held.item.cost();
                send(held.item);
            }
        }
        if state.unanswered.is_empty() {
            state.held = VecDeque::new();
            self.waiting.store(false, Ordering::Release);
        }
    }
}
