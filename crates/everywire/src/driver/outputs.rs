//! What a session and a protocol say, and what becomes of it: the other half of a [`Conversation`].

use std::task::Context;

use bytes::Bytes;
use everywire_core::{Entry, Item, PayloadRef, Reason, Token};
use everywire_protocols::protocol;
use everywire_protocols::seam::{Kind, Message, Outbox, Time};
use everywire_protocols::session::{self, Input, Wrapping};

use super::apart::Apart;
use super::conversation::{Conversation, Effect, Effects};
use super::inbound::Waiting;
use crate::app::error::Result;

impl Conversation {
    #[inline]
    pub(crate) fn tell<'a>(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        input: Input<'a>,
        effects: &mut Effects,
    ) {
        let mut out = session::Outputs::<'a>::new();
        self.session.input(now, input, &mut out);
        self.carry_out(cx, now, out, effects);
    }

    #[inline(never)]
    pub(super) fn carry_out(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        out: session::Outputs<'_>,
        effects: &mut Effects,
    ) {
        for output in out {
            match output {
                session::Output::Message(message) => self.understand(cx, now, message, effects),
                session::Output::Decoded(decoded) => {
                    self.understand(cx, now, decoded.as_message(), effects);
                }
                session::Output::Opened(facts) => self.opened(cx, now, facts, effects),
                session::Output::Direct { lane, wrapping } => self.move_to(lane, wrapping),
                session::Output::Indirect => self.direct = None,
                session::Output::Write { lane, bytes, text } => {
                    effects.push(Effect::Write { lane, bytes: bytes.into_owned().into(), text });
                }
                session::Output::Ping { .. } => effects.push(Effect::Ping),
                session::Output::Respond { lane, status, headers, body, compress } => {
                    let body = body.map(|body| Bytes::from(body.into_owned()));
                    effects.push(Effect::Respond { lane, status, headers, body, compress });
                }
                session::Output::End { lane, reason } => effects.push(Effect::End { lane, reason }),
                session::Output::Broken(reason) => {
                    tracing::warn!(peer = %self.peer, %reason, "the client acknowledges what was not sent");
                    self.link.mailbox().end(reason, true);
                }
                session::Output::Closed(reason) => {
                    let has_parted = reason == Reason::Lost && self.protocol.has_parted();
                    self.ended = Some(if has_parted { Reason::ClientClosed } else { reason });
                }
                session::Output::Suspended => self.protocol.suspended(),
                session::Output::Resumed { from } => {
                    let mut apart = Apart::default();
                    self.protocol.resumed(now, from, &mut apart);
                    self.send_apart(cx, now, &apart, effects);
                    self.tell(cx, now, Input::Drained, effects);
                }
                session::Output::Hold => self.holding = true,
                session::Output::Release => self.holding = false,
                session::Output::Share { lane, wrapping, most } => {
                    self.holding = false;
                    effects.push(Effect::Share { lane, wrapping, most });
                }
                // Back-pressure is the driver's own, so far: a body is held, and a socket is not read.
                session::Output::Pause { .. } | session::Output::Resume { .. } => {}
            }
        }
    }

    #[inline]
    pub(super) fn understand(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        message: Message<'_>,
        effects: &mut Effects,
    ) {
        let mut out = protocol::Outputs::new();
        self.protocol.message(now, message, &mut out);
        // Nearly always one event: moving the list to look at it cost as much as handling it.
        if let [protocol::Output::Event { .. }] = &out[..]
            && let Some(protocol::Output::Event { slot, name, args, token }) = out.pop()
        {
            return self.event(cx, slot, &name, args, token);
        }
        if !out.is_empty() {
            self.waited = Some(self.waiting_bytes());
            self.follow(cx, now, out, effects);
            self.waited = None;
        }
    }

    /// An event of the client's: its handler is called now, or when its turn comes.
    #[inline]
    fn event(
        &mut self,
        cx: &mut Context<'_>,
        slot: u32,
        name: &str,
        args: PayloadRef<'_>,
        token: Option<Token>,
    ) {
        // One that has left meanwhile has no handlers.
        let Some(i) = self.seats.find(slot) else { return };
        let seat = &self.seats[i];
        if seat.inbound.is_free(seat.handlers.parallel) {
            self.handle(i, cx, name, args, token);
        } else {
            let (name, args) = (name.into(), args.into_owned());
            let waiting = Waiting { name, args, token, call: None, task: None };
            self.wait(i, waiting);
        }
    }

    #[inline(never)]
    pub(super) fn follow(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        out: protocol::Outputs<'_>,
        effects: &mut Effects,
    ) {
        for output in out {
            match output {
                protocol::Output::Event { slot, name, args, token } => {
                    self.event(cx, slot, &name, args, token);
                }
                protocol::Output::Task { slot, task, token } => self.task(cx, slot, task, token),
                protocol::Output::Beats { ours, theirs } => {
                    self.tell(cx, now, Input::Beats { ours, theirs }, effects);
                }
                protocol::Output::Answer { slot, id, answer } => self.answered(slot, id, answer),
                protocol::Output::Send { bytes, kind, fault } => {
                    if let Some(fault) = fault {
                        tracing::warn!(peer = %self.peer, "{fault}");
                    }
                    self.send_wire(Item::Wire { bytes: bytes.into(), text: kind == Kind::Text });
                }
                protocol::Output::Passing { bytes, kind } => match self.direct {
                    Some((lane, Wrapping::None)) => {
                        effects.push(Effect::Write { lane, bytes: bytes.into(), text: kind == Kind::Text });
                    }
                    _ => {
                        let mut apart = Apart::default();
                        apart.passing(kind, bytes.len(), &mut |out| out.extend_from_slice(&bytes));
                        self.send_apart(cx, now, &apart, effects);
                    }
                },
                protocol::Output::Close { reason, fault } => {
                    self.link.mailbox().end(reason, true);
                    if reason == Reason::ClientClosed {
                        tracing::debug!(peer = %self.peer, "{fault}");
                    } else {
                        tracing::warn!(peer = %self.peer, %reason, "{fault}");
                    }
                }
                protocol::Output::Ignored(what) => {
                    tracing::debug!(peer = %self.peer, "{what}");
                }
                protocol::Output::Acknowledged(n) => self.tell(cx, now, Input::Acknowledged(n), effects),
                protocol::Output::Connect { slot, namespace, id, auth, resume } => {
                    self.enter(cx, now, (slot, id, &namespace), auth, resume, effects);
                }
                protocol::Output::Disconnect { slot } => self.vacate(slot, Reason::ClientLeft),
                protocol::Output::Resumable(may) => self.tell(cx, now, Input::Resumable(may), effects),
                protocol::Output::Call { slot, name, args, token, streams, uploads } => {
                    self.call(cx, slot, (&name, args, token), streams, &uploads);
                }
                protocol::Output::Upload { token, item } => self.upload(&token, item),
                protocol::Output::Uploaded { token, error } => self.uploaded(&token, error),
                protocol::Output::Cancel { token } => self.cancel(&token),
            }
        }
    }

    /// Sends what the protocol wrote itself: behind what was sent to its one connection before, if it has one.
    fn send_wire(&self, item: Item) {
        match self.seats.iter().next().and_then(|seat| seat.connection.as_ref()) {
            Some(connection) if self.seats.len() == 1 => _ = connection.core().send(item),
            _ => _ = self.link.mailbox().push(Entry { slot: 0, item }),
        }
    }

    /// Tells the application of an event that leaves.
    #[cold]
    pub(super) fn tell_of(&self, entry: &Entry) {
        let (event, payload) = match &entry.item {
            Item::Emit { event, payload, .. } | Item::Kept { event, payload, .. } => (event, payload),
            Item::Broadcast { broadcast, .. } => {
                (&broadcast.publication.event, &broadcast.publication.payload)
            }
            Item::Delivery { message, .. } => (&message.event, &message.payload),
            _ => return,
        };
        let Some(seat) = self.seats.find(entry.slot).map(|i| &self.seats[i]) else { return };
        if let Some(connection) = &seat.connection {
            for watch in &seat.handlers.outgoing {
                watch(connection, event, payload);
            }
        }
    }

    fn answered(&mut self, slot: u32, id: u64, answer: Result<PayloadRef<'_>, (i64, String)>) {
        let answer = answer
            .map(PayloadRef::into_owned)
            .map_err(|(code, message)| everywire_core::hub::AckError::Failed { code, message });
        let connection = self.seats.find(slot).and_then(|i| self.seats[i].connection.as_ref());
        if !connection.is_some_and(|connection| connection.core().answer(id, answer)) {
            tracing::debug!(peer = %self.peer, id, "an answer that nobody waits for");
        }
    }
}
