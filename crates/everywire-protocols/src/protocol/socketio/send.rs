//! What leaves: entries of the mailbox, as packets.
//!
//! Everything but the answer to a CONNECT goes through [`SocketIo::say`], which knows whether its client is let in.

use std::borrow::Cow;
use std::fmt;

use everywire_core::{Broadcast, Item, Outcome, Payload, Reason, Token};

use super::connections::State;
use super::packet::{ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT};
use super::write::{Data, Offset, Outgoing, Tail};
use super::{End, Fault, Parser, Revision, SocketIo, refusal};
use crate::protocol::{Protocol as _, write_json};
use crate::seam::{Kind, Outbox};

impl SocketIo {
    /// Encodes one thing for a connection.
    pub(super) fn item(&mut self, slot: u32, item: &Item, outbox: &mut dyn Outbox) {
        let packet = |kind, id, data| {
            move |parser: Parser, namespace: &str, outbox: &mut dyn Outbox| {
                Outgoing { kind, namespace, id, data }.write(parser, outbox);
            }
        };
        match item {
            Item::Broadcast { broadcast, meta } => {
                let form = self.form();
                self.say(slot, outbox, |_, _, outbox| form.encode(broadcast, *meta, outbox));
            }
            Item::Emit { event, payload, ack, .. } => {
                let data = Data::Event { name: event, args: payload, tail: Tail::default() };
                self.say(slot, outbox, packet(EVENT, *ack, data));
            }
            Item::Reply { token: Token::Number(id), outcome } => match outcome {
                Outcome::Done(payload) => {
                    self.say(slot, outbox, packet(ACK, Some(*id), Data::Args(payload)));
                }
                Outcome::Failed { code, message, data } => {
                    let error = refusal::of_event(*code, message, data.as_ref());
                    self.say(slot, outbox, packet(ACK, Some(*id), Data::One(&error)));
                }
            },
            // None of ours.
            Item::Reply { .. } => {}
            Item::Entered { id, recovery } => {
                let mut hello = b"{\"sid\":".to_vec();
                write_json(id, &mut hello);
                if let Some(secret) = recovery {
                    hello.extend_from_slice(b",\"pid\":");
                    write_json(&**secret, &mut hello);
                }
                hello.push(b'}');
                self.enter(slot, &String::from_utf8_lossy(&hello), outbox);
            }
            Item::Refused { message, data } => {
                let Some(connection) = self.connections.of(slot) else { return };
                // One that was let in is not refused any more.
                if matches!(connection.state, State::Connecting(_)) {
                    let error = refusal::of_connect(self.revision, message, data.as_ref());
                    packet(CONNECT_ERROR, None, Data::Value(&error))(
                        self.options.parser,
                        &connection.namespace,
                        outbox,
                    );
                    self.connections.end(slot, self.options.namespaces);
                }
            }
            Item::Left => {
                if let Some(connection) = self.connections.of(slot) {
                    packet(DISCONNECT, None, Data::Nothing)(
                        self.options.parser,
                        &connection.namespace,
                        outbox,
                    );
                    self.connections.end(slot, self.options.namespaces);
                }
            }
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
        self.say(slot, outbox, |parser, namespace, outbox| {
            let data = Data::Event { name: event, args, tail };
            Outgoing { kind: EVENT, namespace, id: None, data }.write(parser, outbox);
        });
    }

    /// Lets the client in, and what was held back follow.
    fn enter(&mut self, slot: u32, hello: &str, outbox: &mut dyn Outbox) {
        let Some(held) = self.connections.join(slot) else { return };
        self.deadline = None;
        let data = match self.revision {
            Revision::Five => Data::Value(hello),
            Revision::Four => Data::Nothing,
        };
        self.say(slot, outbox, |parser, namespace, outbox| {
            Outgoing { kind: CONNECT, namespace, id: None, data }.write(parser, outbox);
        });
        for held in held {
            outbox.message(held.kind, held.bytes.len(), &mut |out| out.extend_from_slice(&held.bytes));
        }
    }

    /// Writes for a connection: into the outbox, or back until it is let in.
    fn say(&mut self, slot: u32, outbox: &mut dyn Outbox, write: impl FnOnce(Parser, &str, &mut dyn Outbox)) {
        let parser = self.options.parser;
        let Some(connection) = self.connections.of(slot) else { return };
        if matches!(connection.state, State::Joined) {
            return write(parser, &connection.namespace, outbox);
        }
        let mut messages = Vec::new();
        write(parser, &connection.namespace, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
        for (kind, bytes) in messages {
            if !self.connections.hold(slot, kind, &bytes, self.options.held_bytes) {
                let what = "more was to be sent than is held back for connections that are not let in yet";
                let fault = Fault { reason: Reason::SlowConsumer, what: Cow::Borrowed(what) };
                if matches!(self.end, End::Open) {
                    self.end = End::Due(fault);
                }
                return;
            }
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
