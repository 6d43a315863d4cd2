//! A client's subscriptions: written by its machine, read by whoever writes to its socket.
//!
//! A MESSAGE names the subscription that it is for, so no two clients get the same bytes. What is theirs stands in the head,
//! which is written here; the tail, with all else and the body, is encoded once for all (`tail.rs`).

use std::fmt::Write as _;
use std::sync::Arc;

use everywire_core::{Broadcast, RoomKey};
use parking_lot::Mutex;

use super::frame::Command;
use super::version::Version;
use super::write::write_head;
use crate::protocol::Heads;

/// How a client deals with what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// What is sent is settled.
    Auto,
    /// The client settles; each time with all that came before.
    Client,
    /// The client settles each alone.
    Individual,
}

impl Ack {
    /// By the header `ack`.
    pub(super) fn parse(header: Option<&str>) -> Option<Self> {
        match header {
            None | Some("auto") => Some(Self::Auto),
            Some("client") => Some(Self::Client),
            Some("client-individual") => Some(Self::Individual),
            Some(_) => None,
        }
    }

    /// As it stands in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Client => "client",
            Self::Individual => "client-individual",
        }
    }
}

/// What is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Room(Arc<str>),
    Queue,
    /// An event for the user, or for this client alone.
    User(Box<str>),
    /// An answer, once.
    App,
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) number: u32,
    pub(super) source: Source,
    /// Its id. None in 1.0, where it may have none; and once its end is on its way.
    pub(super) id: Option<Box<str>>,
    /// Empty once its end is on its way.
    pub(super) destination: Box<str>,
    pub(super) ack: Ack,
    /// Whether its room, or what is the user's own, is heard already.
    begun: bool,
    /// Everything up to this sequence number has been said, of what it is to hear, or came before it.
    said: u64,
    /// The beginning of each of its messages.
    head: Box<[u8]>,
}

/// All of a client's.
#[derive(Debug)]
pub(super) struct Subscriptions(Mutex<Table>);

#[derive(Debug)]
struct Table {
    version: Version,
    next: u32,
    /// How many events have come that are no broadcasts.
    events: u64,
    list: Vec<Subscription>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self(Mutex::new(Table { version: Version::V1_0, next: 1, events: 0, list: Vec::new() }))
    }
}

impl Subscriptions {
    /// The version that the client speaks.
    pub(super) fn speak(&self, version: Version) {
        self.0.lock().version = version;
    }

    /// How many there are, and how many more whose end is on its way.
    pub(super) fn count(&self) -> (usize, usize) {
        let list = &self.0.lock().list;
        let ending = list.iter().filter(|known| known.is_ending()).count();
        (list.len() - ending, ending)
    }

    /// How many hear each message of this one, too.
    pub(super) fn same(&self, source: &Source) -> usize {
        let shares = |known: &&Subscription| !known.is_ending() && known.source == *source;
        match source {
            Source::Room(_) | Source::User(_) => self.0.lock().list.iter().filter(shares).count(),
            // A message of a queue is one subscription's, and an answer too.
            Source::Queue | Source::App => 0,
        }
    }

    /// The consumers of queues.
    pub(super) fn consumers(&self) -> Vec<u32> {
        let consumes = |known: &&Subscription| !known.is_ending() && known.source == Source::Queue;
        self.0.lock().list.iter().filter(consumes).map(|known| known.number).collect()
    }

