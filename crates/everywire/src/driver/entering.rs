//! How clients enter namespaces and leave them.
//!
//! Who the client is, is found out first; then the connect handlers run, and the rooms that it named are entered.
//! Only then is it in, and the first of its events handled. Protocols with several namespaces hear of each step
//! ([`Item::Entered`], [`Item::Refused`], [`Item::Left`]); for all others ([`Entrance`]) the end of a connection is the
//! session's.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};

use everywire_core::hub::Spec;
use everywire_core::{
    ConnectionId, Entry, Identity, Item, JoinOptions, Payload, PayloadRef, Reason, RoomKey, Verb,
};
use everywire_protocols::protocol::{self, Entrance, Resume};
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Facts, Input};

use super::arriving::{arrive, connect, identify};
use super::conversation::{Conversation, Effects};
use super::handling::may;
use super::inbound::{Entered, Inbound, Opens};
use super::seats::Seat;
use super::sessions::Place;
use crate::app::connection::Connection;
use crate::app::error::{EventError, Result};
use crate::app::handshake::{Kept, Shown};
use crate::app::namespace::Handlers;
use crate::carrier::form::form;
use crate::random;

/// What Socket.IO calls it, and clients show.
const INVALID_NAMESPACE: &str = "Invalid namespace";

impl Conversation {
    /// The one seat of a protocol without namespaces.
    pub(super) fn take_seat(&mut self, namespace: &str, id: Option<ConnectionId>) {
        let handlers = self.app.handlers_of(namespace).unwrap_or_else(|| Arc::new(Handlers::empty()));
        if !handlers.outgoing.is_empty() {
            self.watched = true;
            self.link.mailbox().set_direct(false);
        }
        let namespace = self.app.hub.namespace(namespace);
        let connection =
            connect(&namespace, self.spec(0, id, self.identity.clone()), self.shown(Payload::empty()));
        self.seats.push(Seat {
            slot: 0,
            connection: Some(connection),
            handlers,
            inbound: Inbound::default(),
            entered: true,
            left: None,
        });
        self.mind_expiry();
    }

    /// Looks when the first identity ends.
    fn mind_expiry(&mut self) {
        let (wheel, hub) = (&self.app.wheel, &self.app.hub);
        let open = self.seats.iter().filter(|seat| seat.left.is_none());
        let expiries = open.filter_map(|seat| self.expiry_of(seat.connection.as_ref()?));
        self.expires =
            expiries.min().map(|at| Time(wheel.now().0.saturating_add(at.saturating_sub(hub.now()))));
    }

    /// When a connection's identity ends, in the hub's time. That of a session of one connection may have been renewed.
    fn expiry_of(&self, connection: &Connection) -> Option<u64> {
        if self.shares_session() { connection.identity().expires } else { self.identity.expires }
    }

    /// A request of the client's has shown who it is, once more.
    pub(crate) fn shown_again(&mut self, identity: &Identity, renews: bool) {
        if identity.user != self.identity.user {
            // As ASP.NET Core: it is the secret of the session that lets a client in.
            tracing::warn!(peer = %self.peer, session = ?self.identity.user, request = ?identity.user, "a request of another user's in a session");
        } else if renews && identity.expires != self.identity.expires {
            self.identity.expires = identity.expires;
            self.mind_expiry();
        }
    }

    /// Ends the connections whose identities have ended by then: what was found out about their clients holds no longer.
    pub(super) fn end_expired(&mut self, by: Time) {
        let now = self.app.wheel.now();
        let until = self.app.hub.now().saturating_add(by.0.saturating_sub(now.0));
        for seat in self.seats.iter().filter(|seat| seat.left.is_none()) {
            let expired = |connection: &&Connection| self.expiry_of(connection).is_some_and(|at| at <= until);
            if let Some(connection) = seat.connection.as_ref().filter(expired) {
                tracing::info!(peer = %self.peer, connection = %connection.id(), "an identity has ended");
                connection.core().end(Reason::Unauthenticated);
            }
        }
        // They are told once.
        self.expires = None;
    }

    fn spec(&self, slot: u32, id: Option<ConnectionId>, identity: Identity) -> Spec {
        Spec {
            id: id.unwrap_or_else(|| ConnectionId::from_random(random())),
            identity,
            link: self.link.clone(),
            slot,
            form: form(self.protocol.form(), self.wrapping(), self.framing),
            answers: self.protocol.answers(),
            shares_session: self.shares_session(),
            comes_back: false,
            shard: self.shard as usize,
        }
    }

