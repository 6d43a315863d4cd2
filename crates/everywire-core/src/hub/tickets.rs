//! Which command a broker's answer belongs to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::connection::Connection;
use super::join::JoinId;
use super::namespace::Namespace;
use super::publish::PublishError;
use crate::broker::{BrokerError, Page, Ticket};
use crate::promise::Resolver;
use crate::vocabulary::{Offset, RoomKey};

/// What is to be done with an answer.
pub(crate) enum Waiting {
    /// Tell the publisher, and let go what was held back behind it.
    Publish { resolver: Resolver<Result<Offset, PublishError>>, own: Option<Arc<Connection>> },
    /// Go on with the joins that wait for the room.
    Subscribe { namespace: Arc<Namespace>, room: RoomKey },
    /// Nothing: nobody is in the room.
    Unsubscribe,
    /// Finish this join.
    CatchUp { namespace: Arc<Namespace>, joining: JoinId },
    /// Say that the other nodes have been told.
    Tell { resolver: Resolver<Result<(), BrokerError>> },
    /// Hand over the page.
    History { resolver: Resolver<Result<Page, BrokerError>> },
}

/// The commands that the broker has not answered.
#[derive(Default)]
pub(crate) struct Tickets {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, Waiting>>,
}

impl Tickets {
    /// A ticket under which an answer is awaited.
    pub(super) fn issue(&self, waiting: Waiting) -> Ticket {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().insert(ticket, waiting);
        Ticket(ticket)
    }

    /// A ticket that is redeemed only after [`fill`](Self::fill).
    pub(super) fn reserve(&self) -> Ticket {
        Ticket(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn fill(&self, ticket: Ticket, waiting: Waiting) {
        self.waiting.lock().insert(ticket.0, waiting);
    }

    /// What an answer is for. None for a ticket that was answered before, or never issued.
    pub(super) fn redeem(&self, ticket: Ticket) -> Option<Waiting> {
        self.waiting.lock().remove(&ticket.0)
    }
}
