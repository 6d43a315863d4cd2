//! One client: its session, its protocol and its handlers, joined.
//!
//! A carrier tells a conversation what happened on its lanes, has it encode what waits in the mailbox, and
//! carries out the [`Effect`]s that it asks for. Nothing here reads or writes a socket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Context;

use everywire_core::{Entry, Item, Link, Reason};
use everywire_protocols::protocol::{Entrance, Protocol};
use everywire_protocols::seam::{Kind, Message, Outbox, Time};
use everywire_protocols::session::{self, Input, Lane, LaneEnd, LaneKind, Session, Wrapped, Wrapping};

use super::apart::{Apart, Noted, Sent};
pub(crate) use super::effect::{Effect, Effects};
use super::inbound::Done;
use super::lanes::Registration;
use super::link::SessionLink;
pub(crate) use super::opening::{Opening, Peer};
use super::seats::Seats;
use super::sessions::{Lingering, Place};
use super::streaming::Streams;
use super::wheel::Wheel;
use crate::Identity;
use crate::Options;
use crate::app::AppState;
use crate::app::handshake::Handshake;
use crate::carrier::form::Framing;

/// The lane that a session opens with.
pub(crate) const LANE: Lane = Lane(0);

/// One client's conversation.
pub(crate) struct Conversation {
    pub(super) app: Arc<AppState>,
    pub(super) session: Box<dyn Session>,
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) link: Arc<dyn SessionLink>,
    pub(super) seats: Seats,
    pub(super) identity: Identity,
    /// When the first of its identities ends, if one does.
    pub(super) expires: Option<Time>,
    pub(super) handshake: Option<Arc<Handshake>>,
    pub(super) relay: Option<Arc<str>>,
    pub(super) peer: Peer,
    pub(super) framing: Framing,
    pub(super) shared_socket: bool,
    /// Whether the application is told of what leaves.
    pub(super) watched: bool,
    /// Which of the application's flushers serves it.
    pub(super) shard: u32,
    /// The lane whose messages are wrapped by the carrier alone, if the session does not want every one.
    pub(super) direct: Option<(Lane, Wrapping)>,
    /// Whether the session wants nothing to send for now.
    pub(super) holding: bool,
    /// Calls with streams, if there are any.
    pub(super) streams: Option<Box<Streams>>,
    /// Bytes of events that waited when the message came that is being followed, if it says several things.
    pub(super) waited: Option<usize>,
    pub(super) ended: Option<Reason>,
    /// Whether its connections have left the hub.
    pub(super) left: bool,
    /// Whether bytes have come, of what is not whole yet, since a deadline was last due.
    pub(super) heard_part: bool,
    /// Held until the application has said farewell.
    pub(super) place: Option<Place>,
    /// Held from then on, if its session goes on: its client is to hear of the end.
    pub(super) lingering: Option<Lingering>,
    /// That it is found by its id: boxed, for most are not.
    registration: Option<Box<Registration>>,
}

impl Conversation {
    /// The conversation; call [`open`](Self::open) next.
    pub(crate) fn new(opening: Opening, link: Arc<dyn SessionLink>) -> Self {
        let place = opening.app.sessions.enter(&(link.clone() as Arc<dyn Link>));
        let shard = opening.app.sessions.next_shard() as u32;
        let mut conversation = Self {
            app: opening.app,
            session: opening.session,
            protocol: opening.protocol,
            link,
            seats: Seats::default(),
            identity: opening.identity,
            expires: None,
            handshake: opening.handshake,
            relay: opening.relay,
            peer: opening.peer,
            framing: opening.framing,
            shared_socket: opening.shared_socket,
            watched: false,
            shard,
            direct: None,
            holding: false,
            streams: None,
            waited: None,
            ended: None,
            left: false,
            heard_part: false,
            place: Some(place),
            lingering: None,
            registration: None,
        };
        if conversation.protocol.entrance() == Entrance::AtOnce {
            conversation.take_seat(&opening.namespace, opening.id);
        }
        conversation
    }

    /// The first lane is there.
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

    /// The lane that carries the session alone, if one does.
    pub(crate) fn own_lane(&self) -> Option<Lane> {
        self.direct.map(|(lane, _)| lane)
    }

    /// Whether the session wants nothing to send for now.
    pub(crate) fn is_holding(&self) -> bool {
        self.holding
    }

    /// Keeps the session known by its id for as long as it lives.
    pub(crate) fn keep(&mut self, registration: Registration) {
        self.registration = Some(Box::new(registration));
    }

    /// One WebSocket carries the session from now on.
    pub(crate) fn is_alone(&self) {
        if let Some(registration) = &self.registration {
            registration.is_alone();
        }
    }

    /// Whether several connections may share the session, which outlives each.
    pub(super) fn shares_session(&self) -> bool {
        self.protocol.entrance() == Entrance::Several
    }

    /// The lane that is the session's own socket.
    fn lane(&self) -> Lane {
        self.direct.map_or(LANE, |(lane, _)| lane)
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
        let lane = self.lane();
        let mut out = session::Outputs::new();
        if let Some(message) = self.session.message(now, lane, message, &mut out) {
            self.understand(cx, now, message, effects);
        } else if !out.is_empty() {
            self.carry_out(cx, now, out, effects);
        }
    }

