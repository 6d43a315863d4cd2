//! One consumer of a queue, and its credit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use smallvec::SmallVec;

use super::{ConsumeOptions, QueueMessage, Settles};
use crate::hub::connection::Connection;
use crate::mailbox::Item;

/// How many of a consumer's messages may wait in a mailbox: enough to fill a write.
const UNSENT: usize = 64;

/// Which part of a mailbox's bound all consumers of its connection may fill: a quarter, so that neither they nor what else
/// is sent to the connection make its client look slow.
const MAILBOX_PART: usize = 4;

/// A consumer, in the table's numbering: never given twice.
pub(super) type Key = u64;

/// A message in a queue.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) message: Arc<QueueMessage>,
    pub(super) cost: usize,
    /// How often it went back after it was sent.
    pub(super) returned: u32,
    /// Who returned it last: the last to get it again.
    pub(super) returned_by: Option<Key>,
}

/// A message that is out.
#[derive(Debug)]
pub(super) struct Out {
    /// Its place in the queue.
    pub(super) seq: u64,
    pub(super) kept: Kept,
    /// Whether it has left for the socket: the client may have it.
    pub(super) left: bool,
}

/// One consumer.
pub(super) struct Consumer {
    pub(super) connection: Arc<Connection>,
    /// Its number, which is the caller's.
    pub(super) number: u32,
    pub(super) queue: Arc<str>,
    pub(super) options: ConsumeOptions,
    /// Whether it takes more.
    pub(super) open: bool,
    /// Whether it is in its queue's line of those that may have credit.
    pub(super) in_line: bool,
    /// Its last delivery.
    last: u64,
    pub(super) unsettled: BTreeMap<u64, Out>,
    /// Deliveries that wait in the mailbox, with what they cost there. They may have been settled already: a client
    /// can guess a number.
    unsent: VecDeque<(u64, usize)>,
}

/// What a connection has of queues.
#[derive(Debug, Default)]
pub(super) struct Holder {
    /// Its consumers, by their numbers.
    pub(super) consumers: BTreeMap<u32, Key>,
    /// What its consumers' deliveries cost that wait in the mailbox.
    pub(super) unsent_bytes: usize,
    /// Consumers that could have had a message but for the mailbox: their turn comes when something leaves.
    pub(super) starved: VecDeque<Key>,
}

/// Whether a consumer can be given a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credit {
    Yes,
    /// When it settles something, or something of its own leaves.
    No,
    /// When anything of its connection's leaves.
    Starved,
}

impl Consumer {
    pub(super) fn new(
        connection: Arc<Connection>,
        queue: Arc<str>,
        number: u32,
        options: ConsumeOptions,
    ) -> Self {
        Self {
            connection,
            number,
            queue,
            options,
            open: true,
            in_line: false,
            last: 0,
            unsettled: BTreeMap::new(),
            unsent: VecDeque::new(),
        }
    }

    /// Whether it can be given a message that costs so much.
    pub(super) fn credit(&self, holder: &Holder, cost: usize) -> Credit {
        if self.unsettled.len() >= self.options.prefetch.max(1) || self.unsent.len() >= UNSENT {
            return Credit::No;
        }
        let room = self.connection.link().mailbox().bound() / MAILBOX_PART;
        // Always one, however large: or it would never be delivered.
        if holder.unsent_bytes > 0 && holder.unsent_bytes.saturating_add(cost) > room {
            return Credit::Starved;
        }
        Credit::Yes
    }

    /// Puts a message into the mailbox. Gives it back if the session has ended.
    pub(super) fn deliver(&mut self, holder: &mut Holder, seq: u64, kept: Kept) -> Result<(), Kept> {
        let delivery = self.last + 1;
        let item = Item::Delivery {
            consumer: self.number,
            delivery,
            redelivered: kept.returned > 0,
            message: kept.message.clone(),
        };
        if !self.connection.send(item) {
            return Err(kept);
        }
        self.last = delivery;
        self.unsent.push_back((delivery, kept.cost));
        holder.unsent_bytes += kept.cost;
        self.unsettled.insert(delivery, Out { seq, kept, left: false });
        Ok(())
    }

    /// What has left the mailbox up to this delivery, and is settled by that.
    pub(super) fn left(&mut self, holder: &mut Holder, up_to: u64) -> SmallVec<[Out; 1]> {
        let mut settled = SmallVec::new();
        while let Some((delivery, cost)) = self.unsent.pop_front_if(|(delivery, _)| *delivery <= up_to) {
            holder.unsent_bytes -= cost;
            match self.options.settles {
                Settles::WhenSent => settled.extend(self.unsettled.remove(&delivery)),
                Settles::ByClient => {
                    if let Some(out) = self.unsettled.get_mut(&delivery) {
                        out.left = true;
                    }
                }
            }
        }
        settled
    }

    /// Takes what is to be settled: one delivery, or all up to it. None if that one is not out.
    pub(super) fn take(&mut self, delivery: u64, up_to: bool) -> Option<SmallVec<[Out; 1]>> {
        let this = self.unsettled.remove(&delivery)?;
        if !up_to {
            return Some(SmallVec::from_iter([this]));
        }
        let later = self.unsettled.split_off(&delivery);
        let earlier = std::mem::replace(&mut self.unsettled, later);
        Some(earlier.into_values().chain([this]).collect())
    }

    /// Whether nothing will be heard of it any more.
    pub(super) fn is_over(&self) -> bool {
        !self.open && self.unsettled.is_empty() && self.unsent.is_empty()
    }
}
