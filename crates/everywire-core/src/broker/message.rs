//! What nodes tell each other, beside what is published.

use crate::payload::Payload;
use crate::vocabulary::Name;

/// A message from one node's application to those of others. It has no place in the log, and no client hears it.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeMessage {
    /// The node that told it: [`HubOptions::node`](crate::HubOptions::node).
    pub from: u64,
    /// The one node that it is for; none if it is for all others.
    pub to: Option<u64>,
    /// What it says.
    pub what: Told,
}

/// What one node's application tells others.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// An event. (Socket.IO: `serverSideEmit`.)
    Event {
        /// Its name.
        event: Name,
        /// Its arguments.
        payload: Payload,
        /// The id under which each node's answer is awaited, if one is.
        ask: Option<u64>,
    },
    /// The answer to such an event.
    Answer {
        /// The id that it had.
        ask: u64,
        /// The answer; none if its handler failed, or there is none.
        answer: Option<Payload>,
    },
}
