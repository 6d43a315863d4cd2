//! One client: its session, its protocol and its handlers, joined.
//!
//! A carrier tells a conversation what happened on its lane, has it encode what waits in the mailbox, and
//! carries out the [`Effect`]s that it asks for. Nothing here reads or writes a socket.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use everywire_core::hub::Spec;
use everywire_core::{ConnectionId, Entry, Form, Item, Link, PayloadRef, Reason};
use everywire_protocols::protocol::{self, Protocol, ProtocolForm};
use everywire_protocols::seam::{Kind, Message, Outbox, Time};
use everywire_protocols::session::{self, Input, Lane, LaneEnd, LaneKind, Session};

use super::apart::{Apart, Sent};
pub(crate) use super::effect::{Effect, Effects};
use super::inbound::{Done, Inbound};
use super::sessions::Place;
use crate::app::AppState;
use crate::app::connection::Connection;
use crate::app::error::Result;
use crate::app::namespace::Handlers;
use crate::{Identity, random};

/// The one lane of a session that has one.
pub(crate) const LANE: Lane = Lane(0);

/// Where a client is, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<SocketAddr>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

/// What a conversation begins with.
pub(crate) struct Opening {
    pub(crate) app: Arc<AppState>,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) namespace: Arc<str>,
    pub(crate) identity: Identity,
    pub(crate) session: Box<dyn Session>,
    pub(crate) protocol: Box<dyn Protocol>,
    pub(crate) peer: Peer,
    /// The room that every message is published in, on a relay mount.
    pub(crate) relay: Option<Arc<str>>,
}

/// One client's conversation.
pub(crate) struct Conversation {
    pub(super) app: Arc<AppState>,
    pub(super) handlers: Arc<Handlers>,
    pub(super) session: Box<dyn Session>,
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) link: Arc<dyn Link>,
    pub(super) connection: Connection,
    pub(super) inbound: Inbound,
    pub(super) relay: Option<Arc<str>>,
    pub(super) peer: Peer,
    /// Whether the session wants every message, or leaves them to the carrier.
    pub(super) direct: bool,
    pub(super) ended: Option<Reason>,
    /// Whether the connection has left the hub.
    pub(super) left: bool,
    /// Held until the application has said farewell.
    pub(super) place: Option<Place>,
}

impl Conversation {
    /// The conversation, and the connection in the hub; call [`open`](Self::open) next.
    pub(crate) fn new(opening: Opening, link: Arc<dyn Link>, form: impl Fn(ProtocolForm) -> Form) -> Self {
        let Opening { app, handlers, namespace, identity, session, protocol, peer, relay } = opening;
        let core = app.hub.namespace(&namespace).connect(Spec {
            id: ConnectionId::from_random(random()),
            identity,
            link: link.clone(),
            slot: 0,
            form: form(protocol.form()),
            answers: protocol.answers(),
            shard: app.sessions.next_shard(),
        });
        let place = app.sessions.enter(&link);
        Self {
            app,
            handlers,
            session,
            protocol,
            link,
            connection: Connection::new(core),
            inbound: Inbound::default(),
            relay,
            peer,
            direct: false,
            ended: None,
            left: false,
            place: Some(place),
        }
    }

    /// The lane is there.
    pub(crate) fn open(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        kind: LaneKind,
        head: &http::Request<()>,
        effects: &mut Effects,
    ) {
        self.tell(cx, now, Input::LaneOpened { lane: LANE, kind, head }, effects);
    }

    /// A message came.
    #[inline]
    pub(crate) fn message(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        message: Message<'_>,
        effects: &mut Effects,
    ) {
        self.tell(cx, now, Input::Message { lane: LANE, message }, effects);
    }

    /// A pong came.
    pub(crate) fn pong(&mut self, cx: &mut Context<'_>, now: Time, effects: &mut Effects) {
        self.tell(cx, now, Input::Pong { lane: LANE }, effects);
    }

    /// The lane is gone.
    pub(crate) fn lane_closed(&mut self, cx: &mut Context<'_>, now: Time, how: LaneEnd) {
        self.tell(cx, now, Input::LaneClosed { lane: LANE, how }, &mut Effects::new());
    }

    /// The conversation is to end.
    pub(crate) fn close(&mut self, cx: &mut Context<'_>, now: Time, reason: Reason, effects: &mut Effects) {
        self.tell(cx, now, Input::Close(reason), effects);
    }

