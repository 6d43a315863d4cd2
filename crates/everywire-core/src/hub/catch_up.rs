//! Catching up on the way into rooms: history first, then what came meanwhile, each once.
//!
//! A page of the log may reach beyond what this node has been delivered, or fall short of it. What lies
//! beyond is left out, for it will be delivered; what came behind the page was kept, and is spliced on by
//! sequence number. So a member that has caught up stands exactly where all others stand.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::connection::Connection;
use super::join::JoinId;
use super::joined::{JoinError, Joined};
use super::namespace::{Namespace, State};
use super::tickets::Waiting;
use crate::broadcast::{Broadcast, Class};
use crate::broker::{Command, Page};
use crate::mailbox::Item;
use crate::promise::Resolver;
use crate::vocabulary::{Offset, RoomKey};

/// What a join asks for: rooms, each once.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) rooms: SmallVec<[RoomKey; 1]>,
    /// Those of them that are to be heard with the meta argument.
    pub(super) with_meta: SmallVec<[RoomKey; 1]>,
    pub(super) since: Option<Offset>,
    /// What the client is sent just before it hears the first of it. Its protocol then knows of each broadcast which of its
    /// subscriptions have heard it.
    pub(super) mark: Option<Item>,
}

impl Wanted {
    /// Whether this room is to be heard with meta.
    pub(super) fn has_meta(&self, room: &RoomKey) -> bool {
        self.with_meta.contains(room)
    }
}

/// A join on its way.
pub(super) struct Joining {
    pub(super) connection: Arc<Connection>,
    /// Rooms that were left meanwhile are gone from here.
    pub(super) wanted: Wanted,
    pub(super) resolver: Resolver<Result<Joined, JoinError>>,
    /// Where deliveries stood when it began.
    began: u64,
    /// Whether the broker has been asked what was missed.
    asked: bool,
    /// Live broadcasts, in order.
    kept: VecDeque<Arc<Broadcast>>,
    /// Whether more came than may be kept: a gap that the client has to be told of.
    overflowed: bool,
}

impl Joining {
    pub(super) fn new(
        connection: Arc<Connection>,
        wanted: Wanted,
        began: u64,
        resolver: Resolver<Result<Joined, JoinError>>,
    ) -> Self {
        let kept = VecDeque::new();
        Self { connection, wanted, resolver, began, asked: false, kept, overflowed: false }
    }

    /// Keeps a live broadcast. Of too many the newest are kept: behind the gap all is complete.
    pub(super) fn keep(&mut self, broadcast: &Arc<Broadcast>, bound: usize) {
        if self.kept.back().is_some_and(|last| last.seq() >= broadcast.seq()) {
            return;
        }
        self.kept.push_back(broadcast.clone());
        if self.kept.len() > bound {
            self.kept.pop_front();
            self.overflowed = true;
        }
    }

    /// Whether this broadcast is to be heard with meta: as the first of its rooms, for whoever is in one by itself hears
    /// as that room does, although it is one of everyone.
    fn hears_with_meta(&self, broadcast: &Broadcast) -> bool {
        let heard = self.wanted.rooms.iter().filter(|room| broadcast.publication.target.rooms.contains(room));
        heard.min_by_key(|room| **room == RoomKey::Everyone).is_some_and(|room| self.wanted.has_meta(room))
    }

    /// Whether it catches up on what was missed.
    pub(super) fn catches_up(&self) -> bool {
        self.wanted.since.is_some()
    }

    /// Whether this was published to the connection itself, which has heard none of that yet.
    fn is_for_who_was_away(&self, broadcast: &Broadcast) -> bool {
        let own = RoomKey::Connection(self.connection.id());
        self.connection.is_away() && broadcast.publication.target.rooms.contains(&own)
    }

    /// From where on the connection has heard all of a room when it has heard what it [missed](Self::missed).
    fn complete_since(&self, state: &State, room: &RoomKey, recovered: bool) -> u64 {
        let heard_from = state.rooms.get(room).and_then(|heard| heard.heard_from);
        match (self.wanted.since, heard_from) {
            (Some(since), _) if recovered => since.seq.min(state.delivered),
            (None, Some(from)) if !self.overflowed => from.seq.max(self.began),
            _ => state.delivered,
        }
    }

