//! What leaves: entries of the mailbox, as packets.
//!
//! All of them go through [`SocketIo::say`], which knows whether their client is let in; only the words that end a
//! connection do not wait for that.

use std::borrow::Cow;
use std::fmt;

use everywire_core::{Broadcast, ConnectionId, Item, Outcome, Payload, Reason, Token};

use super::connections::{Held, State};
use super::packet::{ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT};
use super::write::{Data, Offset, Outgoing, Tail};
use super::{End, Fault, Parser, Revision, SocketIo, hello, refusal};
use crate::protocol::Protocol as _;
use crate::seam::{Kind, Outbox};

impl SocketIo {
    /// Encodes one thing for a connection.
    pub(super) fn item(&mut self, slot: u32, item: &Item, outbox: &mut dyn Outbox) {
        match item {
            Item::Broadcast { broadcast, meta } => {
                let form = self.form();
                self.say(slot, outbox, |_, _, outbox| form.encode(broadcast, *meta, outbox));
            }
            Item::Emit { event, payload, ack, .. } => {
                let data = Data::Event { name: event, args: payload, tail: Tail::default() };
                self.packet(slot, EVENT, *ack, data, outbox);
            }
            Item::Kept { event, payload, place, .. } => self.encode_kept(slot, event, payload, place, outbox),
            Item::Reply { token: Token::Number(id), outcome } => match outcome {
                Outcome::Done(payload) => self.packet(slot, ACK, Some(*id), Data::Args(payload), outbox),
                Outcome::Ended => self.packet(slot, ACK, Some(*id), Data::Args(&Payload::empty()), outbox),
                Outcome::Failed(failure) => {
                    let error = refusal::of_event(failure.code, &failure.message, failure.data.as_ref());
                    self.packet(slot, ACK, Some(*id), Data::One(&error), outbox);
                }
            },
            // None of ours.
            Item::Reply { .. } | Item::StreamItem { .. } | Item::Delivery { .. } => {}
            Item::Entered { id, recovery, .. } => self.enter(slot, id, recovery.as_deref(), outbox),
            Item::Refused { message, data } => {
                let error = refusal::of_connect(self.revision, message, data.as_ref());
                // One that was let in is not refused any more.
                let is_due = |state: &State| matches!(state, State::Connecting(_));
                self.end(slot, is_due, CONNECT_ERROR, Data::Value(&error), outbox);
            }
            Item::Left => self.end(slot, |_| true, DISCONNECT, Data::Nothing, outbox),
            Item::Wire { bytes, text } => {
                let kind = if *text { Kind::Text } else { Kind::Binary };
                self.say(slot, outbox, |_, _, outbox| {
                    outbox.message(kind, bytes.len(), &mut |out| out.extend_from_slice(bytes));
                });
            }
        }
    }

    /// Encodes an event for one client with a place from which it can go on: for recovery, where what was sent to a client
    /// alone is kept for it as well. As with any entry, it is held back while the client is not let in, and dropped when it
    /// has left.
    pub fn encode_kept(
        &mut self,
        slot: u32,
        event: &str,
        args: &Payload,
        offset: &dyn fmt::Display,
        outbox: &mut dyn Outbox,
    ) {
        let tail = Tail { meta: None, offset: Some(Offset(offset)) };
        self.packet(slot, EVENT, None, Data::Event { name: event, args, tail }, outbox);
    }

    /// Lets the client in, and what was held back follow.
    fn enter(&mut self, slot: u32, id: &ConnectionId, secret: Option<&str>, outbox: &mut dyn Outbox) {
        let Some(held) = self.connections.join(slot) else { return };
        self.deadline = None;
        let hello = hello::of_server(id, secret);
        let data = match self.revision {
            Revision::Five => Data::Value(&hello),
            Revision::Four => Data::Nothing,
        };
        self.packet(slot, CONNECT, None, data, outbox);
        for held in held {
            outbox.message(held.kind, held.bytes.len(), &mut |out| out.extend_from_slice(&held.bytes));
        }
    }

    /// Ends a connection that is in such a state, with these words to the client.
    fn end(
        &mut self,
        slot: u32,
        is_due: impl FnOnce(&State) -> bool,
        kind: u8,
        data: Data<'_>,
        outbox: &mut dyn Outbox,
    ) {
        let parser = self.options.parser;
        let Some(connection) = self.connections.of(slot).filter(|connection| is_due(&connection.state))
        else {
            return;
        };
        Outgoing { kind, namespace: &connection.namespace, id: None, data }.write(parser, outbox);
        self.connections.end(slot, self.options.namespaces);
    }

    fn packet(&mut self, slot: u32, kind: u8, id: Option<u64>, data: Data<'_>, outbox: &mut dyn Outbox) {
        self.say(slot, outbox, |parser, namespace, outbox| {
            Outgoing { kind, namespace, id, data }.write(parser, outbox);
        });
    }

    /// Writes for a connection: into the outbox, or back until it is let in.
    fn say(&mut self, slot: u32, outbox: &mut dyn Outbox, write: impl FnOnce(Parser, &str, &mut dyn Outbox)) {
        let parser = self.options.parser;
        let Some(connection) = self.connections.of(slot) else { return };
        if matches!(connection.state, State::Joined) {
            return write(parser, &connection.namespace, outbox);
        }
        let mut messages = Vec::new();
        write(parser, &connection.namespace, &mut |kind, bytes: &[u8]| messages.push(Held::new(kind, bytes)));
        if matches!(self.end, End::Open) && !self.connections.hold(slot, messages, self.options.held_bytes) {
            let what = "more was to be sent than is held back for connections that are not let in yet";
            self.end = End::Due(Fault { reason: Reason::SlowConsumer, what: Cow::Borrowed(what) });
        }
    }
}

/// A broadcast, with meta behind its arguments or without, and its offset behind that or not.
pub(in crate::protocol) fn encode(
    parser: Parser,
    broadcast: &Broadcast,
    meta: bool,
    offset: bool,
    outbox: &mut dyn Outbox,
) {
    let publication = &broadcast.publication;
    let tail = Tail { meta: meta.then_some(broadcast), offset: offset.then_some(Offset(&broadcast.offset)) };
    let data = Data::Event { name: &publication.event, args: &publication.payload, tail };
    Outgoing { kind: EVENT, namespace: &publication.namespace, id: None, data }.write(parser, outbox);
}
