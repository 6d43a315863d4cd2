//! One thing that waits for a client.

use std::sync::Arc;

use bytes::Bytes;

use crate::broadcast::{self, Broadcast};
use crate::hub::{Bookmark, QueueMessage};
use crate::payload::Payload;
use crate::vocabulary::{ConnectionId, Name};

/// One thing that waits, for one connection of the session.
#[derive(Debug)]
pub struct Entry {
    /// Which of the session's connections, in the numbering of its protocol; 0 where a session
    /// has one connection.
    pub slot: u32,
    /// What waits.
    pub item: Item,
}

/// What may wait for a client.
#[derive(Debug)]
pub enum Item {
    /// A broadcast that could not leave at once; `meta` says in which of its forms.
    Broadcast {
        /// The broadcast.
        broadcast: Arc<Broadcast>,
        /// Whether the membership that hears it wants the meta argument.
        meta: bool,
    },
    /// An event for this client alone; with `ack`, one that it is asked to answer under that id.
    Emit {
        /// The event's name.
        event: Name,
        /// Its arguments.
        payload: Payload,
        /// The id under which an answer is awaited.
        ack: Option<u64>,
        /// What happens where it cannot leave at once.
        class: broadcast::Class,
        /// Whether the carrier may compress it.
        compress: bool,
    },
    /// An event for this client alone that is kept for it as well, in case that it loses its session.
    Kept {
        /// The event's name.
        event: Name,
        /// Its arguments.
        payload: Payload,
        /// From where the client can go on once it has heard it.
        place: Bookmark,
        /// It is dropped where it cannot leave at once, and was not kept.
        volatile: bool,
        /// Whether the carrier may compress it.
        compress: bool,
    },
    /// A message of a queue, for one of the connection's consumers. Whoever takes it out for the socket says so:
    /// [`Namespace::delivery_left`](crate::Namespace::delivery_left).
    Delivery {
        /// Which consumer, in the numbering of its protocol.
        consumer: u32,
        /// Its number among the deliveries of this consumer, from 1: the one to settle it by.
        delivery: u64,
        /// Whether it may have been delivered before.
        redelivered: bool,
        /// The message.
        message: Arc<QueueMessage>,
    },
    /// The answer to an event of the client's.
    Reply {
        /// What the protocol gave with the event.
        token: Token,
        /// The answer.
        outcome: Outcome,
    },
    /// One item of the stream that answers an event of the client's.
    StreamItem {
        /// What the protocol gave with the event.
        token: Token,
        /// The item: one argument.
        payload: Payload,
    },
    /// The client is let into the namespace that it asked for.
    Entered {
        /// The connection's public id.
        id: ConnectionId,
        /// Its user, if known.
        user: Option<Arc<str>>,
        /// The secret by which the client can come back to this connection after its session was lost, if it can.
        recovery: Option<Arc<str>>,
    },
    /// The client is not let into the namespace that it asked for.
    Refused {
        /// Why, for the client.
        message: Arc<str>,
        /// More, if the application gave it: one argument.
        data: Option<Payload>,
    },
    /// The server ends this connection; the session that carries it goes on.
    Left,
    /// Bytes that the protocol wrote itself and that only it understands: an acknowledgement of its
    /// own, a connect packet. `text` says which kind of message they are.
    Wire {
        /// The message.
        bytes: Bytes,
        /// Text, or binary.
        text: bool,
    },
}

/// What an answer belongs to: made by the protocol that decoded the question, and read by it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An id that is a number on the wire.
    Number(u64),
    /// Anything else, as its protocol spells it.
    Text(Bytes),
    /// One answer of several that leave together: which group, which place in it.
    Member {
        /// The group.
        group: u32,
        /// The place in the group.
        place: u32,
    },
}

impl Token {
    /// The bytes that it keeps beside itself: clients choose their ids.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Number(_) | Self::Member { .. } => 0,
        }
    }
}

/// How a question of the client's was answered.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// With these values.
    Done(Payload),
    /// With a stream, which ends here.
    Ended,
    /// With an error. In a box, for few answers are one.
    Failed(Box<Failure>),
}

