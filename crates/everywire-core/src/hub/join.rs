//! Entering and leaving rooms, and catching up on the way in.
//!
//! A join waits until the broker hears its rooms and, with `since`, until the broker has said what
//! was missed ([`catch_up`](super::catch_up)). Then the connection becomes an ordinary member, in the
//! same step.
//!
//! What is decided here is decided under the namespace's lock, and what the broker has to be told of it is
//! queued there: see [`Namespace::tell`].

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::MutexGuard;
use smallvec::SmallVec;

use super::catch_up::{Joining, Wanted};
use super::connection::{Connection, Membership};
use super::joined::{JoinError, JoinOptions, Joined};
use super::namespace::{HeardRoom, Namespace, State};
use super::room::{Place, Room};
use super::tickets::Waiting;
use crate::admission;
use crate::broker::{BrokerError, Command};
use crate::mailbox::Item;
use crate::promise::Promise;
use crate::vocabulary::{ConnectionId, Offset, RoomKey};

/// Names a join on its way: whose it is, and a number.
pub(super) type JoinId = (ConnectionId, u64);

impl Namespace {
    /// Enters rooms, all or none. A room that the connection is in already stays as it is, but with
    /// `since` it is left and entered anew.
    pub fn join(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        rooms: impl IntoIterator<Item = RoomKey>,
        options: JoinOptions,
    ) -> Promise<Result<Joined, JoinError>> {
        self.join_all(connection, rooms.into_iter().map(|room| (room, options.meta)), options.since)
    }

    /// The same for rooms of which some are to be heard with the meta argument and some without: what a connection that
    /// comes back was in.
    pub fn join_all(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        rooms: impl IntoIterator<Item = (RoomKey, bool)>,
        since: Option<Offset>,
    ) -> Promise<Result<Joined, JoinError>> {
        let mut wanted = Wanted { since, ..Wanted::default() };
        for (room, meta) in rooms {
            if let RoomKey::Named(name) = &room
                && let Err(refused) = admission::admit_room(name)
            {
                return Promise::ready(Err(refused.into()));
            }
            if !wanted.rooms.contains(&room) {
                if meta {
                    wanted.with_meta.push(room.clone());
                }
                wanted.rooms.push(room);
            }
        }
        self.begin_bounded(connection, wanted)
    }

    /// Enters a room for one more subscription of a client whose protocol tells them apart itself (STOMP). `mark` is sent to
    /// it just before what the new one is the first to hear; with `since` that is what the others have heard already, again.
    pub fn join_marked(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        room: Arc<str>,
        since: Option<Offset>,
        mark: Item,
    ) -> Promise<Result<Joined, JoinError>> {
        if let Err(refused) = admission::admit_room(&room) {
            return Promise::ready(Err(refused.into()));
        }
        let rooms = SmallVec::from_iter([RoomKey::Named(room)]);
        let wanted = Wanted { with_meta: rooms.clone(), rooms, since, mark: Some(mark) };
        self.begin_bounded(connection, wanted)
    }

    fn begin_bounded(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        wanted: Wanted,
    ) -> Promise<Result<Joined, JoinError>> {
        let limit = self.hub().options.rooms_per_connection;
        let mut state = self.state.lock();
        if state.would_exceed(limit, connection, &wanted.rooms) {
            return Promise::ready(Err(JoinError::TooManyRooms { limit }));
        }
        if wanted.since.is_some() && !connection.is_closed() {
            self.take_out(&mut state, connection, &wanted.rooms);
        }
        self.begin_join(state, connection, wanted)
    }

    pub(super) fn join_user(self: &Arc<Self>, connection: &Arc<Connection>, user: Arc<str>) {
        let rooms = SmallVec::from_iter([RoomKey::User(user)]);
        // There is nobody to tell of a broker that fails here, and it reports its own troubles.
        drop(self.begin_join(self.state.lock(), connection, Wanted { rooms, ..Wanted::default() }));
    }

    fn begin_join(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        connection: &Arc<Connection>,
        mut wanted: Wanted,
    ) -> Promise<Result<Joined, JoinError>> {
        if connection.is_closed() {
            return Promise::ready(Err(JoinError::Closed));
        }
        // The common case: all rooms are heard, and there is nothing to catch up on.
        if wanted.since.is_none()
            && let Some(joined) = state.join_heard(connection, &mut wanted)
        {
            return Promise::ready(Ok(joined));
        }
        let id = (connection.id(), state.next_joining);
        state.next_joining += 1;
        for room in &wanted.rooms {
            if !state.rooms.contains_key(room) {
                self.begin_hearing(&mut state, room);
            }
            if let Some(heard) = state.rooms.get_mut(room) {
                heard.joining.push(id);
            }
        }
        let (promise, resolver) = Promise::new();
        let joining = Joining::new(connection.clone(), wanted, state.delivered, resolver);
        state.joining.insert(id, joining);
        self.proceed(&mut state, id);
        self.tell(state);
        promise
    }