    fn shown(&self, auth: Payload) -> Option<Shown> {
        self.handshake.clone().map(|handshake| Shown { handshake, auth })
    }

    /// The session is open: the connect handlers run, and the client enters the rooms that it named, before
    /// any event is handled.
    pub(super) fn opened(&mut self, cx: &mut Context<'_>, now: Time, facts: Facts, effects: &mut Effects) {
        let mut out = protocol::Outputs::new();
        self.protocol.open(&facts, now, &mut out);
        self.follow(cx, now, out, effects);
        if self.protocol.entrance() != Entrance::AtOnce {
            return;
        }
        let seat = &self.seats[0];
        let Some(connection) = seat.connection.clone() else { return };
        let (app, handlers, relay) = (self.app.clone(), seat.handlers.clone(), self.relay.clone());
        if handlers.has_no_connect() && relay.is_none() && facts.rooms.is_empty() {
            return;
        }
        let opening: Opens = Box::pin(async move {
            handlers.connect(&connection).await?;
            if let Some(room) = relay {
                may(&app, &connection, &room, Verb::Subscribe)?;
                connection.join(room).await?;
            }
            let joined = if facts.rooms.is_empty() {
                None
            } else {
                for room in &facts.rooms {
                    may(&app, &connection, room, Verb::Subscribe)?;
                }
                let rooms = facts.rooms.into_iter().map(RoomKey::Named);
                let options = JoinOptions { since: facts.since, meta: true };
                let joined = connection.join_with(rooms, options).await;
                Some(joined.map_err(|error| EventError::refuse(error.to_string()))?)
            };
            Ok(Entered { connection, joined, told: false })
        });
        self.begin(0, opening, cx, now, effects);
    }

    /// A client wants to enter a namespace.
    pub(super) fn enter(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        (slot, id, namespace): (u32, Option<ConnectionId>, &str),
        auth: PayloadRef<'_>,
        resume: Option<Resume<'_>>,
        effects: &mut Effects,
    ) {
        let Some(handlers) = self.app.handlers_of(namespace) else {
            tracing::warn!(peer = %self.peer, namespace, "there is no such namespace");
            let item = Item::Refused { message: INVALID_NAMESPACE.into(), data: None };
            self.link.mailbox().push(Entry { slot, item });
            return;
        };
        self.watched |= !handlers.outgoing.is_empty();
        let namespace = self.app.hub.namespace(namespace);
        let shown = self.shown(auth.into_owned());
        let mut seat = Seat {
            slot,
            connection: None,
            handlers: handlers.clone(),
            inbound: Inbound::default(),
            entered: false,
            left: None,
        };
        let identity = self.identity.clone();
        // Who opens one connection by its session was known before, and has no secret to come back by; unless its protocol
        // has a place for what it shows.
        let is_known = !self.shares_session() && !self.protocol.shows_credentials();
        if is_known || self.app.authenticate.is_none() && self.app.recovery.is_none() {
            let connection = connect(&namespace, self.spec(slot, id, identity), shown);
            seat.connection = Some(connection.clone());
            let i = self.seats.push(seat);
            if handlers.has_no_connect() {
                self.let_in(i, cx, now, Ok(Entered { connection, joined: None, told: false }), effects);
                return;
            }
            self.open_socket();
            let opening: Opens = Box::pin(async move {
                handlers.connect(&connection).await?;
                Ok(Entered { connection, joined: None, told: false })
            });
            self.begin(i, opening, cx, now, effects);
            return;
        }
        let spec = self.spec(slot, id, identity);
        let (app, peer) = (self.app.clone(), self.peer);
        let resume =
            resume.map(|Resume { secret, offset }| (secret.into_owned(), offset.map(Cow::into_owned)));
        let i = self.seats.push(seat);
        self.open_socket();
        let opening: Opens = Box::pin(async move {
            let identity = identify(&app, peer, shown.as_ref(), namespace.name()).await?;
            let spec = Spec { identity, ..spec };
            arrive(app, handlers, namespace, spec, shown, resume).await
        });
        self.begin(i, opening, cx, now, effects);
    }

