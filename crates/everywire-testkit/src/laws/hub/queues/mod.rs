//! Queues: each message to one consumer, in order and in turn; what is not settled goes back.

mod credit;
mod model;
mod rules;
mod stories;
mod threads;
mod watched;

use everywire_core::hub::{ConsumeOptions, QueueError, Settles, Verdict};
use everywire_core::{Payload, QueueMessage};

use crate::world::{Client, World, payload};

pub(super) use self::credit::LAWS as CREDIT;
pub(super) use self::model::LAWS as MODEL;
pub(super) use self::rules::LAWS;
pub(super) use self::stories::LAWS as STORIES;
pub(super) use self::threads::LAWS as THREADS;

/// The event `n` with a payload, from nobody.
fn message(payload: Payload) -> QueueMessage {
    QueueMessage { event: "n".into(), payload, from: None, user: None, time: 0, original: None }
}

impl World {
    /// Sends the event `n` with a number to a queue.
    fn enqueue(&self, queue: &str, number: u64) -> Result<(), QueueError> {
        self.namespace.enqueue(queue, message(payload(number)))
    }

    /// Consumes a queue, with so many messages out at a time that the client settles.
    fn consume(&self, client: &Client, queue: &str, number: u32, prefetch: usize) -> Result<(), QueueError> {
        let options = ConsumeOptions { settles: Settles::ByClient, prefetch };
        self.namespace.consume(&client.connection, queue, number, options)
    }

    /// Consumes a queue, settling what is sent.
    fn consume_sent(&self, client: &Client, queue: &str, number: u32) -> Result<(), QueueError> {
        let options = ConsumeOptions { settles: Settles::WhenSent, prefetch: usize::MAX };
        self.namespace.consume(&client.connection, queue, number, options)
    }

    /// Settles one delivery.
    fn settle_one(
        &self,
        client: &Client,
        number: u32,
        delivery: u64,
        verdict: Verdict,
    ) -> Result<(), QueueError> {
        self.namespace.settle(&client.connection, number, delivery, false, verdict)
    }

    /// How a queue stands: messages that wait, messages that are out, and consumers. None if it is forgotten.
    fn queue(&self, name: &str) -> Option<(usize, usize, usize)> {
        let state = self.namespace.queues().into_iter().find(|state| &*state.name == name)?;
        Some((state.messages, state.unsettled, state.consumers))
    }
}

impl Client {
    /// Its socket takes nothing more, and its mailbox knows.
    fn block(&self) {
        self.link.take(0);
        self.emit(0);
        while self.link.is_due() {
            self.link.run();
        }
        assert!(self.mailbox().is_blocked());
    }

    /// What it was delivered: `1.2 n 3` is the second delivery to consumer 1, which has the number 3.
    fn deliveries(&self) -> Vec<String> {
        let heard = self.heard();
        heard.iter().filter_map(|line| line.strip_prefix("take ")).map(str::to_owned).collect()
    }
}
