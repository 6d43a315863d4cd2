//! The one door through which everything from the broker comes, local or remote.

use std::sync::{Arc, Weak};

use smallvec::SmallVec;

use super::namespace::{Namespace, State};
use super::shard::Delivery;
use super::tickets::Waiting;
use super::{Hub, PublishError};
use crate::broadcast::Broadcast;
use crate::broker::{BrokerError, BrokerEvent, Door, Ticket};
use crate::vocabulary::{ConnectionId, RoomKey};

/// The hub's door. It holds the hub weakly: a broker may outlive it.
pub(super) struct HubDoor(pub(super) Weak<Hub>);

impl Door for HubDoor {
    fn event(&self, event: BrokerEvent) {
        let Some(hub) = self.0.upgrade() else { return };
        match event {
            BrokerEvent::Deliver { namespace, broadcast } => {
                if let Some(namespace) = hub.find_namespace(&namespace) {
                    namespace.deliver(&hub, &broadcast);
                }
            }
            BrokerEvent::Published { ticket, offset } => {
                if let Some(Waiting::Publish { resolver, own }) = hub.tickets.redeem(ticket) {
                    resolver.resolve(Ok(offset));
                    if let Some(own) = own {
                        own.release(ticket);
                    }
                }
            }
            BrokerEvent::Subscribed { ticket, position } => {
                if let Some(Waiting::Subscribe { namespace, room }) = hub.tickets.redeem(ticket) {
                    namespace.subscribed(&room, position);
                }
            }
            BrokerEvent::Unsubscribed { ticket } => {
                hub.tickets.redeem(ticket);
            }
            BrokerEvent::History { ticket, page } => match hub.tickets.redeem(ticket) {
                Some(Waiting::History { resolver }) => resolver.resolve(Ok(page)),
                Some(Waiting::CatchUp { namespace, joining }) => namespace.caught_up(joining, &page),
                _ => {}
            },
            BrokerEvent::Told { ticket } => {
                if let Some(Waiting::Tell { resolver }) = hub.tickets.redeem(ticket) {
                    resolver.resolve(Ok(()));
                }
            }
            BrokerEvent::Message { namespace, message } => {
                if let Some(told) = hub.options.told.as_ref().filter(|_| hub.is_for_us(&message)) {
                    told(&namespace, message);
                }
            }
            BrokerEvent::Failed { ticket, error } => failed(&hub, ticket, error),
        }
    }
}

fn failed(hub: &Hub, ticket: Ticket, error: BrokerError) {
    match hub.tickets.redeem(ticket) {
        Some(Waiting::Publish { resolver, own }) => {
            resolver.resolve(Err(PublishError::Broker(error)));
            if let Some(own) = own {
                own.release(ticket);
            }
        }
        Some(Waiting::Subscribe { namespace, room }) => namespace.subscription_failed(&room, &error),
        Some(Waiting::CatchUp { namespace, joining }) => namespace.join_failed(joining, &error),
        Some(Waiting::History { resolver }) => resolver.resolve(Err(error)),
        Some(Waiting::Tell { resolver }) => resolver.resolve(Err(error)),
        Some(Waiting::Unsubscribe) | None => {}
    }
}

impl Namespace {
    /// Hands a broadcast to the shards whose connections are to hear it. Called in the order of the
    /// sequence numbers.
    fn deliver(self: &Arc<Self>, hub: &Hub, broadcast: &Arc<Broadcast>) {
        let mut state = self.state.lock();
        let seq = broadcast.seq();
        if broadcast.publication.target.rooms.contains(&RoomKey::Everyone) {
            state.keep_everyone(broadcast.offset.epoch, self.shards().len());
        }
        state.delivered = state.delivered.max(seq);
        let mut rooms: SmallVec<[_; 1]> = SmallVec::new();
        for key in &broadcast.publication.target.rooms {
            if let RoomKey::Connection(id) = key {
                state.deliver_to_connection(*id, broadcast, hub.options.catch_up_queue);
            } else if let Some(heard) = state.rooms.get(key) {
                let joining = heard.joining.clone();
                if !heard.room.is_empty() {
                    rooms.push(heard.room.clone());
                }
                for id in joining {
                    if let Some(joining) = state.joining.get_mut(&id) {
                        joining.keep(broadcast, hub.options.catch_up_queue);
                    }
                }
            }
        }
        if rooms.is_empty() {
            return;
        }
        for (i, shard) in self.shards().iter().enumerate() {
            if rooms.iter().any(|room| room.has_members_in(i)) {
                let delivery = Delivery { broadcast: broadcast.clone(), rooms: rooms.clone() };
                if shard.append(delivery) {
                    hub.options.flush.flush(self, i);
                }
            }
        }
    }
}

impl State {
    fn deliver_to_connection(&mut self, id: ConnectionId, broadcast: &Arc<Broadcast>, bound: usize) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.is_away() {
            // It is in the log, and before the connection hears of it it has to hear what came earlier.
            if let Some(joining) = self.catching_up(id) {
                joining.keep(broadcast, bound);
            }
            return;
        }
        connection.settle();
        if !connection.is_excepted(&broadcast.publication, &connection.memberships.lock()) {
            connection.hear(broadcast);
        }
        connection.mark_seen(broadcast.seq());
    }
}