    /// Whether there is one of this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.lock().list.iter().any(|known| known.id.as_deref() == Some(id))
    }

    /// Adds one, and gives it its number.
    pub(super) fn add(&self, id: Option<&str>, destination: &str, source: Source, ack: Ack) -> u32 {
        let table = &mut *self.0.lock();
        let number = table.next;
        table.next = table.next.wrapping_add(1).max(1);
        let headers = id.map(|id| ("subscription", id)).into_iter().chain([("destination", destination)]);
        let mut head = Vec::new();
        write_head(table.version, &Command::Message, headers, &mut head);
        table.list.push(Subscription {
            number,
            begun: matches!(source, Source::Queue | Source::App),
            source,
            id: id.map(Box::from),
            destination: destination.into(),
            ack,
            said: 0,
            head: head.into(),
        });
        number
    }

    /// Its room, or what is the user's own, is heard from here on.
    pub(super) fn begin(&self, number: u32) {
        if let Some(known) = self.0.lock().list.iter_mut().find(|known| known.number == number) {
            known.begun = true;
        }
    }

    /// It stands behind everything up to this sequence number: what of that is said again is for another.
    pub(super) fn stands(&self, number: u32, seq: u64) {
        if let Some(known) = self.0.lock().list.iter_mut().find(|known| known.number == number) {
            known.said = known.said.max(seq);
        }
    }

    /// Frees the name of one, by its id, or in 1.0 by its destination. It hears what comes before its end has its turn
    /// ([`forget`](Self::forget)).
    pub(super) fn end(&self, id: Option<&str>, destination: Option<&str>) -> Option<(u32, Ending)> {
        let table = &mut *self.0.lock();
        let known = table.list.iter_mut().find(|known| match id {
            Some(id) => known.id.as_deref() == Some(id),
            None => known.id.is_none() && !known.is_ending() && Some(&*known.destination) == destination,
        })?;
        known.id = None;
        known.destination = Box::default();
        let (number, source) = (known.number, known.source.clone());
        let ending = match source {
            Source::Room(room) => {
                let stays = |other: &Subscription| {
                    !other.is_ending() && matches!(&other.source, Source::Room(of) if *of == room)
                };
                if table.list.iter().any(stays) { Ending::Quiet } else { Ending::Leave(room) }
            }
            Source::Queue => Ending::Stop,
            Source::User(_) | Source::App => Ending::Quiet,
        };
        Some((number, ending))
    }

    /// Nothing comes for it any more.
    pub(super) fn forget(&self, number: u32) {
        self.0.lock().list.retain(|known| known.number != number);
    }

    /// Nothing comes for any of them any more.
    pub(super) fn clear(&self) {
        self.0.lock().list.clear();
    }

    /// What the id of a message says. None if it is none of ours.
    pub(super) fn settled(&self, id: &str) -> Option<Settled> {
        let settled = Settled::parse(id)?;
        if let Settled::Delivery { consumer, delivery, .. } = settled
            && let Some(known) = self.0.lock().list.iter().find(|known| known.number == consumer)
        {
            // It is the subscription that says how its messages are settled. One that has ended is gone from here.
            return Some(Settled::Delivery { consumer, delivery, up_to: known.ack == Ack::Client });
        }
        Some(settled)
    }

    /// The heads of the messages that an event is which is for this client alone.
    pub(super) fn of_event(&self, event: &str, mut head: impl FnMut(&[u8])) {
        let table = &mut *self.0.lock();
        let number = table.events;
        let version = table.version;
        let wanted = |known: &&Subscription| {
            known.begun && matches!(&known.source, Source::User(name) if **name == *event)
        };
        let mut bytes = Vec::new();
        let mut heard = false;
        for known in table.list.iter().filter(wanted) {
            known.begin_message(version, 'e', format_args!("{number}"), &mut bytes);
            head(&bytes);
            heard = true;
        }
        table.events += u64::from(heard);
    }

    /// The head of the message that answers a subscription to the application.
    pub(super) fn once(&self, number: u32, head: impl FnOnce(&[u8])) {
        let table = &mut *self.0.lock();
        let Some(known) = table.list.iter().find(|known| known.number == number) else { return };
        let mut bytes = Vec::new();
        known.begin_message(table.version, 'e', format_args!("{}", table.events), &mut bytes);
        table.events += 1;
        head(&bytes);
    }

    /// The head of a message that is an answer for whoever asked, without a subscription.
    pub(super) fn reply(&self, destination: &str, head: impl FnOnce(&[u8])) {
        let table = &mut *self.0.lock();
        let id = format!("e0.{}", table.events);
        table.events += 1;
        let mut bytes = Vec::new();
        // As RabbitMQ has it for its temporary queues.
        let headers = [("subscription", destination), ("destination", destination), ("message-id", &id)];
        write_head(table.version, &Command::Message, headers, &mut bytes);
        head(&bytes);
    }

    /// The head of a message of a queue.
    pub(super) fn of_queue(&self, consumer: u32, delivery: u64, redelivered: bool, head: impl FnOnce(&[u8])) {
        let table = &*self.0.lock();
        let Some(known) = table.list.iter().find(|known| known.number == consumer) else { return };
        let mut bytes = Vec::new();
        let kind = if known.ack == Ack::Client { 'c' } else { 'q' };
        known.begin_message(table.version, kind, format_args!("{delivery}"), &mut bytes);
        if redelivered {
            bytes.extend_from_slice(b"redelivered:true\n");
        }
        head(&bytes);
    }
}

