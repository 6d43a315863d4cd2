//! Entering and leaving rooms, and catching up on the way in.
//!
//! A join waits until the broker hears its rooms and, with `since`, until the broker has said what
//! was missed. Live broadcasts that arrive meanwhile are kept for it, bounded, and spliced behind the
//! history by sequence number; then the connection becomes an ordinary member, in the same step.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Hub;
use super::connection::{Connection, Membership};
use super::namespace::{HeardRoom, Namespace, State};
use super::room::{Place, Room};
use super::tickets::Waiting;
use crate::admission::{self, Refused};
use crate::broadcast::Broadcast;
use crate::broker::{BrokerError, Command, Page};
use crate::promise::{Promise, Resolver};
use crate::vocabulary::{Offset, RoomKey};

/// How to enter rooms.
#[derive(Debug, Clone, Copy, Default)]
pub struct JoinOptions {
    /// Hear first what was published after this.
    pub since: Option<Offset>,
    /// The client made the membership itself, and so gets the meta argument.
    pub meta: bool,
}

/// What a finished join tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The connection has heard all of its rooms up to here.
    pub offset: Offset,
    /// Nothing was missed: what came after `since` was all still there. False without `since`.
    pub recovered: bool,
}

/// Why a room could not be entered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The room may not be called that.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The connection is in as many rooms as it may be.
    #[error("a connection may be in {limit} rooms, and this one is; leave another first")]
    TooManyRooms {
        /// The limit.
        limit: usize,
    },
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
    /// The broker could not do its part.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// A join on its way.
pub(super) struct Joining {
    connection: Arc<Connection>,
    rooms: SmallVec<[RoomKey; 1]>,
    options: JoinOptions,
    resolver: Resolver<Result<Joined, JoinError>>,
    /// Rooms that the broker does not hear yet.
    unheard: usize,
    /// Live broadcasts, in order.
    kept: Vec<Arc<Broadcast>>,
    /// Whether more came than may be kept: a gap that the client has to be told of.
    overflowed: bool,
}

impl Joining {
    /// Keeps a live broadcast.
    pub(super) fn keep(&mut self, broadcast: &Arc<Broadcast>, bound: usize) {
        if self.kept.last().is_some_and(|last| last.seq() >= broadcast.seq()) {
            return;
        }
        if self.kept.len() < bound {
            self.kept.push(broadcast.clone());
        } else {
            self.overflowed = true;
        }
    }

    /// The connection went away.
    pub(super) fn abandon(self) {
        self.resolver.resolve(Err(JoinError::Closed));
    }
}

impl Namespace {
    /// Enters rooms. A room that the connection is in already stays as it is, but with `since` it is
    /// left and entered anew.
    pub fn join(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        rooms: impl IntoIterator<Item = RoomKey>,
        options: JoinOptions,
    ) -> Promise<Result<Joined, JoinError>> {
        let rooms: SmallVec<[RoomKey; 1]> = rooms.into_iter().collect();
        let limit = self.hub().options.rooms_per_connection;
        for room in &rooms {
            if let RoomKey::Named(name) = room
                && let Err(refused) = admission::admit_room(name)
            {
                return Promise::ready(Err(refused.into()));
            }
        }
        if options.since.is_some() {
            for room in &rooms {
                self.leave(connection, room);
            }
        }
        let held = connection.memberships.lock();
        let new = rooms.iter().filter(|room| held.iter().all(|m| m.room.key() != *room)).count();
        if held.len() + new > limit {
            return Promise::ready(Err(JoinError::TooManyRooms { limit }));
        }
        drop(held);
        self.begin_join(connection, rooms, options)
    }

    pub(super) fn join_user(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        user: Arc<str>,
    ) -> Promise<Result<Joined, JoinError>> {
        let rooms = SmallVec::from_iter([RoomKey::User(user)]);
        self.begin_join(connection, rooms, JoinOptions::default())
    }

    fn begin_join(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        rooms: SmallVec<[RoomKey; 1]>,
        options: JoinOptions,
    ) -> Promise<Result<Joined, JoinError>> {
        let hub = self.hub();
        let mut state = self.state.lock();
        if connection.is_closed() {
            return Promise::ready(Err(JoinError::Closed));
        }
        // The common case: all rooms are heard, and there is nothing to catch up on.
        if options.since.is_none()
            && let Some(joined) = state.join_heard(connection, &rooms, options.meta)
        {
            return Promise::ready(Ok(joined));
        }
        let id = state.next_joining;
        state.next_joining += 1;
        let (promise, resolver) = Promise::new();
        let unheard = rooms.iter().filter(|room| !state.is_heard(room)).count();
        let joining = Joining {
            connection: connection.clone(),
            rooms: rooms.clone(),
            options,
            resolver,
            unheard,
            kept: Vec::new(),
            overflowed: false,
        };
        for room in &rooms {
            if let Some(heard) = state.rooms.get_mut(room) {
                heard.joining.push(id);
            }
        }
        let unknown: SmallVec<[RoomKey; 1]> =
            rooms.iter().filter(|room| !state.rooms.contains_key(*room)).cloned().collect();
        state.joining.insert(id, joining);
        drop(state);
        for room in unknown {
            self.subscribe(&hub, room, id);
        }
        if unheard == 0 {
            self.all_heard(&hub, id);
        }
        promise
    }

