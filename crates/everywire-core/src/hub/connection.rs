//! One client in one namespace.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::link::Link;
use super::namespace::Namespace;
use super::own::{Behind, Own, Way};
use super::questions::Questions;
use super::recent::Recent;
use super::room::Room;
use super::shard::Delivery;
use crate::admission::{self, Refused};
use crate::broadcast::{Broadcast, Form, Publication, Sending};
use crate::broker::Ticket;
use crate::mailbox::{Entry, Item, Outcome, Token};
use crate::payload::Payload;
use crate::vocabulary::{ConnectionId, Identity, Name, Reason, RoomKey};

/// What a connection is made of.
#[derive(Clone)]
pub struct Spec {
    /// Its public id, fresh.
    pub id: ConnectionId,
    /// Who the client is.
    pub identity: Identity,
    /// The session that carries it.
    pub link: Arc<dyn Link>,
    /// Which of the session's connections it is, in the numbering of its protocol.
    pub slot: u32,
    /// Its wire form.
    pub form: Form,
    /// Whether its wire can answer an event.
    pub answers: bool,
    /// Whether other connections may live in its session. Then its end is not the session's: the client is told
    /// [`Item::Left`].
    pub shares_session: bool,
    /// Whether its client comes back to an earlier connection of this id. What is published to that id then comes with
    /// what else it missed, by its first join with `since`.
    pub comes_back: bool,
    /// Which flusher serves it: below [`HubOptions::shards`](super::HubOptions::shards), and the
    /// same for all connections of a session.
    pub shard: usize,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec").field("id", &self.id).field("form", &self.form).finish_non_exhaustive()
    }
}

/// One client in one namespace. (Socket.IO: socket.)
pub struct Connection {
    id: ConnectionId,
    identity: Identity,
    namespace: Arc<Namespace>,
    link: Arc<dyn Link>,
    slot: u32,
    shard: u32,
    form: AtomicU32,
    answers: bool,
    shares_session: bool,
    closed: AtomicBool,
    /// Whether its end has been asked for.
    ending: AtomicBool,
    /// Whether it has yet to catch up on what was published to its id. Written only with the namespace's lock held.
    away: AtomicBool,
    /// Everything up to this sequence number that concerns it is in its mailbox, or beyond. Written
    /// only with the mailbox's lock held.
    seen: AtomicU64,
    pub(super) memberships: Mutex<SmallVec<[Membership; 1]>>,
    own: Own,
    /// Whether `recent` is kept: read without the lock at every send.
    keeps: AtomicBool,
    recent: Mutex<Option<Box<Recent>>>,
    questions: Questions,
    /// Whatever the layers above keep with a connection.
    extension: OnceLock<Box<dyn Any + std::marker::Send + Sync>>,
}

/// A room that the connection is in.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) room: Arc<Room>,
    pub(super) place: u32,
    /// It has heard, or is to hear, everything after this sequence number.
    pub(super) since: u64,
    pub(super) meta: bool,
}