impl Heads for Subscriptions {
    fn heads(&self, broadcast: &Broadcast, head: &mut dyn FnMut(&[u8])) {
        let table = &mut *self.0.lock();
        let version = table.version;
        let mut bytes = Vec::new();
        table.each_that_hears(broadcast, |known| {
            known.begin_message(version, 'r', format_args!("{}", broadcast.offset), &mut bytes);
            head(&bytes);
        });
    }

    fn said(&self, broadcast: &Broadcast) {
        self.0.lock().each_that_hears(broadcast, |known| known.said = broadcast.seq());
    }
}

impl Table {
    /// Those that are to hear this broadcast, and have not.
    fn each_that_hears(&mut self, broadcast: &Broadcast, mut hears: impl FnMut(&mut Subscription)) {
        let publication = &broadcast.publication;
        let rooms = &publication.target.rooms;
        let mut is_subscribed = false;
        let mut tell = |known: &mut Subscription| {
            // A room that is entered again says some of it again, for a subscription that is new.
            if known.begun && broadcast.seq() > known.said {
                hears(known);
            }
        };
        for known in &mut self.list {
            if let Source::Room(room) = &known.source
                && rooms.iter().any(|key| matches!(key, RoomKey::Named(name) if *name == *room))
            {
                is_subscribed = true;
                tell(known);
            }
        }
        // What the application sends, or lets it hear, that it has not subscribed to.
        if !is_subscribed {
            for known in &mut self.list {
                if matches!(&known.source, Source::User(event) if **event == *publication.event) {
                    tell(known);
                }
            }
        }
    }
}

/// What ends with a subscription.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client's membership of this room: it has no other subscription there.
    Leave(Arc<str>),
    /// A consumer of a queue.
    Stop,
    /// Nothing else.
    Quiet,
}

impl Subscription {
    /// Whether its end is on its way.
    fn is_ending(&self) -> bool {
        self.destination.is_empty()
    }

    /// Writes the head, all but what the message itself has. Its id, which is its `ack` as well: what it is of (`r` a room,
    /// `q` and `c` a queue, `e` an event), the subscription's number, and what tells its messages apart.
    fn begin_message(&self, version: Version, kind: char, id: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.head);
        let mut line = String::with_capacity(48);
        // A string takes every write.
        let _ = write!(line, "{kind}{}.{id}", self.number);
        out.extend_from_slice(b"message-id:");
        out.extend_from_slice(line.as_bytes());
        if self.ack != Ack::Auto && version == Version::V1_2 {
            out.extend_from_slice(b"\nack:");
            out.extend_from_slice(line.as_bytes());
        }
        out.push(b'\n');
    }
}

/// What a message's id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// A message of a queue, and whether all that came before are meant, too.
    Delivery { consumer: u32, delivery: u64, up_to: bool },
    /// One that nothing is known of once it has been sent.
    Sent,
}

impl Settled {
    /// Reads an id of ours. None if it is none.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let kind = id.chars().next()?;
        let (consumer, rest) = id.get(kind.len_utf8()..)?.split_once('.')?;
        // As we write them: the standard library's would take a sign as well.
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let consumer = Some(consumer).filter(|consumer| is_number(consumer))?.parse().ok()?;
        match kind {
            'q' | 'c' => {
                let delivery = Some(rest).filter(|rest| is_number(rest))?.parse().ok()?;
                Some(Self::Delivery { consumer, delivery, up_to: kind == 'c' })
            }
            'r' | 'e' if !rest.is_empty() => Some(Self::Sent),
            _ => None,
        }
    }
}
