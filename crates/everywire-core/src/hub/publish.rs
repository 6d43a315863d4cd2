//! Publishing: the one admission check, then the broker.

use std::sync::Arc;

use super::connection::Connection;
use super::namespace::Namespace;
use super::tickets::Waiting;
use crate::admission::{self, Refused};
use crate::broadcast::{Publication, Sending, Target};
use crate::broker::{BrokerError, Command};
use crate::payload::Payload;
use crate::promise::Promise;
use crate::vocabulary::{Name, Offset, RoomKey};

/// Why something could not be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It may not be published.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The broker could not take it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Namespace {
    /// Publishes an event to rooms, in the name of `from` if a connection did it. The promise gives
    /// its place in the log; whoever does not want to know drops it.
    pub fn publish(
        self: &Arc<Self>,
        from: Option<&Arc<Connection>>,
        mut target: Target,
        event: impl Into<Name>,
        payload: Payload,
        sending: impl Into<Sending>,
    ) -> Promise<Result<Offset, PublishError>> {
        let event = event.into();
        let Sending { class, compress, original } = sending.into();
        if let Err(refused) = admit(&target, &event) {
            return Promise::ready(Err(refused.into()));
        }
        target.name_once();
        let hub = self.hub();
        let retention = target.rooms.iter().map(|room| (hub.options.retention)(self.name(), room)).collect();
        let publication = Publication {
            namespace: self.name().clone(),
            event,
            payload,
            target,
            from: from.map(|connection| connection.id()),
            user: from.and_then(|connection| connection.identity().user.clone()),
            time: hub.now(),
            class,
            compress,
            original,
        };
        let (promise, resolver) = Promise::new();
        let ticket = hub.tickets.reserve();
        if let Some(connection) = from {
            connection.own().begin(ticket);
        }
        hub.tickets.fill(ticket, Waiting::Publish { resolver, own: from.cloned() });
        let command = Command::Publish { namespace: self.name().clone(), publication, retention };
        hub.options.broker.submit(ticket, command, hub.door());
        promise
    }
}

/// The arguments need no look: a payload that breaks the rules does not exist.
fn admit(target: &Target, event: &Name) -> Result<(), Refused> {
    admission::admit_event_name(event)?;
    for room in target.rooms.iter().chain(&target.except) {
        if let RoomKey::Named(name) = room {
            admission::admit_room(name)?;
        }
    }
    Ok(())
}
