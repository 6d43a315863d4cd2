//! Batches (section 6): the replies to all requests of an array leave as one array, when the last is there.
//!
//! What is held back meanwhile is bounded twice: a batch has so many elements at most, and all open batches of a
//! client together hold so many bytes. At that bound new requests in batches are answered with [`code::BUSY`],
//! and a reply that would have to be held with [`code::REPLY_TOO_LARGE`]; a request on its own is never held.

use std::collections::BTreeMap;

use everywire_core::{Outcome, Token};

use super::decode::Fault;
use super::encode::Id;
use super::{code, encode};
use crate::seam::{Kind, Outbox};

/// What a request of an open batch counts for beside its id: its place, and the short error that may have to stand there.
const MEMBER_COST: usize = 192;

const TOO_LARGE: &str = "the replies of a batch are held until all are there, and this one is too large for that: \
                         ask for it alone";

/// The batches of one client that wait for replies.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: BTreeMap<u32, Batch>,
    next: u32,
    /// What they cost together, in bytes.
    held: usize,
}

/// One batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The ids of its requests, in order, until they are answered.
    ids: Vec<Option<Box<str>>>,
    /// How many of them are not.
    waiting: usize,
    /// The replies so far, with commas between.
    replies: Vec<u8>,
    /// What it costs, in bytes.
    cost: usize,
}

impl Batches {
    /// What they cost, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The number for a new batch.
    pub(super) fn number(&mut self) -> u32 {
        while self.open.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        self.next
    }

    /// Keeps a batch until all of its requests are answered.
    pub(super) fn open(&mut self, number: u32, batch: Batch) {
        self.held += batch.cost;
        self.open.insert(number, batch);
        self.next = number.wrapping_add(1);
    }

    /// A request is answered: the array leaves if it was the last. An answer to nothing is none.
    pub(super) fn answer(
        &mut self,
        (group, place): (u32, u32),
        outcome: &Outcome,
        bound: usize,
        outbox: &mut dyn Outbox,
    ) {
        let Some(batch) = self.open.get_mut(&group) else { return };
        let Some(id) = batch.ids.get_mut(place as usize).and_then(Option::take) else { return };
        batch.waiting -= 1;
        let hint = encode::response_hint(outcome);
        if batch.waiting > 0 {
            let cost = batch.cost;
            if self.held + hint > bound {
                batch.refuse(&Fault::new(code::REPLY_TOO_LARGE, TOO_LARGE, Some(&id)));
            } else {
                batch.hold(|out| encode::response(outcome, Id::Json(id.as_bytes()), out));
            }
            self.held += batch.cost - cost;
        } else if let Some(mut batch) = self.open.remove(&group) {
            self.held -= batch.cost;
            outbox.message(Kind::Text, batch.replies.len() + hint, &mut |out| {
                out.push(b'[');
                out.append(&mut batch.replies);
                if out.last() != Some(&b'[') {
                    out.push(b',');
                }
                encode::response(outcome, Id::Json(id.as_bytes()), out);
                out.push(b']');
            });
        }
    }
}

impl Batch {
    /// Adds a request that will be answered; the token of its place.
    pub(super) fn expect(&mut self, group: u32, id: &str) -> Token {
        let place = self.ids.len() as u32;
        self.ids.push(Some(id.into()));
        self.waiting += 1;
        self.cost += MEMBER_COST + id.len();
        Token::Member { group, place }
    }

    /// Adds the answer to something that the peer got wrong.
    pub(super) fn refuse(&mut self, fault: &Fault<'_>) {
        self.hold(|out| encode::fault(fault, out));
    }

    fn hold(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.replies.len();
        if before > 0 {
            self.replies.push(b',');
        }
        write(&mut self.replies);
        self.cost += self.replies.len() - before;
    }

    /// How many requests are not answered.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// What it costs, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// The whole array, if there is something to say and nothing to wait for.
    pub(super) fn finished(mut self) -> Option<Vec<u8>> {
        if self.replies.is_empty() {
            return None;
        }
        self.replies.insert(0, b'[');
        self.replies.push(b']');
        Some(self.replies)
    }
}