/// Why a question of the client's has no answer.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// A number out of the table of errors.
    pub code: i32,
    /// What was wrong.
    pub message: Arc<str>,
    /// More, as JSON, if the application gave it.
    pub data: Option<Payload>,
    /// The event, as the client wrote it: some protocols name it in their words.
    pub event: Box<str>,
    /// How many arguments came, and how many the handler takes, if that is what was wrong.
    pub count: Option<(usize, usize)>,
    /// Whether some items of a stream may have gone before.
    pub streamed: bool,
    /// Whether the conversation ends with it: the client did what it may not, or what cannot be.
    pub ends: bool,
}

impl Failure {
    /// With a code and words, and nothing else.
    pub fn new(code: i32, message: impl Into<Arc<str>>) -> Self {
        Self { code, message: message.into(), ..Self::default() }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// The class of an entry: what may happen to it in a full mailbox. (Control frames, pings and the
/// like, are no entries: the session's task writes them between two messages.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Never dropped and never overtaken.
    Reply,
    /// Dropped whole, oldest first, where the policy says so.
    Event,
    /// As an event, and replaced by the next with the same key.
    Latest,
    /// Never waits.
    Volatile,
}

/// What each entry costs a mailbox beside its payload, in bytes: about what it occupies there.
pub(crate) const FIXED_COST: usize = 128;

impl Item {
    /// Its class.
    #[inline]
    pub fn class(&self) -> Class {
        let class = match self {
            Self::Broadcast { broadcast, .. } => &broadcast.publication.class,
            // A question is awaited by somebody: as little to be dropped as an answer.
            Self::Emit { ack: Some(_), .. }
            | Self::Delivery { .. }
            | Self::Reply { .. }
            | Self::StreamItem { .. }
            | Self::Entered { .. }
            | Self::Refused { .. }
            | Self::Left
            | Self::Wire { .. } => return Class::Reply,
            Self::Kept { volatile: true, .. } => return Class::Volatile,
            Self::Kept { .. } => return Class::Event,
            Self::Emit { class, .. } => class,
        };
        match class {
            broadcast::Class::Event => Class::Event,
            broadcast::Class::Latest(_) => Class::Latest,
            broadcast::Class::Volatile => Class::Volatile,
        }
    }

    /// Whether the carrier may compress it.
    #[inline]
    pub fn may_compress(&self) -> bool {
        match self {
            Self::Emit { compress, .. } | Self::Kept { compress, .. } => *compress,
            Self::Broadcast { broadcast, .. } => broadcast.publication.compress,
            _ => true,
        }
    }

    /// The key of an item of class [`Class::Latest`].
    pub(super) fn latest_key(&self) -> Option<&Name> {
        match self {
            Self::Broadcast { broadcast, .. } => match &broadcast.publication.class {
                broadcast::Class::Latest(key) => Some(key),
                _ => None,
            },
            Self::Emit { class: broadcast::Class::Latest(key), ack: None, .. } => Some(key),
            _ => None,
        }
    }

    /// What it costs the mailbox, in bytes.
    #[inline]
    pub(crate) fn cost(&self) -> usize {
        FIXED_COST
            + match self {
                Self::Broadcast { broadcast, .. } => broadcast.size(),
                Self::Emit { event, payload, .. } | Self::Kept { event, payload, .. } => {
                    event.len() + payload.size()
                }
                Self::Delivery { message, .. } => message.size(),
                Self::Reply { token, outcome } => {
                    let outcome = match outcome {
                        Outcome::Done(payload) => payload.size(),
                        Outcome::Ended => 0,
                        Outcome::Failed(failure) => {
                            failure.message.len() + failure.data.as_ref().map_or(0, Payload::size)
                        }
                    };
                    token.size() + outcome
                }
                Self::StreamItem { token, payload } => token.size() + payload.size(),
                Self::Entered { recovery, .. } => recovery.as_ref().map_or(0, |secret| secret.len()),
                Self::Refused { message, data } => message.len() + data.as_ref().map_or(0, Payload::size),
                Self::Left => 0,
                Self::Wire { bytes, .. } => bytes.len(),
            }
    }
}