    /// What the connection has yet to hear, in order.
    fn missed(&self, state: &State, page: Option<&Page>) -> Vec<Arc<Broadcast>> {
        let end = page.map_or(0, |page| page.position.seq);
        let history = page.into_iter().flat_map(|page| &page.broadcasts);
        let history = history.filter(|broadcast| broadcast.seq() <= state.delivered);
        let meanwhile = self.kept.iter().filter(|broadcast| {
            // A broadcast may have come for another of its rooms, before this one was heard: others that came
            // before that did not, so it counts as before.
            let heard = |room: &RoomKey| {
                self.wanted.rooms.contains(room)
                    && state.rooms[room].heard_from.is_some_and(|from| from.seq < broadcast.seq())
            };
            let rooms = &broadcast.publication.target.rooms;
            broadcast.seq() > end && (rooms.iter().any(heard) || self.is_for_who_was_away(broadcast))
        });
        let memberships = self.connection.memberships.lock();
        let concerns = |broadcast: &&Arc<Broadcast>| {
            let publication = &broadcast.publication;
            let rooms = &publication.target.rooms;
            let while_away = self.is_for_who_was_away(broadcast);
            let heard_otherwise = || {
                !while_away && rooms.contains(&RoomKey::Connection(self.connection.id()))
                    || memberships.iter().any(|m| m.since < broadcast.seq() && rooms.contains(m.room.key()))
            };
            // Who comes back to a room is left out like the member that it was.
            let left_out = || {
                self.wanted.since.is_some()
                    && publication.target.except.iter().any(|key| self.wanted.rooms.contains(key))
            };
            // Volatile is what never waits, and all of this has waited.
            publication.class != Class::Volatile
                && (while_away || rooms.iter().any(|room| self.wanted.rooms.contains(room)))
                && (self.wanted.mark.is_some() || !heard_otherwise())
                && !self.connection.is_excepted(publication, &memberships)
                && !left_out()
        };
        history.chain(meanwhile).filter(concerns).cloned().collect()
    }
}

impl Namespace {
    /// Goes on with a join if all of its rooms are heard: asks for what was missed, or finishes.
    pub(super) fn proceed(self: &Arc<Self>, state: &mut State, id: JoinId) {
        let Some(joining) = state.joining.get(&id) else { return };
        if joining.asked || !joining.wanted.rooms.iter().all(|room| state.is_heard(room)) {
            return;
        }
        let Some(since) = joining.wanted.since else { return state.finish(id, None) };
        let mut rooms = joining.wanted.rooms.clone();
        if joining.connection.is_away() {
            rooms.push(RoomKey::Connection(joining.connection.id()));
        }
        let command = Command::History {
            namespace: self.name().clone(),
            rooms,
            since: Some(since),
            // What a room keeps is bounded by its retention.
            limit: usize::MAX - 1,
        };
        state.orders.push_back((Waiting::CatchUp { namespace: self.clone(), joining: id }, command));
        if let Some(joining) = state.joining.get_mut(&id) {
            joining.asked = true;
        }
    }

    /// The broker has said what was missed.
    pub(super) fn caught_up(self: &Arc<Self>, id: JoinId, page: &Page) {
        self.state.lock().finish(id, Some(page));
    }
}

impl State {
    /// Everything is there: the connection hears what it missed and becomes a member.
    fn finish(&mut self, id: JoinId, page: Option<&Page>) {
        let Some(mut joining) = self.remove_joining(id) else { return };
        // First what its other rooms heard: the log's order is the order of all of it.
        joining.connection.settle();
        let missed = joining.missed(self, page);
        joining.connection.mark(joining.wanted.mark.take());
        let Joining { connection, wanted: Wanted { rooms, .. }, .. } = &joining;
        let all_fit = connection.catch_up(&missed, |broadcast| joining.hears_with_meta(broadcast));
        if joining.catches_up() {
            connection.is_back();
        }
        let recovered = page.is_some_and(|page| page.recovered) && !joining.overflowed && all_fit;
        for room in rooms {
            self.enter(
                connection,
                room,
                joining.wanted.has_meta(room),
                joining.complete_since(self, room, recovered),
            );
        }
        let mut offset = self.offset_of(rooms);
        if let Some(page) = page {
            offset.epoch = page.position.epoch;
        }
        joining.resolver.resolve(Ok(Joined { offset, recovered }));
    }
}