    /// Looks at the deadlines: those up to `horizon` have come.
    pub(crate) fn tick(&mut self, cx: &mut Context<'_>, horizon: Time, effects: &mut Effects) {
        if let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= horizon) {
            self.tell(cx, deadline, Input::Tick, effects);
        }
        if let Some(deadline) = self.protocol.deadline().filter(|deadline| *deadline <= horizon) {
            let mut out = protocol::Outputs::new();
            self.protocol.tick(deadline, &mut out);
            self.follow(cx, deadline, out, effects);
        }
    }

    /// When it wants a tick.
    pub(crate) fn deadline(&self) -> Option<Time> {
        match (self.session.deadline(), self.protocol.deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Why it is over, if it is.
    pub(crate) fn ended(&self) -> Option<Reason> {
        self.ended
    }

    /// Whether messages are wrapped by the carrier alone.
    pub(crate) fn is_direct(&self) -> bool {
        self.direct
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether more of the client's bytes may be read: false while as many of its events wait as may, and
    /// nothing of ours waits for the client.
    pub(crate) fn wants_more(&self) -> bool {
        self.inbound.waiting_bytes() < self.app.options.inbound_queue || self.connection.core().is_asking()
    }

    /// Encodes what waited in the mailbox, while the session leaves that to the carrier.
    pub(crate) fn encode(&mut self, entries: &mut VecDeque<Entry>, outbox: &mut dyn Outbox) {
        for entry in entries.drain(..) {
            self.protocol.encode(&entry, outbox);
        }
    }

    /// Hands what waited in the mailbox to the session, while it wants every message.
    pub(crate) fn send_indirect(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        entries: &mut VecDeque<Entry>,
        effects: &mut Effects,
    ) {
        let mut apart = Apart::default();
        for entry in entries.drain(..) {
            apart.offset = match &entry.item {
                Item::Broadcast { broadcast, .. } => Some(broadcast.offset),
                _ => None,
            };
            self.protocol.encode(&entry, &mut apart);
        }
        self.send_apart(cx, now, &apart, effects);
        self.tell(cx, now, Input::Drained, effects);
    }

    fn send_apart(&mut self, cx: &mut Context<'_>, now: Time, apart: &Apart, effects: &mut Effects) {
        for Sent { kind, bytes, offset, retain } in &apart.messages {
            let message = match kind {
                // What protocols encode as text is UTF-8.
                Kind::Text => Message::Text(std::str::from_utf8(bytes).unwrap_or_default()),
                Kind::Binary => Message::Binary(bytes),
            };
            let input = Input::Send { message, offset: *offset, retain: *retain };
            self.tell(cx, now, input, effects);
        }
    }

    /// Says goodbye in the protocol's own words.
    pub(crate) fn goodbye(&mut self, reason: Reason, outbox: &mut dyn Outbox) {
        self.protocol.goodbye(reason, outbox);
    }

    /// Lets the handlers at work go on, and starts those whose turn has come.
    pub(crate) fn work(&mut self, cx: &mut Context<'_>, now: Time, effects: &mut Effects) {
        loop {
            if let Some(done) = self.inbound.poll(cx) {
                match done {
                    Done::Open(outcome) => self.let_in(cx, now, outcome, effects),
                    Done::Event { name, token, outcome } => self.reply(&name, token, outcome),
                }
            } else if let Some(event) = self.inbound.next(self.handlers.parallel) {
                self.handle(cx, &event.name, event.args.view(), event.token);
            } else {
                return;
            }
        }
    }

    /// Whether no handler is at work and no event waits for one.
    pub(crate) fn is_idle(&self) -> bool {
        self.inbound.is_idle()
    }

    /// The carrier is gone for good: the connection leaves the hub, and what has not been begun is not.
    /// Handlers at work go on to their end.
    pub(crate) fn leave(&mut self, reason: Reason) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        let core = self.connection.core();
        self.link.mailbox().end(reason, false);
        core.namespace().disconnect(core);
        if reason != Reason::ClientClosed {
            self.inbound.forget_waiting();
        }
        tracing::debug!(peer = %self.peer, connection = %core.id(), %reason, "a connection ended");
    }

    /// What the application does about the end. Until it is done the session counts as open, so that a shutdown
    /// waits for it.
    fn farewell(&mut self, reason: Reason) {
        let place = self.place.take();
        if self.handlers.disconnect.is_empty() {
            return;
        }
        // Without a runtime there is nothing left that could run it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (handlers, connection) = (self.handlers.clone(), self.connection.clone());
        runtime.spawn(async move {
            for handler in &handlers.disconnect {
                handler(connection.clone(), reason).await;
            }
            drop(place);
        });
    }

    #[inline]
    pub(super) fn tell<'a>(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        input: Input<'a>,
        effects: &mut Effects,
    ) {
        let mut out = session::Outputs::<'a>::new();
        self.session.input(now, input, &mut out);
        for output in out {
            match output {
                session::Output::Message(message) => self.understand(cx, now, message, effects),
                session::Output::Decoded(decoded) => {
                    self.understand(cx, now, decoded.as_message(), effects);
                }
                session::Output::Opened(facts) => self.opened(cx, now, facts, effects),
                session::Output::Direct { .. } => self.direct = true,
                session::Output::Indirect => self.direct = false,
                session::Output::Write { bytes, text, .. } => {
                    effects.push(Effect::Write { bytes: bytes.into_owned().into(), text });
                }
                session::Output::Ping { .. } => effects.push(Effect::Ping),
                session::Output::Respond { status, headers, body, .. } => {
                    let body = body.map(|body| Bytes::from(body.into_owned()));
                    effects.push(Effect::Respond { status, headers, body });
                }
                session::Output::End { reason, .. } => effects.push(Effect::End(reason)),
                session::Output::Closed(reason) => self.ended = Some(reason),
                session::Output::Resumed { from } => {
                    let mut apart = Apart::default();
                    self.protocol.resumed(now, from, &mut apart);
                    self.send_apart(cx, now, &apart, effects);
                    self.tell(cx, now, Input::Drained, effects);
                }
                // One lane, and its back-pressure is the driver's own; sessions that outlive a lane come with
                // those that have several.
                session::Output::Pause { .. }
                | session::Output::Resume { .. }
                | session::Output::Hold
                | session::Output::Release => {}
            }
        }
    }

    #[inline]
    fn understand(&mut self, cx: &mut Context<'_>, now: Time, message: Message<'_>, effects: &mut Effects) {
        let mut out = protocol::Outputs::new();
        self.protocol.message(now, message, &mut out);
        self.follow(cx, now, out, effects);
    }

    #[inline]
    pub(super) fn follow(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        out: protocol::Outputs<'_>,
        effects: &mut Effects,
    ) {
        for output in out {
            match output {
                protocol::Output::Event { name, args, token, .. } => {
                    if self.inbound.is_free(self.handlers.parallel) {
                        self.handle(cx, &name, args, token);
                    } else {
                        self.wait(cx, now, &name, args, token, effects);
                    }
                }
                protocol::Output::Answer { id, answer, .. } => self.answered(id, answer),
                protocol::Output::Send { bytes, kind, fault } => {
                    if let Some(fault) = fault {
                        tracing::warn!(peer = %self.peer, connection = %self.connection.id(), "{fault}");
                    }
                    self.connection.core().send(Item::Wire { bytes: bytes.into(), text: kind == Kind::Text });
                }
                protocol::Output::Passing { bytes, kind } if self.direct => {
                    effects.push(Effect::Write { bytes: bytes.into(), text: kind == Kind::Text });
                }
                protocol::Output::Passing { bytes, kind } => {
                    let mut apart = Apart::default();
                    apart.passing(kind, bytes.len(), &mut |out| out.extend_from_slice(&bytes));
                    self.send_apart(cx, now, &apart, effects);
                }
                protocol::Output::Close { reason, fault } => {
                    tracing::warn!(peer = %self.peer, connection = %self.connection.id(), %reason, "{fault}");
                    self.link.mailbox().end(reason, true);
                }
                protocol::Output::Ignored(what) => {
                    tracing::debug!(peer = %self.peer, connection = %self.connection.id(), "{what}");
                }
                protocol::Output::Acknowledged(n) => self.tell(cx, now, Input::Acknowledged(n), effects),
                // Protocols that carry several namespaces, and cancellation, come with those that have them.
                protocol::Output::Connect { .. }
                | protocol::Output::Disconnect { .. }
                | protocol::Output::Cancel { .. } => {}
            }
        }
    }

    fn answered(&mut self, id: u64, answer: Result<PayloadRef<'_>, (i64, String)>) {
        let answer = answer
            .map(PayloadRef::into_owned)
            .map_err(|(code, message)| everywire_core::hub::AckError::Failed { code, message });
        if !self.connection.core().answer(id, answer) {
            tracing::debug!(peer = %self.peer, id, "an answer that nobody waits for");
        }
    }
}

impl Drop for Conversation {
    /// The end, whoever brought it about: the carrier in order, a handler by a panic, or the runtime.
    fn drop(&mut self) {
        let panicked = std::thread::panicking();
        if panicked {
            tracing::error!(peer = %self.peer, connection = %self.connection.id(), "a handler panicked: its connection ends");
        }
        let lost = if panicked { Reason::Internal } else { Reason::Lost };
        let reason = self.link.mailbox().ended().or(self.ended).unwrap_or(lost);
        self.leave(reason);
        self.farewell(reason);
    }
}
