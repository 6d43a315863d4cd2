//! The other nodes, and the one order of a namespace.
//!
//! The guarantees, which the law suite of the testkit checks on every broker:
//!
//! 1. **One order.** The broadcasts of a namespace have sequence numbers that grow by publication.
//!    [`BrokerEvent::Deliver`] comes in that order, each once, for every room whose subscription was
//!    answered, from the position in that answer on; the answer itself comes behind all deliveries up to
//!    its position. What is published to a [`RoomKey::Connection`] comes to every node, unasked: a subscription
//!    for each connection would cost more than what is published to them.
//! 2. **Own before answer.** A publication to a room that this node hears is delivered before its
//!    [`BrokerEvent::Published`] comes.
//! 3. **History meets live.** [`BrokerEvent::History`] for a room that was subscribed before the command
//!    was submitted reaches at least to the position of that subscription: history and deliveries
//!    overlap or touch, and are spliced by sequence number.
//! 4. **Every ticket is answered once**, with success or with [`BrokerEvent::Failed`].
//! 5. **Truth about loss.** A page says `recovered` only if no asked room has let go of anything after
//!    the offset that was asked for.
//! 6. **What nodes tell each other** ([`Command::Tell`]) comes to every other node at most once, in the order in which one
//!    node told it, and never to that node itself. It has no place in the log, and none among deliveries.
//!
//! All functions are synchronous and return at once. A broker may answer in the same call, as the
//! memory broker does, or later from any thread; deliveries of one namespace come one at a time.

mod log;
mod memory;
mod message;
mod retention;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::broadcast::{Broadcast, Publication};
use crate::vocabulary::{Offset, RoomKey};

pub use memory::MemoryBroker;
pub use message::{NodeMessage, Told};
pub use retention::Retention;

/// Names a command, so that its answer can be told from others. Chosen by whoever submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What a node asks of the broker.
#[derive(Debug)]
pub enum Command {
    /// Hear these rooms of a namespace from now on.
    Subscribe {
        /// The namespace.
        namespace: Arc<str>,
        /// The room.
        room: RoomKey,
    },
    /// Hear this room no more.
    Unsubscribe {
        /// The namespace.
        namespace: Arc<str>,
        /// The room.
        room: RoomKey,
    },
    /// Give this its place in the order, keep it as each room's retention says, deliver it.
    Publish {
        /// The namespace.
        namespace: Arc<str>,
        /// What to publish.
        publication: Publication,
        /// How long each of the target's rooms keeps it; as many as there are rooms.
        retention: SmallVec<[Retention; 1]>,
    },
    /// Read what these rooms keep, merged in order.
    History {
        /// The namespace.
        namespace: Arc<str>,
        /// The rooms.
        rooms: SmallVec<[RoomKey; 1]>,
        /// Only what came after this.
        since: Option<Offset>,
        /// At most so many: the first with `since`, the last without.
        limit: usize,
    },
    /// Tell the other nodes.
    Tell {
        /// The namespace whose handlers are told.
        namespace: Arc<str>,
        /// What they are told.
        message: NodeMessage,
    },
}

/// What the broker answers or reports, through the one door.
#[derive(Debug)]
pub enum BrokerEvent {
    /// The room is heard: everything after this position will be delivered.
    Subscribed {
        /// The command's.
        ticket: Ticket,
        /// Where hearing begins.
        position: Offset,
    },
    /// The room is heard no more.
    Unsubscribed {
        /// The command's.
        ticket: Ticket,
    },
    /// The publication has its place.
    Published {
        /// The command's.
        ticket: Ticket,
        /// Its place.
        offset: Offset,
    },
    /// What was asked for.
    History {
        /// The command's.
        ticket: Ticket,
        /// What the rooms keep.
        page: Page,
    },
    /// The others have been told, or will be.
    Told {
        /// The command's.
        ticket: Ticket,
    },
    /// The command could not be carried out.
    Failed {
        /// The command's.
        ticket: Ticket,
        /// Why.
        error: BrokerError,
    },
    /// A broadcast for a room that this node hears.
    Deliver {
        /// The namespace.
        namespace: Arc<str>,
        /// The broadcast.
        broadcast: Arc<Broadcast>,
    },
    /// Another node tells this one something.
    Message {
        /// The namespace.
        namespace: Arc<str>,
        /// What it tells.
        message: NodeMessage,
    },
}

/// A part of a namespace's log.
#[derive(Debug, Clone)]
pub struct Page {
    /// The broadcasts, in order.
    pub broadcasts: Vec<Arc<Broadcast>>,
    /// The place behind the last broadcast of the namespace when this was read; with `more`, behind
    /// the last of this page.
    pub position: Offset,
    /// Whether the page holds everything that these rooms heard after `since`. True without `since`.
    pub recovered: bool,
    /// Whether `limit` cut the page short.
    pub more: bool,
}

/// Why a broker could not carry out a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The broker cannot be reached; the command may or may not have been carried out.
    #[error("the broker cannot be reached: {0}")]
    Unreachable(Arc<str>),
    /// The broker refused.
    #[error("the broker refused: {0}")]
    Refused(Arc<str>),
}

/// Where a broker's events go.
pub trait Door: Send + Sync {
    /// Takes one event. On [`BrokerEvent::Deliver`] and [`BrokerEvent::Published`] it never calls back into the broker,
    /// which may hold its order point's lock; on any other event it may submit what follows from it.
    fn event(&self, event: BrokerEvent);
}

/// The way to the other nodes. See the [module](self) for what it guarantees.
pub trait Broker: Send + Sync + 'static {
    /// Submits a command. Its answer comes through `door`, in this call or later.
    fn submit(&self, ticket: Ticket, command: Command, door: &Arc<dyn Door>);

    /// Nobody on this node is in this namespace, which has no handlers of its own: what is kept for it may go, if no
    /// other node needs it. Places in its log never come twice all the same.
    fn forget(&self, _namespace: &Arc<str>) {}

    /// How many nodes share it, this one included, as far as it knows. Default: 1.
    fn nodes(&self) -> usize {
        1
    }
}
