//! The broker of a single node: everything in memory, every answer in the same call.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use super::log::RoomLog;
use super::{Broker, BrokerEvent, Command, Door, Page, Retention, Ticket};
use crate::broadcast::{Broadcast, Publication};
use crate::vocabulary::{Offset, RoomKey};

/// How many publications pass between two looks at all logs of a namespace for what is too old.
/// Rooms that are published to or read look after themselves; this is for the forgotten ones.
const SWEEP_EVERY: u64 = 1024;

/// Beyond so many logs in a namespace, those that keep nothing are forgotten. What one of them let go
/// of is then no longer known by room: all rooms without a log count as having let go of it.
const EMPTY_LOGS: usize = 4096;

/// The broker of a single node. Its logs are lost when it is dropped, and a new one has a new
/// epoch, so clients learn that they have missed something.
pub struct MemoryBroker {
    epoch: u64,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    partitions: RwLock<HashMap<Arc<str>, Arc<Mutex<Partition>>>>,
    /// The highest sequence number of any partition that is gone: where new ones begin.
    gone: AtomicU64,
}

/// The log of one namespace, and its order point: whoever holds the lock is next.
struct Partition {
    /// The sequence number of the last broadcast.
    seq: u64,
    rooms: HashMap<RoomKey, RoomLog>,
    /// The highest sequence number that a room without a log may have let go of.
    let_go: u64,
    /// The same of connections' rooms, which have no log unless they keep something.
    unkept: u64,
}

impl MemoryBroker {
    /// An empty broker. The epoch must differ from those of earlier runs, so let it be random or a
    /// start time; `clock` gives milliseconds since the Unix epoch.
    pub fn new(epoch: u64, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { epoch, clock: Box::new(clock), partitions: RwLock::default(), gone: AtomicU64::new(0) }
    }

    /// Bytes that the logs of all namespaces keep: a gauge.
    pub fn log_bytes(&self) -> usize {
        let partitions: Vec<_> = self.partitions.read().values().cloned().collect();
        partitions.iter().map(|p| p.lock().rooms.values().map(RoomLog::bytes).sum::<usize>()).sum()
    }

    fn partition(&self, namespace: &Arc<str>) -> Arc<Mutex<Partition>> {
        if let Some(partition) = self.partitions.read().get(namespace) {
            return partition.clone();
        }
        let mut partitions = self.partitions.write();
        let gone = self.gone.load(Ordering::Relaxed);
        let new = || {
            Arc::new(Mutex::new(Partition { seq: gone, rooms: HashMap::new(), let_go: gone, unkept: gone }))
        };
        partitions.entry(namespace.clone()).or_insert_with(new).clone()
    }
}

impl Broker for MemoryBroker {
    fn submit(&self, ticket: Ticket, command: Command, door: &Arc<dyn Door>) {
        match command {
            Command::Subscribe { namespace, room: _ } => {
                // Nothing to note: every delivery goes to the one node, which knows its rooms.
                let seq = self.partition(&namespace).lock().seq;
                door.event(BrokerEvent::Subscribed { ticket, position: Offset { epoch: self.epoch, seq } });
            }
            Command::Unsubscribe { .. } => door.event(BrokerEvent::Unsubscribed { ticket }),
            Command::Publish { namespace, publication, retention } => {
                let partition = self.partition(&namespace);
                let mut partition = partition.lock();
                let broadcast = partition.append(self.epoch, publication, &retention);
                let offset = broadcast.offset;
                // Under the lock: the order of deliveries is the order of the numbers.
                door.event(BrokerEvent::Deliver { namespace, broadcast });
                drop(partition);
                door.event(BrokerEvent::Published { ticket, offset });
            }
            // There is no other node.
            Command::Tell { .. } => door.event(BrokerEvent::Told { ticket }),
            Command::History { namespace, rooms, since, limit } => {
                let partition = self.partition(&namespace);
                let page = partition.lock().page(self.epoch, &rooms, since, limit, (self.clock)());
                door.event(BrokerEvent::History { ticket, page });
            }
        }
    }