    fn begin_hearing(self: &Arc<Self>, state: &mut State, room: &RoomKey) {
        let heard = HeardRoom {
            room: Room::new(room.clone(), self.shards().len()),
            heard_from: None,
            joining: Vec::new(),
        };
        state.rooms.insert(room.clone(), heard);
        let waiting = Waiting::Subscribe { namespace: self.clone(), room: room.clone() };
        let command = Command::Subscribe { namespace: self.name().clone(), room: room.clone() };
        state.orders.push_back((waiting, command));
    }

    /// Hears a room no more if nobody is in it or on the way in. One that the broker has not answered for
    /// waits for the answer.
    pub(super) fn retire(&self, state: &mut State, room: &RoomKey) {
        let deserted = state.rooms.get(room).is_some_and(|heard| {
            heard.heard_from.is_some() && heard.room.is_empty() && heard.joining.is_empty()
        });
        if deserted {
            state.rooms.remove(room);
            if *room == RoomKey::Everyone {
                return;
            }
            let command = Command::Unsubscribe { namespace: self.name().clone(), room: room.clone() };
            state.orders.push_back((Waiting::Unsubscribe, command));
        }
    }

    /// The broker hears this room now.
    pub(super) fn subscribed(self: &Arc<Self>, room: &RoomKey, position: Offset) {
        let mut state = self.state.lock();
        state.delivered = state.delivered.max(position.seq);
        if *room == RoomKey::Everyone {
            state.keep_everyone(position.epoch, self.shards().len());
        }
        let Some(heard) = state.rooms.get_mut(room) else { return };
        heard.heard_from.get_or_insert(position);
        for id in heard.joining.clone() {
            self.proceed(&mut state, id);
        }
        self.retire(&mut state, room);
        self.tell(state);
    }

    /// The broker cannot hear this room: nobody can enter it.
    pub(super) fn subscription_failed(self: &Arc<Self>, room: &RoomKey, error: &BrokerError) {
        let mut state = self.state.lock();
        let Some(heard) = state.rooms.remove(room) else { return };
        for id in heard.joining {
            self.fail(&mut state, id, &JoinError::Broker(error.clone()));
        }
        self.tell(state);
    }

    /// The broker cannot say what was missed.
    pub(super) fn join_failed(self: &Arc<Self>, id: JoinId, error: &BrokerError) {
        let mut state = self.state.lock();
        self.fail(&mut state, id, &JoinError::Broker(error.clone()));
        self.tell(state);
    }

    fn fail(&self, state: &mut State, id: JoinId, error: &JoinError) {
        if let Some(joining) = state.remove_joining(id) {
            for room in &joining.wanted.rooms {
                self.retire(state, room);
            }
            joining.resolver.resolve(Err(error.clone()));
        }
    }

    /// Leaves a room, or gives up entering it. Broadcasts that came before still arrive. False if the
    /// connection was neither in it nor on the way in.
    pub fn leave(self: &Arc<Self>, connection: &Arc<Connection>, room: &RoomKey) -> bool {
        let mut state = self.state.lock();
        let was_in = self.take_out(&mut state, connection, std::slice::from_ref(room));
        self.retire(&mut state, room);
        self.tell(state);
        was_in
    }

    /// Leaves everything, for good.
    pub(super) fn leave_all(self: &Arc<Self>, state: &mut State, connection: &Arc<Connection>) {
        let on_the_way: Vec<JoinId> = state.joins_of(connection.id()).map(|(id, _)| *id).collect();
        for id in on_the_way {
            self.fail(state, id, &JoinError::Closed);
        }
        let rooms = connection.all_rooms();
        self.take_out(state, connection, &rooms);
        for room in &rooms {
            self.retire(state, room);
        }
    }

    /// Takes the connection out of rooms, and out of its joins of them; the rooms may be deserted then. True if
    /// there was anything to take it out of.
    fn take_out(
        self: &Arc<Self>,
        state: &mut State,
        connection: &Arc<Connection>,
        rooms: &[RoomKey],
    ) -> bool {
        connection.settle();
        let mut left = SmallVec::<[Membership; 1]>::new();
        connection.memberships.lock().retain(|membership| {
            let stays = !rooms.contains(membership.room.key());
            if !stays {
                left.push(membership.clone());
            }
            stays
        });
        for membership in &left {
            membership.room.remove(connection.shard(), membership.place);
        }
        let mut joins = Vec::new();
        for room in rooms {
            let Some(heard) = state.rooms.get_mut(room) else { continue };
            heard.joining.retain(|&id| {
                let stays = id.0 != connection.id();
                if !stays {
                    joins.push(id);
                }
                stays
            });
        }
        // In the order in which they began.
        joins.sort_unstable();
        joins.dedup();
        for id in &joins {
            if let Some(joining) = state.joining.get_mut(id) {
                joining.wanted.rooms.retain(|room| !rooms.contains(room));
            }
        }
        for &id in &joins {
            // If rooms are left, these may have been the ones that they waited for.
            let is_empty = state.joining.get(&id).is_some_and(|joining| joining.wanted.rooms.is_empty());
            if is_empty { self.fail(state, id, &JoinError::Left) } else { self.proceed(state, id) }
        }
        !left.is_empty() || !joins.is_empty()
    }
}