/// Why an event could not be sent to a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Send {
    /// It has ended. The normal course of things, and for most callers no error.
    #[error("the connection has ended")]
    Closed,
    /// It may not be sent.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Connection {
    pub(super) fn new(namespace: Arc<Namespace>, spec: Spec, seen: u64) -> Arc<Self> {
        Arc::new(Self {
            id: spec.id,
            identity: spec.identity,
            namespace,
            link: spec.link,
            slot: spec.slot,
            shard: spec.shard as u32,
            form: AtomicU32::new(spec.form.to_bits()),
            answers: spec.answers,
            shares_session: spec.shares_session,
            closed: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            away: AtomicBool::new(spec.comes_back),
            seen: AtomicU64::new(seen),
            memberships: Mutex::default(),
            own: Own::default(),
            keeps: AtomicBool::new(false),
            recent: Mutex::default(),
            questions: Questions::default(),
            extension: OnceLock::new(),
        })
    }

    /// Its public id.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Who the client is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// The session that carries it.
    pub fn link(&self) -> &Arc<dyn Link> {
        &self.link
    }

    /// Which of the session's connections it is.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// Which flusher serves it.
    pub fn shard(&self) -> usize {
        self.shard as usize
    }

    /// Its wire form.
    pub fn form(&self) -> Form {
        Form::from_bits(self.form.load(Ordering::Relaxed))
    }

    /// Changes its wire form: the session has moved to another carrier.
    pub fn set_form(&self, form: Form) {
        self.form.store(form.to_bits(), Ordering::Relaxed);
    }

    /// Whether its wire can answer an event.
    pub fn can_answer(&self) -> bool {
        self.answers
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether what is published to its id is among what it has yet to catch up on.
    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// It has caught up.
    pub(super) fn is_back(&self) {
        self.away.store(false, Ordering::Relaxed);
    }

    /// Whatever the layers above keep with it; made by the first who asks.
    pub fn extension<T: Any + std::marker::Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.extension.get_or_init(|| Box::new(make())).downcast_ref()
    }

    /// What [`extension`](Self::extension) was given first, if it is of this type.
    pub fn known<T: Any>(&self) -> Option<&T> {
        self.extension.get()?.downcast_ref()
    }

    /// The rooms it is in, its user's included.
    pub fn rooms(&self) -> Vec<RoomKey> {
        let mut rooms = self.all_rooms();
        rooms.retain(|room| *room != RoomKey::Everyone);
        rooms
    }

    /// The rooms by name and by user that it is in, each with whether it hears meta there.
    pub fn memberships(&self) -> Vec<(RoomKey, bool)> {
        let memberships = self.memberships.lock();
        let of_its_own = memberships.iter().filter(|m| *m.room.key() != RoomKey::Everyone);
        of_its_own.map(|m| (m.room.key().clone(), m.meta)).collect()
    }

    /// The same, with the room of everyone if that is kept.
    pub(super) fn all_rooms(&self) -> Vec<RoomKey> {
        self.memberships.lock().iter().map(|m| m.room.key().clone()).collect()
    }

    /// Whether it is in this room.
    pub fn is_in(&self, room: &RoomKey) -> bool {
        self.memberships.lock().iter().any(|m| m.room.key() == room)
    }

    /// Sends it an event, behind everything that was published or sent before.
    #[inline]
    pub fn emit(
        &self,
        event: impl Into<Name>,
        payload: Payload,
        sending: impl Into<Sending>,
    ) -> Result<(), Send> {
        let event = event.into();
        let Sending { class, compress, .. } = sending.into();
        admission::admit_event_name(&event)?;
        let sent = self.send(Item::Emit { event, payload, ack: None, class, compress });
        if sent { Ok(()) } else { Err(Send::Closed) }
    }

    /// Answers an event of the client's, behind everything that was published or sent before.
    pub fn reply(&self, token: Token, outcome: Outcome) -> bool {
        self.send(Item::Reply { token, outcome })
    }

    /// Sends anything, behind everything that was published or sent before. False if the session
    /// has ended.
    #[inline]
    pub fn send(&self, item: Item) -> bool {
        // Nearly always, and on the hot path: the item is moved once.
        if !self.own.is_waiting() {
            self.settle();
            return self.push(item);
        }
        self.send_behind_own(item)
    }

    #[cold]
    fn send_behind_own(&self, item: Item) -> bool {
        match self.own.pass(Behind::Item(item), self.link.mailbox().bound()) {
            Way::Free(what) => self.go_on(what),
            Way::Held => true,
            Way::TooMuch => {
                self.link.mailbox().end(Reason::SlowConsumer, false);
                false
            }
        }
    }

    /// Whether what is sent to it waits for the broker's answer to a publication of its own.
    pub fn is_held_back(&self) -> bool {
        self.own.is_waiting()
    }

    /// Ends it, after everything that was published or sent before has left: with its session, unless it shares that
    /// with others.
    pub fn end(&self, reason: Reason) {
        if self.shares_session {
            self.ending.store(true, Ordering::Relaxed);
            self.send(Item::Left);
        } else {
            self.end_session(reason);
        }
    }

    /// Ends its session, after everything that was published or sent before has left.
    pub fn end_session(&self, reason: Reason) {
        self.ending.store(true, Ordering::Relaxed);
        if let Way::Free(what) = self.own.pass(Behind::End(reason), self.link.mailbox().bound()) {
            self.go_on(what);
        }
    }

    /// Whether its end has been asked for, by whomever: what its client says from now on is not to be heard.
    #[inline]
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Puts everything that is published but not yet flushed to it into its mailbox, so that what
    /// is sent next stays behind.
    #[inline]
    pub(super) fn settle(&self) {
        let shard = self.namespace.shard(self.shard());
        shard.with_queued(|queued| self.hear_all(queued));
    }

    /// Puts of these deliveries, in order, whatever it has not seen and is to hear into its mailbox.
    pub(super) fn hear_all(&self, deliveries: &mut dyn Iterator<Item = &Delivery>) {
        let memberships = self.memberships.lock();
        let mailbox = self.link.mailbox();
        let mut state = mailbox.lock();
        let mut seen = self.seen.load(Ordering::Relaxed);
        for delivery in deliveries {
            let broadcast = &delivery.broadcast;
            let seq = broadcast.seq();
            if seq <= seen {
                continue;
            }
            seen = seq;
            // Who is in a room by itself hears as that room does, although it is one of everyone.
            let membership = memberships
                .iter()
                .filter(|m| m.since < seq && delivery.rooms.iter().any(|room| Arc::ptr_eq(room, &m.room)))
                .min_by_key(|m| *m.room.key() == RoomKey::Everyone);
            if let Some(membership) = membership
                && !self.is_excepted(&broadcast.publication, &memberships)
            {
                state.append(self.broadcast_entry(broadcast, membership.meta), mailbox.options());
            }
        }
        self.seen.store(seen, Ordering::Relaxed);
        state.notify();
    }

    /// Puts one broadcast that is addressed to it alone into its mailbox.
    pub(super) fn hear(&self, broadcast: &Arc<Broadcast>) {
        self.link.mailbox().push(self.broadcast_entry(broadcast, false));
    }

    /// Puts broadcasts that it missed into its mailbox. False if they were more than it may be sent in one go, and the
    /// oldest are left out.
    pub(super) fn catch_up(&self, missed: &[Arc<Broadcast>], meta: impl Fn(&Broadcast) -> bool) -> bool {
        // What was sent to it alone in between comes where it belongs.
        let mut recent = self.recent.lock();
        let mut own =
            recent.as_mut().map(|recent| recent.take_replay()).unwrap_or_default().into_iter().peekable();
        let own_entry = |(place, event, payload)| {
            let item = Item::Kept { event, payload, place, volatile: false, compress: true };
            Entry { slot: self.slot, item }
        };
        let mut entries = Vec::with_capacity(missed.len() + own.len());
        for broadcast in missed {
            while let Some(event) = own.next_if(|(place, ..)| place.seq < broadcast.seq()) {
                entries.push(own_entry(event));
            }
            entries.push(self.broadcast_entry(broadcast, meta(broadcast)));
        }
        entries.extend(own.map(own_entry));
        let mailbox = self.link.mailbox();
        let mut state = mailbox.lock();
        let complete = state.append_missed(entries, mailbox.options());
        state.notify();
        complete
    }

    /// Puts the mark of a subscription into its mailbox, where it stands now: no answer, so it waits behind nothing.
    pub(super) fn mark(&self, mark: Option<Item>) {
        if let Some(item) = mark {
            self.link.mailbox().push(Entry { slot: self.slot, item });
        }
    }

    fn broadcast_entry(&self, broadcast: &Arc<Broadcast>, meta: bool) -> Entry {
        Entry { slot: self.slot, item: Item::Broadcast { broadcast: broadcast.clone(), meta } }
    }

    /// Marks everything up to this sequence number as heard. Call only after [`settle`](Self::settle),
    /// with deliveries held off.
    pub(super) fn mark_seen(&self, seq: u64) {
        let _lock = self.link.mailbox().lock();
        self.seen.fetch_max(seq, Ordering::Relaxed);
    }

    /// Whether it has heard everything up to this sequence number.
    pub(super) fn has_seen(&self, seq: u64) -> bool {
        self.seen.load(Ordering::Relaxed) >= seq
    }

    pub(super) fn seen(&self) -> &AtomicU64 {
        &self.seen
    }

    /// Whether a publication leaves this connection out.
    pub(super) fn is_excepted(&self, publication: &Publication, memberships: &[Membership]) -> bool {
        publication.target.except.iter().any(|key| match key {
            RoomKey::Connection(id) => *id == self.id,
            RoomKey::User(user) => self.identity.user.as_ref() == Some(user),
            RoomKey::Everyone => true,
            RoomKey::Named(_) => memberships.iter().any(|m| m.room.key() == key),
        })
    }

    pub(super) fn questions(&self) -> &Questions {
        &self.questions
    }

    pub(super) fn own(&self) -> &Own {
        &self.own
    }

    /// The broker answered a publication of this connection's: what waited for that goes on.
    pub(super) fn release(&self, ticket: Ticket) {
        self.own.answered(ticket, |what| {
            self.go_on(what);
        });
    }

    /// Puts something into the mailbox, behind all that was settled.
    #[inline]
    fn push(&self, mut item: Item) -> bool {
        if self.keeps.load(Ordering::Relaxed) {
            match self.send_kept(item) {
                Ok(open) => return open,
                Err(other) => item = other,
            }
        }
        self.link.mailbox().push(Entry { slot: self.slot, item })
    }

    pub(super) fn set_keeps(&self, keeps: bool) {
        self.keeps.store(keeps, Ordering::Relaxed);
    }

    pub(super) fn recent(&self) -> &Mutex<Option<Box<Recent>>> {
        &self.recent
    }

    fn go_on(&self, what: Behind) -> bool {
        self.settle();
        match what {
            Behind::Item(item) => self.push(item),
            Behind::End(reason) => {
                self.link.mailbox().end(reason, true);
                true
            }
        }
    }

    /// The connection is over: nobody is answered any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.questions.end();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("namespace", &self.namespace.name())
            .field("user", &self.identity.user)
            .finish_non_exhaustive()
    }
}