    /// A pong came.
    pub(crate) fn pong(&mut self, cx: &mut Context<'_>, now: Time, effects: &mut Effects) {
        self.tell(cx, now, Input::Pong { lane: self.lane() }, effects);
    }

    /// The lane is gone.
    pub(crate) fn lane_closed(&mut self, cx: &mut Context<'_>, now: Time, how: LaneEnd) {
        self.tell(cx, now, Input::LaneClosed { lane: self.lane(), how }, &mut Effects::new());
    }

    /// The conversation is to end.
    pub(crate) fn close(&mut self, cx: &mut Context<'_>, now: Time, reason: Reason, effects: &mut Effects) {
        self.tell(cx, now, Input::Close(reason), effects);
    }

    /// Why it is over, if it is.
    pub(crate) fn ended(&self) -> Option<Reason> {
        self.ended
    }

    /// Whether messages are wrapped by the carrier alone.
    pub(crate) fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    pub(crate) fn link(&self) -> &Arc<dyn SessionLink> {
        &self.link
    }

    pub(crate) fn options(&self) -> &Options {
        &self.app.options
    }

    pub(crate) fn wheel(&self) -> &Wheel {
        &self.app.wheel
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// Encodes what waited in the mailbox, while the session leaves that to the carrier.
    pub(crate) fn encode(&mut self, entries: &mut VecDeque<Entry>, outbox: &mut dyn Outbox) {
        let mut wrapped;
        let outbox = match self.direct {
            Some((_, wrapping)) if wrapping != Wrapping::None => {
                wrapped = Wrapped { wrapping, outbox };
                &mut wrapped
            }
            _ => outbox,
        };
        for entry in &*entries {
            self.encode_entry(entry, outbox);
        }
        entries.clear();
    }

    #[inline]
    fn encode_entry(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        if self.watched {
            self.tell_of(entry);
        }
        if let Item::Delivery { consumer, delivery, .. } = entry.item {
            let mut noted = Noted { outbox, any: false };
            self.protocol.encode(entry, &mut noted);
            // What a client that has parted, or heard an ERROR, is not told goes back into the queue with its end.
            if noted.any {
                self.delivered(entry.slot, consumer, delivery);
            }
            return;
        }
        if entry.item.may_compress() {
            self.protocol.encode(entry, outbox);
        } else {
            outbox.compress(false);
            self.protocol.encode(entry, outbox);
            outbox.compress(true);
        }
        if let Item::Left = entry.item {
            self.vacate(entry.slot, Reason::ServerClosed);
        }
    }

    /// A queue's message is on its way to the client: its consumer may have the next.
    fn delivered(&self, slot: u32, consumer: u32, delivery: u64) {
        if let Some(connection) = self.seats.find(slot).and_then(|i| self.seats[i].connection.as_ref()) {
            let core = connection.core();
            core.namespace().delivery_left(core, consumer, delivery);
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
            self.encode_entry(&entry, &mut apart);
        }
        self.send_apart(cx, now, &apart, effects);
        self.tell(cx, now, Input::Drained, effects);
    }

    pub(super) fn send_apart(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        apart: &Apart,
        effects: &mut Effects,
    ) {
        for Sent { kind, bytes, offset, retain, compress } in &apart.messages {
            let message = match kind {
                // What protocols encode as text is UTF-8.
                Kind::Text => Message::Text(std::str::from_utf8(bytes).unwrap_or_default()),
                Kind::Binary => Message::Binary(bytes),
            };
            let input = Input::Send { message, offset: *offset, retain: *retain, compress: *compress };
            self.tell(cx, now, input, effects);
        }
    }

    /// Lets the handlers at work go on, and starts those whose turn has come.
    pub(crate) fn work(&mut self, cx: &mut Context<'_>, now: Time, effects: &mut Effects) {
        let (mut i, lends) = (0, self.protocol.lends_turn());
        while i < self.seats.len() {
            let seat = &mut self.seats[i];
            if let Some(done) = seat.inbound.poll(cx, lends) {
                match done {
                    Done::Open(outcome) => self.let_in(i, cx, now, outcome, effects),
                    Done::Event { name, token, outcome, ends } => self.finish(i, &name, token, outcome, ends),
                }
            } else if let Some(event) = seat.inbound.next(seat.handlers.parallel) {
                if let (Some(task), Some(token)) = (event.task, event.token.clone()) {
                    self.begin_task(i, cx, *task, token);
                    continue;
                }
                let what = (&*event.name, event.args.view(), event.token);
                match event.call {
                    None => self.handle(i, cx, what.0, what.1, what.2),
                    Some(call) => self.begin_call(i, cx, what, *call),
                }
            } else if seat.left.is_some() && seat.inbound.is_idle() && self.shares_session() {
                self.seats.remove(i);
            } else {
                i += 1;
            }
        }
        if self.streams.is_some() {
            self.give_up_stuck(now);
            self.stream(cx);
        }
    }

    /// Whether no handler is at work and no event waits for one.
    pub(crate) fn is_idle(&self) -> bool {
        self.seats.iter().all(|seat| seat.inbound.is_idle()) && self.has_no_calls()
    }
}
