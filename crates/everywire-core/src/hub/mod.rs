//! Who gets what: namespaces, connections, rooms, and the order in which all of it is heard.
//!
//! The hub is synchronous and knows neither sockets nor protocols. It takes locks only in this order,
//! and calls a broker while it holds none of them:
//!
//! the broker's own → `Namespace::state` → a namespace's queues → what waits behind a connection's own publications →
//! a shard's queue → a connection's memberships → a room's places → a mailbox
//!
//! How a broadcast travels: the broker delivers it (`door`); it is appended to the queue of every
//! shard that has members of its rooms (`shard`); that shard's flusher takes all that is queued as
//! one [`Pass`] and writes it to each member (`pass`). Whatever else is sent to a connection first
//! *settles* what is queued for it, so nothing overtakes a broadcast that was there before.

mod catch_up;
mod connection;
mod door;
mod join;
mod joined;
mod link;
mod namespace;
mod own;
mod pass;
mod publish;
mod questions;
mod queue;
mod recent;
mod room;
mod shard;
mod tickets;

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};

pub use connection::{Connection, Send, Spec};
pub use joined::{JoinError, JoinOptions, Joined};
pub use link::Link;
pub use namespace::{Member, Namespace};
pub use pass::Pass;
pub use publish::PublishError;
pub use questions::AckError;
pub use queue::{
    ConsumeOptions, QueueBound, QueueError, QueueMessage, QueueOptions, QueueState, Settles, Verdict,
};
pub use recent::{Bookmark, Recent};
pub use room::Room;

use self::door::HubDoor;
use self::tickets::{Tickets, Waiting};
use crate::broadcast::Encode;
use crate::broker::{Broker, BrokerError, Command, Door, NodeMessage, Retention, Told};
use crate::promise::Promise;
use crate::vocabulary::RoomKey;

/// Told when a shard of a namespace has broadcasts and no flusher at work on them.
pub trait Flush: std::marker::Send + Sync + 'static {
    /// Runs passes over this shard until [`Namespace::begin_pass`] gives none: soon, and not in this call.
    fn flush(&self, namespace: &Arc<Namespace>, shard: usize);
}

/// How long each room of a namespace keeps what it heard: asked at each publication.
pub type RetentionRule = Arc<dyn Fn(&str, &RoomKey) -> Retention + std::marker::Send + Sync>;

/// Who hears what another node tells: the name of the namespace, and the message.
pub type OnTold = Arc<dyn Fn(&Arc<str>, NodeMessage) + std::marker::Send + Sync>;

/// What a hub is built from.
pub struct HubOptions {
    /// The way to other nodes.
    pub broker: Arc<dyn Broker>,
    /// Turns broadcasts into bytes.
    pub encode: Arc<dyn Encode>,
    /// Runs the passes.
    pub flush: Arc<dyn Flush>,
    /// Milliseconds since the Unix epoch.
    pub clock: Arc<dyn Fn() -> u64 + std::marker::Send + Sync>,
    /// How long rooms keep what they heard.
    pub retention: RetentionRule,
    /// Into how many parts the connections are divided, each with a flusher: one a worker thread.
    pub shards: usize,
    /// Rooms that one connection may be in. Default 128, as Centrifugo's `client.channel_limit`.
    pub rooms_per_connection: usize,
    /// Broadcasts that may wait for one membership while it catches up. Default 1,024.
    pub catch_up_queue: usize,
    /// What tells this node from the others of its broker. Default 0, which does for one.
    pub node: u64,
    /// What the queues of a namespace may hold.
    pub queues: QueueOptions,
    /// Called with what another node tells this one, in the broker's own call: it only notes it. Default: nobody hears.
    pub told: Option<OnTold>,
}

impl HubOptions {
    /// Defaults for everything that has one.
    pub fn new(broker: Arc<dyn Broker>, encode: Arc<dyn Encode>, flush: Arc<dyn Flush>) -> Self {
        Self {
            broker,
            encode,
            flush,
            clock: Arc::new(unix_ms),
            retention: Arc::new(|_, _| Retention::NONE),
            shards: 1,
            rooms_per_connection: 128,
            catch_up_queue: 1024,
            node: 0,
            queues: QueueOptions::default(),
            told: None,
        }
    }
}

impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubOptions")
            .field("shards", &self.shards)
            .field("rooms_per_connection", &self.rooms_per_connection)
            .field("catch_up_queue", &self.catch_up_queue)
            .finish_non_exhaustive()
    }
}

/// Now, in milliseconds since the Unix epoch.
pub fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// How many namespaces that were to be forgotten are looked at in one go.
const FORGET_AT_ONCE: usize = 4;