    /// Asks the broker for a room, unless somebody else has done so by now.
    fn subscribe(self: &Arc<Self>, hub: &Arc<Hub>, room: RoomKey, joining: u64) {
        let order = self.subscriptions.lock();
        let mut state = self.state.lock();
        if !state.joining.contains_key(&joining) {
            return;
        }
        if let Some(heard) = state.rooms.get_mut(&room) {
            let is_heard = heard.heard_from.is_some();
            heard.joining.push(joining);
            drop(state);
            drop(order);
            if is_heard {
                self.one_heard(hub, joining);
            }
            return;
        }
        let heard = HeardRoom {
            room: Room::new(room.clone(), self.shards().len()),
            heard_from: None,
            joining: vec![joining],
        };
        state.rooms.insert(room.clone(), heard);
        drop(state);
        let ticket = hub.tickets.issue(Waiting::Subscribe { namespace: self.clone(), room: room.clone() });
        let command = Command::Subscribe { namespace: self.name().clone(), room };
        hub.options.broker.submit(ticket, command, hub.door());
        drop(order);
    }

    /// The broker hears this room now.
    pub(super) fn subscribed(self: &Arc<Self>, room: &RoomKey, position: Offset) {
        let hub = self.hub();
        let mut state = self.state.lock();
        state.delivered = state.delivered.max(position.seq);
        let Some(heard) = state.rooms.get_mut(room) else { return };
        heard.heard_from = Some(position);
        let waiting = heard.joining.clone();
        drop(state);
        for joining in waiting {
            self.one_heard(&hub, joining);
        }
    }

    /// One more of a join's rooms is heard.
    fn one_heard(self: &Arc<Self>, hub: &Arc<Hub>, id: u64) {
        let mut state = self.state.lock();
        let Some(joining) = state.joining.get_mut(&id) else { return };
        joining.unheard -= 1;
        if joining.unheard == 0 {
            drop(state);
            self.all_heard(hub, id);
        }
    }

    /// All of a join's rooms are heard: ask for what was missed, or finish.
    fn all_heard(self: &Arc<Self>, hub: &Arc<Hub>, id: u64) {
        let command = {
            let state = self.state.lock();
            let Some(joining) = state.joining.get(&id) else { return };
            joining.options.since.map(|since| Command::History {
                namespace: self.name().clone(),
                rooms: joining.rooms.clone(),
                since: Some(since),
                // What a room keeps is bounded by its retention.
                limit: usize::MAX - 1,
            })
        };
        match command {
            None => self.caught_up(id, None),
            Some(command) => {
                let waiting = Waiting::CatchUp { namespace: self.clone(), joining: id };
                let ticket = hub.tickets.issue(waiting);
                hub.options.broker.submit(ticket, command, hub.door());
            }
        }
    }

    /// Everything is there: the connection hears what it missed and becomes a member.
    pub(super) fn caught_up(self: &Arc<Self>, id: u64, page: Option<Page>) {
        let mut state = self.state.lock();
        let Some(joining) = state.remove_joining(id) else { return };
        let connection = joining.connection;
        // First what its other rooms heard: the log's order is the order of all of it.
        connection.settle();
        let mut last = 0;
        let recovered = page.as_ref().is_some_and(|page| page.recovered) && !joining.overflowed;
        let mut offset = state.offset_of(&joining.rooms);
        if let Some(page) = page {
            offset.epoch = page.position.epoch;
            offset.seq = offset.seq.max(page.position.seq);
            for broadcast in &page.broadcasts {
                last = broadcast.seq();
                connection.catch_up(broadcast, joining.options.meta);
            }
            last = last.max(page.position.seq);
        }
        for broadcast in joining.kept.iter().filter(|broadcast| broadcast.seq() > last) {
            connection.catch_up(broadcast, joining.options.meta);
        }
        // A page may reach beyond what was delivered so far; that is then delivered once more.
        let since = state.delivered.max(last);
        for room in &joining.rooms {
            state.enter(&connection, room, since, joining.options.meta);
        }
        offset.seq = offset.seq.max(since);
        joining.resolver.resolve(Ok(Joined { offset, recovered }));
    }

    /// The broker cannot hear this room: nobody can enter it.
    pub(super) fn subscription_failed(self: &Arc<Self>, room: &RoomKey, error: &BrokerError) {
        let joining = match self.state.lock().rooms.remove(room) {
            Some(heard) => heard.joining,
            None => return,
        };
        for id in joining {
            self.join_failed(id, error);
        }
    }

    /// The broker cannot say what was missed.
    pub(super) fn join_failed(self: &Arc<Self>, id: u64, error: &BrokerError) {
        let joining = self.state.lock().remove_joining(id);
        if let Some(joining) = joining {
            joining.resolver.resolve(Err(JoinError::Broker(error.clone())));
            for room in &joining.rooms {
                self.retire(room);
            }
        }
    }

