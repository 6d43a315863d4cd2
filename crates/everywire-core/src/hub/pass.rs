//! One pass of a flusher over everything that its shard has queued.
//!
//! Consecutive broadcasts to a room are one *run*: for a member whose mailbox is clear, the run
//! leaves in one write, without an entry, an allocation or a task being woken. A member that is in
//! several of the rooms of a pass hears them merged, in the order of the log.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::connection::Connection;
use super::room::{Place, Room};
use super::shard::Delivery;
use crate::broadcast::{Encode, Form, Run};
use crate::mailbox::{Entry, Item};
use crate::vocabulary::RoomKey;

/// Places of a room that are looked at between two chances to do something else. A pass over ten
/// thousand members holds a core for 100–200 ms, over 256 for some hundred microseconds.
pub(super) const SLICE: usize = 256;

/// Everything that a shard had queued, on its way to the members.
pub struct Pass {
    encode: Arc<dyn Encode>,
    shard: usize,
    deliveries: Arc<Vec<Delivery>>,
    groups: Vec<Group>,
    /// The group and the place in its room that come next.
    group: usize,
    place: usize,
    members: Vec<Place>,
}

/// The broadcasts of a pass that go to one room.
struct Group {
    room: Arc<Room>,
    /// Indices into the deliveries, in order.
    items: SmallVec<[u32; 8]>,
    first: u64,
    last: u64,
    /// Whether some of them leave somebody out.
    excepts: bool,
    runs: SmallVec<[(Form, Run); 4]>,
}

impl Pass {
    pub(super) fn new(encode: Arc<dyn Encode>, shard: usize, deliveries: Arc<Vec<Delivery>>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (i, delivery) in deliveries.iter().enumerate() {
            let seq = delivery.broadcast.seq();
            let excepts = !delivery.broadcast.publication.target.except.is_empty();
            for room in &delivery.rooms {
                let known = room.group(shard).and_then(|group| groups.get_mut(group));
                if let Some(group) = known.filter(|group| Arc::ptr_eq(&group.room, room)) {
                    group.items.push(i as u32);
                    group.last = seq;
                    group.excepts |= excepts;
                } else {
                    room.set_group(shard, Some(groups.len()));
                    let items = SmallVec::from_iter([i as u32]);
                    let runs = SmallVec::new();
                    groups.push(Group { room: room.clone(), items, first: seq, last: seq, excepts, runs });
                }
            }
        }
        Self { encode, shard, deliveries, groups, group: 0, place: 0, members: Vec::new() }
    }

    /// Broadcasts in this pass.
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Whether the pass carries nothing. It never does.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// Serves the next slice of members. False when all have been served.
    pub fn step(&mut self) -> bool {
        let Some(group) = self.groups.get_mut(self.group) else { return false };
        let mut members = std::mem::take(&mut self.members);
        let more = group.room.slice(self.shard, self.place, SLICE, &mut members);
        let merged = self.groups.len() > 1;
        for member in members.drain(..) {
            self.serve(&member, merged);
        }
        self.members = members;
        if more {
            self.place += SLICE;
        } else {
            self.group += 1;
            self.place = 0;
        }
        self.group < self.groups.len()
    }

    fn serve(&mut self, member: &Place, merged: bool) {
        let connection = &member.connection;
        // Who is in several rooms of the pass has heard all of it with the first.
        if self.deliveries.last().is_some_and(|last| connection.has_seen(last.broadcast.seq())) {
            return;
        }
        let group = &mut self.groups[self.group];
        let alone = !merged || is_in_one_room_of_pass(connection, self.shard);
        let excepted = group.excepts && is_excepted_from_any(connection, group, &self.deliveries);
        if !alone || excepted || member.since >= group.first {
            connection.hear_all(&mut self.deliveries.iter());
            return;
        }
        let form = connection.form().with_meta(member.meta);
        let known = group.runs.iter().position(|(f, _)| *f == form);
        let known = known.unwrap_or_else(|| {
            let broadcasts = group.items.iter().map(|&i| &self.deliveries[i as usize].broadcast);
            group.runs.push((form, Run::encode(form, broadcasts, &*self.encode)));
            group.runs.len() - 1
        });
        if !hear_run(connection, form, group, &group.runs[known].1, &self.deliveries) {
            connection.hear_all(&mut self.deliveries.iter());
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        for group in &self.groups {
            group.room.set_group(self.shard, None);
        }
    }
}

/// Gives a member the whole run. False if it has heard a part of it by another way.
fn hear_run(connection: &Connection, form: Form, group: &Group, run: &Run, deliveries: &[Delivery]) -> bool {
    let link = connection.link();
    let mailbox = link.mailbox();
    let mut state = mailbox.lock();
    let seen = connection.seen().load(Ordering::Relaxed);
    if seen >= group.first {
        return seen >= group.last;
    }
    connection.seen().store(group.last, Ordering::Relaxed);
    if state.has_ended() || run.bytes.is_empty() {
        return true;
    }
    let mut begun = 0;
    let mut blocked = false;
    // The session may have moved to another carrier since the run was chosen: its task did that while it
    // had the mailbox corked, so what is read here goes with the socket.
    if state.is_clear_and_direct() && connection.form().with_meta(form.meta()) == form {
        let own;
        let run = if form.is_headed() {
            let broadcast = |i: usize| &deliveries[group.items[i] as usize].broadcast;
            own = run.with_heads(|i, tail, out| link.messages(connection.slot(), broadcast(i), tail, out));
            if own.bytes.is_empty() {
                return true;
            }
            &own
        } else {
            run
        };
        let note_written = |count: usize| {
            for &i in group.items[..count].iter().filter(|_| form.is_headed()) {
                link.written(connection.slot(), &deliveries[i as usize].broadcast);
            }
        };
        match link.try_write(&run.bytes) {
            Ok(written) if written == run.bytes.len() => {
                note_written(group.items.len());
                return true;
            }
            Ok(written) => {
                begun = state.cut(run, written);
                note_written(begun);
                blocked = true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                begun = state.cut(run, 0);
                blocked = true;
            }
            // The socket is broken. Its task finds that out by reading, and ends the session.
            Err(_) => {
                state.notify_blocked();
                return true;
            }
        }
    }
    for &i in &group.items[begun..] {
        let item = Item::Broadcast { broadcast: deliveries[i as usize].broadcast.clone(), meta: form.meta() };
        state.append(Entry { slot: connection.slot(), item }, mailbox.options());
    }
    if blocked {
        state.notify_blocked();
    } else {
        state.notify();
    }
    true
}

fn is_in_one_room_of_pass(connection: &Connection, shard: usize) -> bool {
    let memberships = connection.memberships.lock();
    memberships.iter().filter(|m| m.room.group(shard).is_some()).take(2).count() < 2
}

/// Whether any broadcast of the group may leave this connection out. A room to leave out is looked
/// up only by who hears the broadcasts one by one, so any such room counts as a yes.
fn is_excepted_from_any(connection: &Connection, group: &Group, deliveries: &[Delivery]) -> bool {
    group.items.iter().any(|&i| {
        deliveries[i as usize].broadcast.publication.target.except.iter().any(|key| match key {
            RoomKey::Connection(id) => *id == connection.id(),
            _ => true,
        })
    })
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("len", &self.len())
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}
