//! A named world with its own rooms and its own order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use serde_json::value::RawValue;

use super::Hub;
use super::catch_up::Joining;
use super::connection::{Connection, Spec};
use super::join::JoinId;
use super::pass::Pass;
use super::queue::Queues;
use super::room::Room;
use super::shard::Shard;
use super::tickets::Waiting;
use crate::broker::{BrokerError, Command, Page};
use crate::promise::Promise;
use crate::vocabulary::{ConnectionId, Offset, Reason, RoomKey};

/// A named world with its own rooms and its own order. (SignalR: hub.)
pub struct Namespace {
    name: Arc<str>,
    pub(super) hub: Weak<Hub>,
    shards: Box<[Shard]>,
    pub(super) state: Mutex<State>,
    pub(super) queues: Mutex<Queues>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) rooms: HashMap<RoomKey, HeardRoom>,
    pub(super) connections: HashMap<ConnectionId, Arc<Connection>>,
    /// The place of the last broadcast that the broker delivered, or of a later subscription.
    pub(super) delivered: u64,
    /// Joins that wait for the broker.
    pub(super) joining: BTreeMap<JoinId, Joining>,
    pub(super) next_joining: u64,
    /// What the broker has to be told, in the order in which it was decided.
    pub(super) orders: VecDeque<(Waiting, Command)>,
    /// Whether somebody is telling it.
    telling: bool,
}

/// A room that this node hears, or has asked to.
pub(super) struct HeardRoom {
    pub(super) room: Arc<Room>,
    /// Where hearing began; none until the broker has answered.
    pub(super) heard_from: Option<Offset>,
    /// Joins that live broadcasts are kept for.
    pub(super) joining: Vec<JoinId>,
}

/// A member of a room, as presence shows it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Member {
    /// Its public id.
    pub connection: ConnectionId,
    /// Its user, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<str>>,
    /// What the application shows beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Arc<RawValue>>,
}

impl Namespace {
    pub(super) fn new(hub: &Arc<Hub>, name: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            name,
            hub: Arc::downgrade(hub),
            shards: (0..hub.options.shards.max(1)).map(|_| Shard::default()).collect(),
            state: Mutex::default(),
            queues: Mutex::new(Queues::new(hub.options.queues)),
        })
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn shard(&self, shard: usize) -> &Shard {
        &self.shards[shard]
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The hub that it belongs to.
    pub fn hub(&self) -> Arc<Hub> {
        // The program keeps the hub for as long as anything of it is in use.
        self.hub.upgrade().expect("the hub outlives its namespaces' users")
    }

    /// A client has arrived. It is in its user's room from the start.
    pub fn connect(self: &Arc<Self>, spec: Spec) -> Arc<Connection> {
        let user = spec.identity.user.clone();
        let connection = {
            let mut state = self.state.lock();
            let connection = Connection::new(self.clone(), spec, state.delivered);
            state.connections.insert(connection.id(), connection.clone());
            if state.is_heard(&RoomKey::Everyone) {
                state.enter(&connection, &RoomKey::Everyone, false, state.delivered);
            }
            connection
        };
        if let Some(user) = user {
            self.join_user(&connection, user);
        }
        connection
    }

    /// A client has gone: it leaves its rooms, nobody waits for its answers, and what it has not settled goes back to
    /// its queues.
    pub fn disconnect(self: &Arc<Self>, connection: &Arc<Connection>) {
        let mut state = self.state.lock();
        if state.connections.remove(&connection.id()).is_some() {
            connection.close();
            self.leave_all(&mut state, connection);
            drop(state);
            // Whoever begins to consume looks whether the connection is closed, under the same lock. This comes before the
            // broker is told, for who tells it does so for all who come meanwhile.
            self.end_consumers(connection);
            self.tell(self.state.lock());
        }
    }

    /// Tells the broker what was decided, in the order of the decisions: whoever comes first does it for
    /// all. No lock is held meanwhile, so an answer in the same call may decide more.
    pub(super) fn tell(&self, mut state: MutexGuard<'_, State>) {
        if state.telling || state.orders.is_empty() {
            return;
        }
        state.telling = true;
        let hub = self.hub();
        while let Some((waiting, command)) = state.orders.pop_front() {
            MutexGuard::unlocked(&mut state, || {
                hub.options.broker.submit(hub.tickets.issue(waiting), command, hub.door());
            });
        }
        state.telling = false;
    }

    /// The connection of this id, if it is on this node.
    pub fn connection(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.state.lock().connections.get(&id).cloned()
    }

    /// How many connections are on this node.
    pub fn connection_count(&self) -> usize {
        self.state.lock().connections.len()
    }

    /// All connections on this node, in no order.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        self.state.lock().connections.values().cloned().collect()
    }

    /// The rooms that have members on this node, with how many, in no order.
    pub fn rooms(&self) -> Vec<(RoomKey, usize)> {
        let state = self.state.lock();
        let named = state.rooms.iter().filter(|(key, _)| **key != RoomKey::Everyone);
        named.map(|(key, heard)| (key.clone(), heard.room.len())).collect()
    }

    /// The connections of a room on this node, in no order.
    pub fn local_members(&self, room: &RoomKey) -> Vec<Arc<Connection>> {
        let state = self.state.lock();
        match room {
            RoomKey::Connection(id) => state.connections.get(id).cloned().into_iter().collect(),
            RoomKey::Everyone => state.connections.values().cloned().collect(),
            _ => state.rooms.get(room).map(|heard| heard.room.connections()).unwrap_or_default(),
        }
    }

    /// Who is in a room, in the order of their ids.
    pub fn presence(&self, room: &RoomKey) -> Promise<Result<Vec<Member>, BrokerError>> {
        let mut members: Vec<Member> = self.local_members(room).iter().map(Member::of).collect();
        members.sort_by_key(|member| member.connection);
        Promise::ready(Ok(members))
    }

    /// What these rooms keep: the first `limit` after `since`, or the last `limit`.
    pub fn history(
        &self,
        rooms: impl IntoIterator<Item = RoomKey>,
        since: Option<Offset>,
        limit: usize,
    ) -> Promise<Result<Page, BrokerError>> {
        let hub = self.hub();
        let (promise, resolver) = Promise::new();
        let ticket = hub.tickets.issue(Waiting::History { resolver });
        let rooms = rooms.into_iter().collect();
        let command = Command::History { namespace: self.name.clone(), rooms, since, limit };
        hub.options.broker.submit(ticket, command, hub.door());
        promise
    }

    /// Ends every session on this node that carries a connection of this room.
    pub fn disconnect_room(&self, room: &RoomKey, reason: Reason) -> usize {
        let members = self.local_members(room);
        for member in &members {
            member.end(reason);
        }
        members.len()
    }

    /// What is queued for this shard, as one pass. None ends the flusher's work until it is called
    /// again.
    pub fn begin_pass(self: &Arc<Self>, shard: usize) -> Option<Pass> {
        let deliveries = self.shards[shard].next_pass()?;
        Some(Pass::new(self.hub().options.encode.clone(), shard, deliveries))
    }
}

impl Member {
    fn of(connection: &Arc<Connection>) -> Self {
        let identity = connection.identity();
        Self { connection: connection.id(), user: identity.user.clone(), data: identity.data.clone() }
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("name", &self.name).finish_non_exhaustive()
    }
}