    /// Leaves a room. Broadcasts that came before still arrive. False if the connection was not in it.
    pub fn leave(self: &Arc<Self>, connection: &Arc<Connection>, room: &RoomKey) -> bool {
        let mut state = self.state.lock();
        connection.settle();
        let left = {
            let mut memberships = connection.memberships.lock();
            let place = memberships.iter().position(|m| m.room.key() == room);
            place.map(|place| memberships.remove(place))
        };
        if let Some(membership) = &left {
            membership.room.remove(connection.shard(), membership.place);
        }
        let cancelled = state.cancel_join(connection, room);
        drop(state);
        let was_in = left.is_some() || !cancelled.is_empty();
        for joining in cancelled {
            joining.abandon();
        }
        if was_in {
            self.retire(room);
        }
        was_in
    }

    /// Hears a room no more if nobody is in it.
    fn retire(self: &Arc<Self>, room: &RoomKey) {
        if !self.state.lock().is_deserted(room) {
            return;
        }
        let order = self.subscriptions.lock();
        {
            let mut state = self.state.lock();
            if !state.is_deserted(room) {
                return;
            }
            state.rooms.remove(room);
        }
        let hub = self.hub();
        let ticket = hub.tickets.issue(Waiting::Unsubscribe);
        let command = Command::Unsubscribe { namespace: self.name().clone(), room: room.clone() };
        hub.options.broker.submit(ticket, command, hub.door());
        drop(order);
    }

    /// Takes all joins of a connection that went away out of the state.
    pub(super) fn abandon_joins(&self, state: &mut State, connection: &Arc<Connection>) -> Vec<Joining> {
        let ids: Vec<u64> = state
            .joining
            .iter()
            .filter(|(_, joining)| Arc::ptr_eq(&joining.connection, connection))
            .map(|(&id, _)| id)
            .collect();
        ids.into_iter().filter_map(|id| state.remove_joining(id)).collect()
    }
}

impl State {
    fn is_heard(&self, room: &RoomKey) -> bool {
        self.rooms.get(room).is_some_and(|heard| heard.heard_from.is_some())
    }

    fn is_deserted(&self, room: &RoomKey) -> bool {
        self.rooms.get(room).is_some_and(|heard| {
            heard.heard_from.is_some() && heard.room.is_empty() && heard.joining.is_empty()
        })
    }

    /// Where the connection now stands in the log.
    fn offset_of(&self, rooms: &[RoomKey]) -> Offset {
        let heard = rooms.iter().find_map(|room| self.rooms.get(room)?.heard_from);
        // A join is finished only when all of its rooms are heard, and it has one at least, or else
        // nothing that an offset could be of use for.
        let epoch = heard.map_or(0, |offset| offset.epoch);
        Offset { epoch, seq: self.delivered }
    }

    /// Enters rooms that are heard, all or none.
    fn join_heard(&mut self, connection: &Arc<Connection>, rooms: &[RoomKey], meta: bool) -> Option<Joined> {
        if !rooms.iter().all(|room| self.is_heard(room)) {
            return None;
        }
        connection.settle();
        for room in rooms {
            self.enter(connection, room, self.delivered, meta);
        }
        Some(Joined { offset: self.offset_of(rooms), recovered: false })
    }

    /// Makes the connection a member of a room that is heard.
    fn enter(&self, connection: &Arc<Connection>, room: &RoomKey, since: u64, meta: bool) {
        let Some(heard) = self.rooms.get(room) else { return };
        let mut memberships = connection.memberships.lock();
        if let Some(known) = memberships.iter_mut().find(|m| m.room.key() == room) {
            if meta && !known.meta {
                known.meta = true;
                let place = Place { connection: connection.clone(), since: known.since, meta };
                known.room.remove(connection.shard(), known.place);
                known.place = known.room.insert(place);
            }
            return;
        }
        let place = heard.room.insert(Place { connection: connection.clone(), since, meta });
        memberships.push(Membership { room: heard.room.clone(), place, since, meta });
    }

    fn remove_joining(&mut self, id: u64) -> Option<Joining> {
        let joining = self.joining.remove(&id)?;
        for room in &joining.rooms {
            if let Some(heard) = self.rooms.get_mut(room) {
                heard.joining.retain(|waiting| *waiting != id);
            }
        }
        Some(joining)
    }

    /// Takes this room out of the connection's joins; gives back those that have no room left.
    fn cancel_join(&mut self, connection: &Arc<Connection>, room: &RoomKey) -> Vec<Joining> {
        let Some(heard) = self.rooms.get(room) else { return Vec::new() };
        let mut cancelled = Vec::new();
        for id in heard.joining.clone() {
            let Some(joining) = self.joining.get_mut(&id) else { continue };
            if Arc::ptr_eq(&joining.connection, connection) {
                joining.rooms.retain(|waiting| waiting != room);
                if joining.rooms.is_empty() {
                    cancelled.extend(self.joining.remove(&id));
                }
                if let Some(heard) = self.rooms.get_mut(room) {
                    heard.joining.retain(|waiting| *waiting != id);
                }
            }
        }
        cancelled
    }
}
