//! Queues: named and bounded, in memory; one consumer gets a message, and settles it or returns it.
//!
//! | a message is | until |
//! |---|---|
//! | waiting | a consumer has credit: the oldest first, the consumers in turn |
//! | out, with one consumer | it is settled (then it is gone), or returned (then it waits again, in its old place) |
//!
//! The rule: a message is waiting, or out with one consumer, or gone. Its consumer is one of a connection's; whatever of
//! that is still out when the connection ends goes back. So it is delivered at least once, and marked where it may be the
//! second time; only what is settled when it is sent ([`Settles::WhenSent`]) may be lost with its connection, once it has left for the
//! socket.
//!
//! A queue is made by who first names it, and forgotten when nothing is in it, waiting or out, and nobody consumes it. Queues
//! live in this node's memory: they are lost when it restarts, and no other node knows them.
//!
//! Two bounds keep a consumer from more than it can take: `prefetch`, of what is out with it, and a part of its
//! connection's mailbox, of what has not left for the socket ([`consumer`]). One lock a namespace guards all of it
//! ([`table`]), and is held while deliveries are put into mailboxes: so they come in order.

mod consumer;
mod table;

use std::sync::Arc;

pub(super) use self::table::Queues;
use super::connection::Connection;
use super::namespace::Namespace;
use crate::admission::{self, Refused};
use crate::broadcast::Original;
use crate::payload::Payload;
use crate::vocabulary::{ConnectionId, Name};

/// One message of a queue.
#[derive(Debug, Clone)]
pub struct QueueMessage {
    /// The event's name.
    pub event: Name,
    /// Its arguments.
    pub payload: Payload,
    /// The public id of the connection that sent it, if one did.
    pub from: Option<ConnectionId>,
    /// The sender's user, if known.
    pub user: Option<Arc<str>>,
    /// When it was sent, in milliseconds since the Unix epoch: set by [`Namespace::enqueue`].
    pub time: u64,
    /// What the client wrote that it comes from, for receivers of the same wire.
    pub original: Option<Arc<Original>>,
}

impl QueueMessage {
    /// What it costs, in bytes: its payload, its name and its original. The fixed cost of an entry is the queue's own to add.
    pub fn size(&self) -> usize {
        let original = self.original.as_ref().map_or(0, |original| original.size());
        self.payload.size() + self.event.len() + original
    }
}

/// What the queues of a namespace may hold. A message counts from when it is sent until it is settled, whether it waits
/// or is out.
#[derive(Debug, Clone, Copy)]
pub struct QueueOptions {
    /// Messages in one queue. Default 10,000.
    pub messages: usize,
    /// Bytes in one queue: payloads, names and originals, and 128 for each message. Default 16 MiB.
    pub bytes: usize,
    /// Queues of a namespace. Default 1,000.
    pub queues: usize,
    /// Bytes in all queues of a namespace. Default 64 MiB.
    pub total_bytes: usize,
    /// How often a message may be returned, by its consumers or by their ends once it was sent to them: the last time, it is
    /// dropped, and the log says so. Default none: as often as may be.
    pub deliveries: Option<u32>,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { messages: 10_000, bytes: 16 << 20, queues: 1_000, total_bytes: 64 << 20, deliveries: None }
    }
}

/// How a consumer takes messages.
#[derive(Debug, Clone, Copy)]
pub struct ConsumeOptions {
    /// When a message is settled.
    pub settles: Settles,
    /// Messages that may be out with it at a time; 0 counts as 1.
    pub prefetch: usize,
}

/// When a message is settled that a consumer was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settles {
    /// When it leaves for the socket.
    WhenSent,
    /// When its consumer says so.
    ByClient,
}

/// What a consumer says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is dealt with, and gone.
    Done,
    /// It goes back to its place in the queue, and to another consumer if any can take it.
    Return,
    /// It cannot be dealt with, and is gone all the same.
    Drop,
}

/// Which bound a queue is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueBound {
    /// [`QueueOptions::messages`].
    Messages,
    /// [`QueueOptions::bytes`].
    Bytes,
    /// [`QueueOptions::total_bytes`].
    TotalBytes,
}