    fn forget(&self, namespace: &Arc<str>) {
        let mut partitions = self.partitions.write();
        // Whoever publishes just now has it in hand; then it stays.
        let unused = partitions.get(namespace).filter(|partition| Arc::strong_count(partition) == 1);
        if let Some(seq) = unused.map(|partition| partition.lock().seq) {
            partitions.remove(namespace);
            self.gone.fetch_max(seq, Ordering::Relaxed);
        }
    }
}

impl MemoryBroker {
    /// How many namespaces have a log: a gauge.
    pub fn partition_count(&self) -> usize {
        self.partitions.read().len()
    }
}

impl Partition {
    fn append(&mut self, epoch: u64, publication: Publication, retention: &[Retention]) -> Arc<Broadcast> {
        self.seq += 1;
        let now = publication.time;
        let broadcast = Arc::new(Broadcast::new(Offset { epoch, seq: self.seq }, publication));
        for (room, &retention) in broadcast.publication.target.rooms.iter().zip(retention) {
            if let Some(log) = self.rooms.get_mut(room) {
                log.append(&broadcast, retention);
            } else if !matches!(room, RoomKey::Connection(_)) || retention.messages > 0 {
                let mut log = RoomLog::new(self.let_go);
                log.append(&broadcast, retention);
                self.rooms.insert(room.clone(), log);
            } else {
                self.unkept = self.seq;
            }
        }
        if self.seq.is_multiple_of(SWEEP_EVERY) {
            self.sweep(now);
        }
        broadcast
    }

    /// Lets go of what is too old everywhere, and of the logs that keep nothing if there are many.
    fn sweep(&mut self, now: u64) {
        let many = self.rooms.len() > EMPTY_LOGS;
        let let_go = &mut self.let_go;
        self.rooms.retain(|_, log| {
            log.expire(now);
            let retire = many && log.is_empty();
            if retire {
                *let_go = (*let_go).max(log.let_go());
            }
            !retire
        });
    }

    fn page(&mut self, epoch: u64, rooms: &[RoomKey], since: Option<Offset>, limit: usize, now: u64) -> Page {
        let known = since.is_none_or(|since| since.epoch == epoch && since.seq <= self.seq);
        // An offset of another log says nothing about this one: give what there is, and say so.
        let after = since.filter(|_| known).map_or(0, |since| since.seq);
        let mut let_go = 0;
        let mut broadcasts: SmallVec<[Arc<Broadcast>; 16]> = SmallVec::new();
        for room in rooms {
            let Some(log) = self.rooms.get_mut(room) else {
                // Of a connection without a log it is not known which of those publications were its.
                let of_connection = matches!(room, RoomKey::Connection(_));
                let_go = let_go.max(self.let_go).max(if of_connection { self.unkept } else { 0 });
                continue;
            };
            log.expire(now);
            let_go = let_go.max(log.let_go());
            if since.is_some() {
                broadcasts.extend(log.since(after).take(limit + 1).cloned());
            } else {
                broadcasts.extend(log.since(after).rev().take(limit + 1).cloned());
            }
        }
        broadcasts.sort_by_key(|broadcast| broadcast.seq());
        broadcasts.dedup_by_key(|broadcast| broadcast.seq());
        let more = broadcasts.len() > limit;
        let mut broadcasts = broadcasts.into_vec();
        if since.is_some() {
            broadcasts.truncate(limit);
        } else {
            broadcasts.drain(..broadcasts.len().saturating_sub(limit));
        }
        let cut = more && since.is_some();
        let seq = if cut { broadcasts.last().map_or(after, |last| last.seq()) } else { self.seq };
        let recovered = since.is_none() || known && let_go <= after;
        Page { broadcasts, position: Offset { epoch, seq }, recovered, more }
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