/// The namespaces of this node.
pub struct Hub {
    pub(crate) options: HubOptions,
    pub(crate) namespaces: RwLock<HashMap<Arc<str>, Arc<Namespace>>>,
    pub(crate) tickets: Tickets,
    /// Namespaces that are to be forgotten, and were in somebody's hand.
    stale: Mutex<Vec<Arc<str>>>,
    door: OnceLock<Arc<dyn Door>>,
    extension: OnceLock<Box<dyn Any + std::marker::Send + Sync>>,
}

impl Hub {
    /// A hub without namespaces.
    pub fn new(options: HubOptions) -> Arc<Self> {
        let hub = Arc::new(Self {
            options,
            namespaces: RwLock::default(),
            tickets: Tickets::default(),
            stale: Mutex::default(),
            door: OnceLock::new(),
            extension: OnceLock::new(),
        });
        let door: Arc<dyn Door> = Arc::new(HubDoor(Arc::downgrade(&hub)));
        if hub.door.set(door).is_err() {
            unreachable!("a new hub has no door yet");
        }
        hub
    }

    /// The namespace of this name, made if it is new. Who may make one is decided above.
    pub fn namespace(self: &Arc<Self>, name: &str) -> Arc<Namespace> {
        if let Some(namespace) = self.find_namespace(name) {
            return namespace;
        }
        let mut namespaces = self.namespaces.write();
        let name: Arc<str> = name.into();
        namespaces.entry(name.clone()).or_insert_with(|| Namespace::new(self, name)).clone()
    }

    /// The namespace of this name, if it exists.
    pub fn find_namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.namespaces.read().get(name).cloned()
    }

    /// Forgets a namespace that nobody is in, with what its rooms kept and its queues hold. One that somebody still has in hand is looked
    /// at again when the next is forgotten.
    pub fn forget(&self, name: &Arc<str>) {
        let mut gone = Vec::new();
        let mut namespaces = self.namespaces.write();
        let mut stale = self.stale.lock();
        if !stale.contains(name) {
            stale.push(name.clone());
        }
        let again = stale.len().min(FORGET_AT_ONCE);
        for name in stale.drain(..again).collect::<Vec<_>>() {
            // Nobody takes another in hand while the table is locked.
            let unused = |namespace: &Arc<Namespace>| {
                Arc::strong_count(namespace) == 1 && namespace.connection_count() == 0
            };
            match namespaces.get(&name) {
                Some(namespace) if unused(namespace) => {
                    namespaces.remove(&name);
                    gone.push(name);
                }
                // It is in use again, and forgotten with its next last connection; or is in somebody's hand.
                Some(namespace) if namespace.connection_count() == 0 => stale.push(name),
                _ => {}
            }
        }
        drop((namespaces, stale));
        for name in gone {
            self.options.broker.forget(&name);
        }
    }

    /// Tells all other nodes, or one. The promise says that the broker has it.
    pub fn tell(
        &self,
        namespace: &Arc<str>,
        to: Option<u64>,
        what: Told,
    ) -> Promise<Result<(), BrokerError>> {
        let (promise, resolver) = Promise::new();
        let ticket = self.tickets.issue(Waiting::Tell { resolver });
        let message = NodeMessage { from: self.options.node, to, what };
        self.options.broker.submit(
            ticket,
            Command::Tell { namespace: namespace.clone(), message },
            self.door(),
        );
        promise
    }

    /// How many nodes share the broker, this one included, as far as that knows.
    pub fn nodes(&self) -> usize {
        self.options.broker.nodes()
    }

    /// Whether another node tells it this one.
    fn is_for_us(&self, message: &NodeMessage) -> bool {
        let node = self.options.node;
        message.from != node && message.to.is_none_or(|to| to == node)
    }

    /// All namespaces, in no order.
    pub fn namespaces(&self) -> Vec<Arc<Namespace>> {
        self.namespaces.read().values().cloned().collect()
    }

    /// The time, in milliseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        (self.options.clock)()
    }

    /// Whatever the layer above keeps with the hub: set once, the first stays.
    pub fn set_extension<T: Any + std::marker::Send + Sync>(&self, extension: T) {
        let _ = self.extension.set(Box::new(extension));
    }

    /// What [`set_extension`](Self::set_extension) was given, if it is of this type.
    pub fn extension<T: Any>(&self) -> Option<&T> {
        self.extension.get()?.downcast_ref()
    }

    pub(crate) fn door(&self) -> &Arc<dyn Door> {
        self.door.get().expect("set when the hub was made")
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("options", &self.options).finish_non_exhaustive()
    }
}
