//! A node that notes everything its broker tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everywire_core::broker::{
    Broker, BrokerEvent, Command, Door, NodeMessage, Page, Retention, Ticket, Told,
};
use everywire_core::{Broadcast, Class, Name, Offset, Publication, RoomKey, Target};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::world::{Pump, payload};

const NAMESPACE: &str = "/";

pub(super) struct Node {
    pub(super) clock: Clock,
    broker: Arc<dyn Broker>,
    pump: Arc<dyn Fn(Pump) + Send + Sync>,
    next: AtomicU64,
    noted: Arc<Noted>,
    door: Arc<dyn Door>,
}

/// What came through the door, in order.
#[derive(Default)]
struct Noted(Mutex<Vec<BrokerEvent>>);

impl Door for Noted {
    fn event(&self, event: BrokerEvent) {
        self.0.lock().push(event);
    }
}

/// What came, in a form that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    Deliver(u64),
    Answer(Ticket),
}

impl Node {
    pub(super) fn new(
        clock: Clock,
        broker: Arc<dyn Broker>,
        pump: impl Fn(Pump) + Send + Sync + 'static,
    ) -> Self {
        let noted = Arc::new(Noted::default());
        let door = noted.clone();
        Self { clock, broker, pump: Arc::new(pump), next: AtomicU64::new(0), noted, door }
    }

    /// One more node of the same broker.
    pub(super) fn another(&self) -> Self {
        let noted = Arc::new(Noted::default());
        let (clock, broker, pump) = (self.clock.clone(), self.broker.clone(), self.pump.clone());
        Self { clock, broker, pump, next: AtomicU64::new(0), door: noted.clone(), noted }
    }

    /// How many nodes the broker knows.
    pub(super) fn nodes(&self) -> usize {
        self.broker.nodes()
    }

    /// Tells the other nodes a number.
    pub(super) fn tell(&self, number: u64) -> Ticket {
        let what = Told::Answer { ask: number, answer: None };
        let message = NodeMessage { from: 0, to: None, what };
        self.submit(Command::Tell { namespace: NAMESPACE.into(), message })
    }

    /// The numbers that it was told, in order.
    pub(super) fn told(&self) -> Vec<u64> {
        let noted = self.noted.0.lock();
        let told = noted.iter().filter_map(|event| match event {
            BrokerEvent::Message { message: NodeMessage { what: Told::Answer { ask, .. }, .. }, .. } => {
                Some(*ask)
            }
            _ => None,
        });
        told.collect()
    }

    pub(super) fn pump(&self, how: Pump) {
        (self.pump)(how);
    }

    pub(super) fn submit(&self, command: Command) -> Ticket {
        let ticket = Ticket(self.next.fetch_add(1, Ordering::Relaxed));
        self.broker.submit(ticket, command, &self.door);
        ticket
    }

    pub(super) fn subscribe(&self, room: &str) -> Ticket {
        self.submit(Command::Subscribe { namespace: NAMESPACE.into(), room: room.into() })
    }

    pub(super) fn unsubscribe(&self, room: &str) -> Ticket {
        self.submit(Command::Unsubscribe { namespace: NAMESPACE.into(), room: room.into() })
    }

    /// Publishes a number to rooms, which all keep what [`Retention::RECENT`] says.
    pub(super) fn publish(&self, rooms: &[&str], number: u64) -> Ticket {
        let keys: Vec<RoomKey> = rooms.iter().map(|&room| room.into()).collect();
        self.publish_kept(NAMESPACE, &keys, number, Retention::RECENT)
    }

    pub(super) fn publish_kept(
        &self,
        namespace: &str,
        rooms: &[RoomKey],
        number: u64,
        retention: Retention,
    ) -> Ticket {
        let publication = Publication {
            namespace: "/".into(),
            event: Name::from("n"),
            payload: payload(number),
            target: Target { rooms: rooms.iter().cloned().collect(), ..Target::default() },
            from: None,
            user: None,
            time: self.clock.now(),
            class: Class::Event,
            compress: true,
            original: None,
        };
        let retention = rooms.iter().map(|_| retention).collect();
        self.submit(Command::Publish { namespace: namespace.into(), publication, retention })
    }

    pub(super) fn ask(&self, rooms: &[RoomKey], since: Option<Offset>, limit: usize) -> Ticket {
        let rooms = rooms.iter().cloned().collect();
        self.submit(Command::History { namespace: NAMESPACE.into(), rooms, since, limit })
    }

    /// A page, after everything has come to rest.
    pub(super) fn page(&self, rooms: &[&str], since: Option<Offset>, limit: usize) -> Page {
        let keys: Vec<RoomKey> = rooms.iter().map(|&room| room.into()).collect();
        let ticket = self.ask(&keys, since, limit);
        self.pump(Pump::All);
        self.page_of(ticket)
    }

    pub(super) fn page_of(&self, ticket: Ticket) -> Page {
        self.answer(ticket, |event| match event {
            BrokerEvent::History { page, .. } => Some(page.clone()),
            _ => None,
        })
    }

    /// Where a subscription begins, or a publication stands.
    pub(super) fn place_of(&self, ticket: Ticket) -> Offset {
        self.answer(ticket, |event| match event {
            BrokerEvent::Subscribed { position: at, .. } | BrokerEvent::Published { offset: at, .. } => {
                Some(*at)
            }
            _ => None,
        })
    }

    #[track_caller]
    fn answer<T>(&self, ticket: Ticket, read: impl Fn(&BrokerEvent) -> Option<T>) -> T {
        let noted = self.noted.0.lock();
        let event = noted.iter().find(|event| answered(event) == Some(ticket));
        let event = event.unwrap_or_else(|| panic!("{ticket:?} is not answered"));
        read(event).unwrap_or_else(|| panic!("{ticket:?} is answered by {event:?}"))
    }

    /// Everything that came, in order.
    pub(super) fn came(&self) -> Vec<Came> {
        let noted = self.noted.0.lock();
        let came = noted.iter().filter_map(|event| match event {
            BrokerEvent::Deliver { broadcast, .. } => Some(Came::Deliver(broadcast.seq())),
            other => answered(other).map(Came::Answer),
        });
        came.collect()
    }

    /// All deliveries, in order.
    pub(super) fn deliveries(&self) -> Vec<Arc<Broadcast>> {
        let noted = self.noted.0.lock();
        let deliveries = noted.iter().filter_map(|event| match event {
            BrokerEvent::Deliver { broadcast, .. } => Some(broadcast.clone()),
            _ => None,
        });
        deliveries.collect()
    }
}

fn answered(event: &BrokerEvent) -> Option<Ticket> {
    match event {
        BrokerEvent::Subscribed { ticket, .. }
        | BrokerEvent::Unsubscribed { ticket }
        | BrokerEvent::Published { ticket, .. }
        | BrokerEvent::History { ticket, .. }
        | BrokerEvent::Told { ticket }
        | BrokerEvent::Failed { ticket, .. } => Some(*ticket),
        BrokerEvent::Deliver { .. } | BrokerEvent::Message { .. } => None,
    }
}