impl State {
    pub(super) fn is_heard(&self, room: &RoomKey) -> bool {
        self.rooms.get(room).is_some_and(|heard| heard.heard_from.is_some())
    }

    /// The joins of a connection that are on their way.
    fn joins_of(&self, connection: ConnectionId) -> impl Iterator<Item = (&JoinId, &Joining)> {
        self.joining.range((connection, 0)..=(connection, u64::MAX))
    }

    /// The connection's join that catches up on what was missed, if one is on its way.
    pub(super) fn catching_up(&mut self, connection: ConnectionId) -> Option<&mut Joining> {
        let joins = self.joining.range_mut((connection, 0)..=(connection, u64::MAX));
        joins.map(|(_, joining)| joining).find(|joining| joining.catches_up())
    }

    /// Whether the connection would be in too many rooms, counting those that it is about to enter. Only rooms
    /// by name count: the others are not the client's to choose.
    fn would_exceed(&self, limit: usize, connection: &Connection, new: &[RoomKey]) -> bool {
        let memberships = connection.memberships.lock();
        let on_the_way = || self.joins_of(connection.id()).flat_map(|(_, joining)| &joining.wanted.rooms);
        if memberships.len() + on_the_way().count() + new.len() <= limit {
            return false;
        }
        let all = memberships.iter().map(|m| m.room.key()).chain(on_the_way()).chain(new);
        all.filter(|room| matches!(room, RoomKey::Named(_))).collect::<HashSet<_>>().len() > limit
    }

    /// Where a connection that hears these rooms now stands in the log.
    pub(super) fn offset_of(&self, rooms: &[RoomKey]) -> Offset {
        let heard = rooms.iter().find_map(|room| self.rooms.get(room)?.heard_from);
        // A join is finished only when all of its rooms are heard, and it has one at least, or else
        // nothing that an offset could be of use for.
        let epoch = heard.map_or(0, |offset| offset.epoch);
        Offset { epoch, seq: self.delivered }
    }

    /// Enters rooms that are heard, all or none.
    fn join_heard(&mut self, connection: &Arc<Connection>, wanted: &mut Wanted) -> Option<Joined> {
        if !wanted.rooms.iter().all(|room| self.is_heard(room)) {
            return None;
        }
        connection.settle();
        connection.mark(wanted.mark.take());
        let rooms = &wanted.rooms;
        for room in rooms {
            self.enter(connection, room, wanted.has_meta(room), self.delivered);
        }
        Some(Joined { offset: self.offset_of(rooms), recovered: false })
    }

    /// Makes the connection, which is settled, a member of a room that is heard. It has heard everything after
    /// `since`.
    pub(super) fn enter(&self, connection: &Arc<Connection>, room: &RoomKey, meta: bool, since: u64) {
        let Some(heard) = self.rooms.get(room) else { return };
        let mut memberships = connection.memberships.lock();
        if let Some(known) = memberships.iter_mut().find(|m| m.room.key() == room) {
            if meta && !known.meta {
                known.meta = true;
                let place = Place { connection: connection.clone(), since: self.delivered, meta };
                known.room.remove(connection.shard(), known.place);
                known.place = known.room.insert(place);
            }
            return;
        }
        let place = heard.room.insert(Place { connection: connection.clone(), since: self.delivered, meta });
        memberships.push(Membership { room: heard.room.clone(), place, since, meta });
    }

    /// Makes all connections members of the room of everyone, when it is first published to. Until then it costs nothing.
    pub(super) fn keep_everyone(&mut self, epoch: u64, shards: usize) {
        let heard = self.rooms.entry(RoomKey::Everyone).or_insert_with(|| HeardRoom {
            room: Room::new(RoomKey::Everyone, shards),
            heard_from: None,
            joining: Vec::new(),
        });
        if heard.heard_from.is_some() {
            return;
        }
        heard.heard_from = Some(Offset { epoch, seq: self.delivered });
        for connection in self.connections.values() {
            connection.settle();
            self.enter(connection, &RoomKey::Everyone, false, self.delivered);
        }
    }

    pub(super) fn remove_joining(&mut self, id: JoinId) -> Option<Joining> {
        let joining = self.joining.remove(&id)?;
        for room in &joining.wanted.rooms {
            if let Some(heard) = self.rooms.get_mut(room) {
                heard.joining.retain(|waiting| *waiting != id);
            }
        }
        Some(joining)
    }
}
