//! A client's places in namespaces: one for most protocols, several where the protocol carries several
//! connections in one session.

use std::sync::Arc;

use everywire_core::Reason;
use smallvec::SmallVec;

use super::inbound::Inbound;
use crate::app::connection::Connection;
use crate::app::namespace::Handlers;

/// One client in one namespace, with what it does there.
pub(crate) struct Seat {
    /// The protocol's number for it.
    pub(super) slot: u32,
    /// None while it is being found out who the client is.
    pub(super) connection: Option<Connection>,
    pub(super) handlers: Arc<Handlers>,
    pub(super) inbound: Inbound,
    /// Whether it has been let in.
    pub(super) entered: bool,
    /// Why it has left, if it has: handlers at work go on to their end.
    pub(super) left: Option<Reason>,
}

impl Seat {
    /// Its connection, for as long as what the client says is heard: until it leaves, or somebody asks for its end.
    #[inline]
    pub(super) fn heard(&self) -> Option<&Connection> {
        self.connection.as_ref().filter(|connection| self.left.is_none() && !connection.core().is_ending())
    }
}

/// All seats of a session, in the order of their slots.
#[derive(Default)]
pub(crate) struct Seats(SmallVec<[Seat; 1]>);

impl Seats {
    /// Adds one whose slot is higher than any before.
    pub(super) fn push(&mut self, seat: Seat) -> usize {
        self.0.push(seat);
        self.0.len() - 1
    }

    /// Where the seat of this slot is.
    #[inline]
    pub(super) fn find(&self, slot: u32) -> Option<usize> {
        match &self.0[..] {
            [only] => (only.slot == slot).then_some(0),
            all => all.binary_search_by_key(&slot, |seat| seat.slot).ok(),
        }
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.0.remove(index);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Seat> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.0.iter_mut()
    }
}

impl std::ops::Index<usize> for Seats {
    type Output = Seat;

    #[inline]
    fn index(&self, index: usize) -> &Seat {
        &self.0[index]
    }
}

impl std::ops::IndexMut<usize> for Seats {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut Seat {
        &mut self.0[index]
    }
}