/// Why something could not be done with a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The queue or the event may not be called that.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The message does not fit in.
    #[error("{}", full(queue, *bound, *limit))]
    Full {
        /// The queue.
        queue: Box<str>,
        /// What it is at.
        bound: QueueBound,
        /// How much that is.
        limit: usize,
    },
    /// The namespace has as many queues as it may.
    #[error(
        "a namespace may have {limit} queues, and this one does; use one of them, or empty one and consume it no more"
    )]
    TooManyQueues {
        /// The limit.
        limit: usize,
    },
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
    /// The consumer has no such delivery out.
    #[error(
        "the consumer has no such delivery to settle; each can be settled once, by the connection that it was sent to"
    )]
    Unknown,
    /// The connection has a consumer of this number.
    #[error(
        "the connection has a consumer of this number, which is in use until it is stopped and all its deliveries are settled; take another number"
    )]
    Taken,
}

fn full(queue: &str, bound: QueueBound, limit: usize) -> String {
    match bound {
        QueueBound::Messages => format!(
            "a queue may hold {limit} messages, and {queue:?} does; send again when some have been settled"
        ),
        QueueBound::Bytes => format!(
            "a queue may hold {limit} bytes, and {queue:?} has no room for this message; send a smaller one, or again when some have been settled"
        ),
        QueueBound::TotalBytes => format!(
            "the queues of a namespace may hold {limit} bytes, and have no room for this message; send a smaller one, or again when some have been settled"
        ),
    }
}

/// How a queue stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Its name.
    pub name: Arc<str>,
    /// Messages that wait for a consumer.
    pub messages: usize,
    /// Bytes of all its messages, those that are out included, as [`QueueOptions::bytes`] counts them.
    pub bytes: usize,
    /// Messages that are out.
    pub unsettled: usize,
    /// Consumers that take messages.
    pub consumers: usize,
}

impl Namespace {
    /// Puts a message into a queue, which is made if it is new. Who may, is decided above. It is out with a consumer at once
    /// if one has credit.
    pub fn enqueue(&self, queue: &str, mut message: QueueMessage) -> Result<(), QueueError> {
        admission::admit_queue(queue)?;
        admission::admit_event_name(&message.event)?;
        message.time = self.hub().now();
        self.with_queues(|queues| queues.enqueue(queue, message))
    }

    /// Begins to deliver messages of a queue to the connection, as [`Item::Delivery`](crate::Item::Delivery) with this number
    /// of the caller's; its protocol has to have words for that. The queue is made if it is new. Who may, and how many
    /// consumers a connection may have, is decided above.
    pub fn consume(
        &self,
        connection: &Arc<Connection>,
        queue: &str,
        consumer: u32,
        options: ConsumeOptions,
    ) -> Result<(), QueueError> {
        admission::admit_queue(queue)?;
        self.with_queues(|queues| queues.consume(connection, queue, consumer, options))
    }

    /// Ends a consumer: nothing more is delivered to it. What is in the mailbox still leaves, and is still to be written:
    /// nobody else gets it, and of a consumer that settles by sending it is settled by that. What is out can be settled
    /// until the connection ends, and goes back then. Its number is free when nothing of it is out. False if there
    /// was no such consumer.
    pub fn stop_consuming(&self, connection: &Connection, consumer: u32) -> bool {
        self.with_queues(|queues| queues.stop(connection, consumer))
    }

    /// Settles one delivery of this consumer's, or with `up_to` all of its deliveries up to it.
    pub fn settle(
        &self,
        connection: &Connection,
        consumer: u32,
        delivery: u64,
        up_to: bool,
        verdict: Verdict,
    ) -> Result<(), QueueError> {
        self.with_queues(|queues| queues.settle(connection, consumer, delivery, up_to, verdict))
    }

    /// A delivery has left the mailbox for the socket, and all of this consumer's before it: there is room for more, and one
    /// that is settled when it is sent is settled. One that nobody knows (its connection has ended) is nothing to mind.
    pub fn delivery_left(&self, connection: &Connection, consumer: u32, delivery: u64) {
        self.with_queues(|queues| queues.left(connection, consumer, delivery));
    }

    /// How all queues stand, in no order.
    pub fn queues(&self) -> Vec<QueueState> {
        self.with_queues(|queues| queues.states())
    }

    /// The connection has ended: what is out with its consumers goes back.
    pub(super) fn end_consumers(&self, connection: &Connection) {
        self.with_queues(|queues| queues.end(connection));
    }

    fn with_queues<T>(&self, act: impl FnOnce(&mut Queues) -> T) -> T {
        let mut queues = self.queues.lock();
        let value = act(&mut queues);
        let worn_out = queues.take_worn_out();
        drop(queues);
        // Without the lock: the log is somebody else's code, and may want to tell clients.
        for (queue, messages) in worn_out {
            let namespace = &**self.name();
            tracing::warn!(
                namespace,
                queue = &*queue,
                messages,
                "messages were returned too often, and are dropped"
            );
        }
        value
    }
}
