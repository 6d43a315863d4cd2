//! Shows the reference everything that passes between hub and broker.

use std::sync::Arc;

use everywire_core::Broker;
use everywire_core::broker::{BrokerEvent, Command, Door, Ticket};
use parking_lot::Mutex;

use super::reference::Reference;

pub(super) struct Spy {
    broker: Arc<dyn Broker>,
    reference: Arc<Reference>,
    /// One for the hub's, so that a broker knows its node by it.
    door: Mutex<Option<Arc<dyn Door>>>,
}

impl Spy {
    pub(super) fn new(broker: Arc<dyn Broker>, reference: Arc<Reference>) -> Self {
        Self { broker, reference, door: Mutex::default() }
    }
}

impl Broker for Spy {
    fn submit(&self, ticket: Ticket, command: Command, door: &Arc<dyn Door>) {
        self.reference.submitted(ticket, &command);
        let spied = self
            .door
            .lock()
            .get_or_insert_with(|| {
                Arc::new(SpiedDoor { door: door.clone(), reference: self.reference.clone() })
            })
            .clone();
        self.broker.submit(ticket, command, &spied);
    }
}

struct SpiedDoor {
    door: Arc<dyn Door>,
    reference: Arc<Reference>,
}

impl Door for SpiedDoor {
    fn event(&self, event: BrokerEvent) {
        let after: Box<dyn FnOnce(&Reference)> = match &event {
            BrokerEvent::Deliver { broadcast, .. } => {
                let broadcast = broadcast.clone();
                Box::new(move |reference| reference.delivered(&broadcast))
            }
            &BrokerEvent::Published { ticket, offset } => {
                Box::new(move |reference| reference.published(ticket, offset))
            }
            &BrokerEvent::Subscribed { ticket, position } => {
                Box::new(move |reference| reference.subscribed(ticket, position))
            }
            BrokerEvent::Unsubscribed { .. }
            | BrokerEvent::History { .. }
            | BrokerEvent::Told { .. }
            | BrokerEvent::Message { .. }
            | BrokerEvent::Failed { .. } => Box::new(|_| {}),
        };
        self.door.event(event);
        after(&self.reference);
        self.reference.look();
    }
}
