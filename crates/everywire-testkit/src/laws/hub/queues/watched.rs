//! Clients whose deliveries are noted as they leave.

use std::sync::Arc;

use everywire_core::payload::Extras;
use everywire_core::{Broadcast, Entry, Item, MailboxOptions, Overflow};
use parking_lot::Mutex;

use crate::lines::Lines;
use crate::link::{FakeLink, Spell};
use crate::world::{Client, ClientOptions, World};

pub(super) const QUEUES: [&str; 3] = ["a", "b", "c"];

/// A delivery that left for a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) client: usize,
    pub(super) consumer: u32,
    pub(super) delivery: u64,
    pub(super) redelivered: bool,
    pub(super) number: u64,
}

/// Notes what leaves, in the order in which it does.
struct Watched {
    client: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Spell for Watched {
    fn entry(&self, entry: &Entry, out: &mut Vec<u8>) {
        if let Item::Delivery { consumer, delivery, redelivered, ref message } = entry.item {
            let (number,) = message.payload.read(Extras::Refuse).expect("a number");
            self.seen.lock().push(Seen { client: self.client, consumer, delivery, redelivered, number });
        }
        Lines.entry(entry, out);
    }

    fn messages(&self, slot: u32, broadcast: &Broadcast, tail: &[u8], out: &mut Vec<u8>) {
        Lines.messages(slot, broadcast, tail, out);
    }
}

/// A client whose deliveries are noted as this client's.
pub(super) fn watched(world: &World, client: usize, bytes: u32, seen: &Arc<Mutex<Vec<Seen>>>) -> Client {
    let mailbox = MailboxOptions { bytes, overflow: Overflow::Disconnect };
    let link = FakeLink::spelling(mailbox, true, Watched { client, seen: seen.clone() });
    world.client_on(link, &ClientOptions::default())
}
