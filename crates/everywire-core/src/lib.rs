//! The middle of Everywire: the words everything else is said in, and the hub that decides who
//! gets what.
//!
//! Nothing here knows a socket, a runtime or a wire protocol. Connections come in as [`Link`]s,
//! broadcasts leave as [`Entry`]s in mailboxes or as one shared [`Run`] of bytes that somebody
//! above encoded, and other nodes are reached through a [`Broker`].
//!
//! | to find | look in |
//! |---|---|
//! | ids, room keys, offsets, reasons, identity and rights | [`vocabulary`] |
//! | the arguments of an event, and how they cross between encodings | [`payload`] |
//! | what may be called what | [`admission`] |
//! | a published message and its cached wire forms | [`broadcast`] |
//! | what waits for one client | [`mailbox`] |
//! | namespaces, rooms, order, catch-up, queues | [`hub`] |
//! | the order point and the log | [`broker`] |

pub mod admission;
pub mod broadcast;
pub mod broker;
pub mod hub;
pub mod mailbox;
pub mod payload;
pub mod promise;
pub mod vocabulary;

pub use broadcast::{Broadcast, Class, Encode, Form, Original, Publication, Run, Sending, Target};
pub use broker::{Broker, BrokerError, BrokerEvent, Command, Door, MemoryBroker, Retention, Ticket};
pub use hub::{
    Connection, Hub, HubOptions, JoinOptions, Joined, Link, Namespace, QueueMessage, QueueOptions,
};
pub use mailbox::{Entry, Failure, Item, Mailbox, MailboxOptions, Outcome, Overflow, Token};
pub use payload::{Payload, PayloadRef};
pub use promise::{Promise, Resolver};
pub use vocabulary::{ConnectionId, Identity, Name, Offset, Reason, RoomKey, Verb};
