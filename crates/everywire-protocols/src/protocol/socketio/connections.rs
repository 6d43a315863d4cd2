//! The namespaces of one session: which the client is in, wants into, or was put out of.
//!
//! | state | the client's packets | what is encoded for it |
//! |---|---|---|
//! | connecting | are passed on | is held back, under a bound for the whole session |
//! | joined | are passed on | leaves |
//! | ended, by the server | are ignored: they crossed with the news | is dropped |
//! | none | are a fault | is dropped |
//!
//! The official server takes packets that crossed with its own DISCONNECT for a fault, and closes the session: a race
//! that clients cannot avoid. Here an ended namespace is remembered, until the client connects to it again or many
//! others have ended.

use smallvec::SmallVec;

use crate::seam::Kind;

/// What each message held counts for beside its bytes.
const HELD_COST: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Connections {
    /// In the order of their slots.
    all: SmallVec<[Connection; 1]>,
    /// The next slot.
    next: u32,
    /// What is held back, in bytes, for all.
    held: usize,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) slot: u32,
    pub(super) namespace: Box<str>,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Connecting(Vec<Held>),
    Joined,
    Ended,
}

/// A message that waits until its connection is let in.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) kind: Kind,
    pub(super) bytes: Box<[u8]>,
}

impl Held {
    pub(super) fn new(kind: Kind, bytes: &[u8]) -> Self {
        Self { kind, bytes: bytes.into() }
    }

    fn cost(&self) -> usize {
        self.bytes.len() + HELD_COST
    }
}

/// Why there can be no new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// There is one to this namespace.
    Twice,
    /// There are as many as there may be.
    Full,
    /// All slots were given.
    Exhausted,
}

impl Connections {
    /// A new connection: its slot.
    pub(super) fn open(&mut self, namespace: &str, most: usize) -> Result<u32, NotOpened> {
        let live = |connection: &&Connection| !matches!(connection.state, State::Ended);
        if let Some(at) = self.all.iter().position(|connection| *connection.namespace == *namespace) {
            if live(&&self.all[at]) {
                return Err(NotOpened::Twice);
            }
            self.all.remove(at);
        }
        if self.all.iter().filter(live).count() >= most {
            return Err(NotOpened::Full);
        }
        let slot = self.next;
        self.next = slot.checked_add(1).ok_or(NotOpened::Exhausted)?;
        let state = State::Connecting(Vec::new());
        self.all.push(Connection { slot, namespace: namespace.into(), state });
        Ok(slot)
    }

    /// The connection to a namespace, ended or not.
    pub(super) fn to(&self, namespace: &str) -> Option<&Connection> {
        self.all.iter().find(|connection| *connection.namespace == *namespace)
    }

    /// The connection of a slot that has not ended.
    pub(super) fn of(&mut self, slot: u32) -> Option<&mut Connection> {
        let at = self.all.binary_search_by_key(&slot, |connection| connection.slot).ok()?;
        Some(&mut self.all[at]).filter(|connection| !matches!(connection.state, State::Ended))
    }

    /// All that the client is in.
    pub(super) fn joined(&self) -> impl Iterator<Item = &Connection> {
        self.all.iter().filter(|connection| matches!(connection.state, State::Joined))
    }

    /// Holds the messages of a packet back for a connection that is connecting: all, or none if that is more than `most`
    /// bytes in all.
    pub(super) fn hold(&mut self, slot: u32, messages: Vec<Held>, most: usize) -> bool {
        let cost = messages.iter().map(Held::cost).sum::<usize>();
        if self.held + cost > most {
            return false;
        }
        if let Some(Connection { state: State::Connecting(held), .. }) = self.of(slot) {
            held.extend(messages);
            self.held += cost;
        }
        true
    }

    /// The client is let in: what was held back, if it was connecting.
    pub(super) fn join(&mut self, slot: u32) -> Option<Vec<Held>> {
        self.settle(slot, State::Joined)
    }

    /// The server ends it, and will not hear what the client says meanwhile. Of those that ended, `most` are remembered.
    pub(super) fn end(&mut self, slot: u32, most: usize) {
        self.settle(slot, State::Ended);
        if let Some(connection) = self.of(slot) {
            connection.state = State::Ended;
        }
        let ended = |connection: &Connection| matches!(connection.state, State::Ended);
        if self.all.iter().filter(|connection| ended(connection)).count() > most
            && let Some(oldest) = self.all.iter().position(ended)
        {
            self.all.remove(oldest);
        }
    }

    /// The client leaves it.
    pub(super) fn leave(&mut self, slot: u32) {
        self.settle(slot, State::Ended);
        self.all.retain(|connection| connection.slot != slot);
    }

    /// From connecting to another state; what was held back.
    fn settle(&mut self, slot: u32, state: State) -> Option<Vec<Held>> {
        let connection = self.of(slot)?;
        let State::Connecting(held) = &mut connection.state else { return None };
        let held = std::mem::take(held);
        connection.state = state;
        self.held -= held.iter().map(Held::cost).sum::<usize>();
        Some(held)
    }
}