    fn begin(
        &mut self,
        i: usize,
        mut opening: Opens,
        cx: &mut Context<'_>,
        now: Time,
        effects: &mut Effects,
    ) {
        match opening.as_mut().poll(cx) {
            Poll::Ready(outcome) => self.let_in(i, cx, now, outcome, effects),
            Poll::Pending => self.seats[i].inbound.open(opening),
        }
    }

    /// The connect handlers are done: the client is in, or sent away.
    pub(super) fn let_in(
        &mut self,
        i: usize,
        cx: &mut Context<'_>,
        now: Time,
        outcome: Result<Entered>,
        effects: &mut Effects,
    ) {
        let several = self.shares_session();
        match outcome {
            Ok(Entered { connection, joined, told }) => {
                let seat = &mut self.seats[i];
                if let Some(reason) = seat.left {
                    // It left while it was being let in.
                    self.app.disconnect(&connection, reason);
                    return;
                }
                if self.protocol.entrance() != Entrance::AtOnce && !told {
                    let recovery =
                        connection.core().known::<Kept>().and_then(|kept| kept.secret.lock().clone());
                    let user = connection.identity().user.clone();
                    let item = Item::Entered { id: connection.id(), recovery, user };
                    // Not behind what its own handlers sent: the protocol keeps that back until it is in.
                    self.link.mailbox().push(Entry { slot: seat.slot, item });
                }
                if self.protocol.shows_credentials() {
                    self.identity = connection.identity().clone();
                }
                seat.connection = Some(connection);
                seat.entered = true;
                self.mind_expiry();
                self.open_socket();
                if let Some(joined) = joined {
                    let (offset, recovered) = (joined.offset, joined.recovered);
                    self.tell(cx, now, Input::Joined { offset, recovered }, effects);
                }
            }
            Err(error) if several => self.send_away(i, error),
            Err(error) => {
                let reason = if error.is_internal() { Reason::Internal } else { Reason::Refused };
                let item = self.refusal(error);
                let seat = &mut self.seats[i];
                // What it has said meanwhile is not heard either.
                seat.left = Some(reason);
                seat.inbound.forget_waiting();
                self.link.mailbox().push(Entry { slot: seat.slot, item });
                self.link.mailbox().end(reason, true);
            }
        }
    }

    /// The client is not let into this namespace; others are not concerned.
    fn send_away(&mut self, i: usize, error: EventError) {
        let item = self.refusal(error);
        let seat = &self.seats[i];
        if let Some(connection) = &seat.connection {
            self.app.disconnect(connection, Reason::Refused);
        }
        self.link.mailbox().push(Entry { slot: seat.slot, item });
        self.seats.remove(i);
        self.open_socket();
    }

    /// What a client hears that is not let in.
    fn refusal(&self, error: EventError) -> Item {
        tracing::warn!(peer = %self.peer, %error, "a connection was not let in");
        let refused = error.into_failure("connect", &self.peer, self.app.options.detailed_errors);
        Item::Refused { message: refused.message, data: refused.data }
    }

    /// A connection leaves, and the session goes on.
    pub(super) fn vacate(&mut self, slot: u32, reason: Reason) {
        let Some(i) = self.seats.find(slot) else { return };
        let seat = &mut self.seats[i];
        if seat.left.is_some() {
            return;
        }
        if let Some(connection) = &seat.connection {
            tracing::debug!(peer = %self.peer, connection = %connection.id(), %reason, "a connection ended");
            self.app.disconnect(connection, reason);
        }
        if seat.entered {
            farewell(seat, reason, None);
        }
        seat.left = Some(reason);
        if seat.inbound.is_busy() {
            seat.inbound.forget_waiting();
            // A client that left before it was let in leaves nobody to be told.
            seat.entered = true;
        } else {
            self.seats.remove(i);
        }
        self.open_socket();
    }
}

/// Runs what the application does about a connection's end. Until that is done, `place` keeps its session open.
pub(super) fn farewell(seat: &Seat, reason: Reason, place: Option<Arc<Place>>) {
    let Some(connection) = seat.connection.clone() else { return };
    if seat.handlers.disconnect.is_empty() {
        return;
    }
    // Without a runtime there is nothing left that could run it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let handlers = seat.handlers.clone();
    runtime.spawn(async move {
        for handler in &handlers.disconnect {
            handler(connection.clone(), reason).await;
        }
        drop(place);
    });
}
