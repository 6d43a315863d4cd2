//! The members of one room.
//!
//! Members have places that do not change while they stay: a pass that goes over the places in
//! slices, without holding the lock in between, sees every member that was there all the time
//! exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::connection::Connection;
use crate::vocabulary::RoomKey;

/// A room of a namespace, as far as this node is concerned.
#[derive(Debug)]
pub struct Room {
    key: RoomKey,
    shards: Box<[RoomShard]>,
}

#[derive(Debug, Default)]
struct RoomShard {
    /// How many members: read without the lock.
    count: AtomicU32,
    /// Which group of the pass under way is the room's, counted from 1; 0 if none is. Written and read by the flusher
    /// of this shard.
    in_pass: AtomicU32,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    taken: Vec<Option<Place>>,
    free: Vec<u32>,
}

/// One member, at its place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) connection: Arc<Connection>,
    /// It hears what comes after this sequence number.
    pub(super) since: u64,
    /// Whether it made the membership itself, and so gets the meta argument.
    pub(super) meta: bool,
}

impl Room {
    pub(super) fn new(key: RoomKey, shards: usize) -> Arc<Self> {
        Arc::new(Self { key, shards: (0..shards).map(|_| RoomShard::default()).collect() })
    }

    /// Its key.
    pub fn key(&self) -> &RoomKey {
        &self.key
    }

    /// Members on this node.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.count.load(Ordering::Relaxed) as usize).sum()
    }

    /// Whether nobody on this node is a member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn has_members_in(&self, shard: usize) -> bool {
        self.shards[shard].count.load(Ordering::Relaxed) > 0
    }

    /// Gives a member its place.
    pub(super) fn insert(&self, place: Place) -> u32 {
        let shard = &self.shards[place.connection.shard()];
        let mut places = shard.places.lock();
        shard.count.fetch_add(1, Ordering::Relaxed);
        if let Some(free) = places.free.pop() {
            places.taken[free as usize] = Some(place);
            return free;
        }
        places.taken.push(Some(place));
        // A place is 32 bytes and a connection far more, so memory ends long before u32 does.
        (places.taken.len() - 1) as u32
    }

    /// Takes a member's place away.
    pub(super) fn remove(&self, shard: usize, place: u32) {
        let shard = &self.shards[shard];
        let mut places = shard.places.lock();
        if places.taken[place as usize].take().is_some() {
            places.free.push(place);
            shard.count.fetch_sub(1, Ordering::Relaxed);
        }
        if places.free.len() == places.taken.len() {
            *places = Places::default();
        }
    }

    /// Copies the members of `count` places from `from` on into `members`. False if there are none
    /// beyond.
    pub(super) fn slice(&self, shard: usize, from: usize, count: usize, members: &mut Vec<Place>) -> bool {
        let places = self.shards[shard].places.lock();
        let end = places.taken.len().min(from + count);
        if from < end {
            members.extend(places.taken[from..end].iter().flatten().cloned());
        }
        end < places.taken.len()
    }

    /// All connections that are members on this node, in no order.
    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        let mut all = Vec::with_capacity(self.len());
        for shard in &self.shards {
            all.extend(shard.places.lock().taken.iter().flatten().map(|p| p.connection.clone()));
        }
        all
    }

    /// Notes which group of the pass under way is the room's, or that none is any more.
    pub(super) fn set_group(&self, shard: usize, group: Option<usize>) {
        let number = group.map_or(0, |group| group as u32 + 1);
        self.shards[shard].in_pass.store(number, Ordering::Relaxed);
    }

    /// Which group of the pass under way is the room's.
    pub(super) fn group(&self, shard: usize) -> Option<usize> {
        (self.shards[shard].in_pass.load(Ordering::Relaxed) as usize).checked_sub(1)
    }
}
