//! Socket.IO, protocols 5 (clients 3 and 4) and 4 (client 2): namespaces, events and answers both ways, attachments.
//!
//! The rules are those of the official server, socket.io 4.8, observed on the wire; each packet here is without Engine.IO's
//! own `4`. Where we differ:
//!
//! | the official server | here |
//! |---|---|
//! | closes on an event that comes before its CONNECT is answered | it waits for its handlers |
//! | closes on packets that crossed with its own DISCONNECT | they are ignored |
//! | takes any number of namespaces, of any length | [`SocketIoOptions::namespaces`], and names as long as those of events; beyond, CONNECT_ERROR |
//! | takes an empty message for CONNECT, and for a number any text that JavaScript takes for one | closes; digits, up to 64 bits |
//! | looks for `"_placeholder":true`, whatever else is in the object, and leaves other values of that name alone | closes: clients differ there |
//! | has no bound on nesting, nor on binaries in msgpack | [`MAX_ARGUMENT_DEPTH`](everywire_core::payload::MAX_ARGUMENT_DEPTH), [`MAX_ATTACHMENTS`]; beyond, it closes |
//! | answers nothing to events that nobody knows, or whose handler failed | an answer that is awaited is `{"error":{"code":…,"message":…}}` |
//! | sends the packets that a client missed before CONNECT | behind it |

mod client;
mod connections;
mod decoder;
mod hello;
mod options;
mod packet;
mod read_json;
mod read_msgpack;
mod receive;
mod refusal;
mod send;
mod write;
mod write_json;
mod write_msgpack;

use std::borrow::Cow;

use everywire_core::payload::{Extras, MAX_ATTACHMENTS};
use everywire_core::{Entry, PayloadRef, Reason};

use self::connections::Connections;
use self::decoder::{Decoder, Limits};
use self::packet::DISCONNECT;
use self::write::{Data, Outgoing};
use super::{Entrance, Outputs, Protocol, ProtocolForm};
use crate::seam::{Message, Outbox, Time};
use crate::session::Facts;

pub use self::client::{Heard, SocketIoClient, What};
pub use self::options::{Parser, Revision, SocketIoOptions};
pub use self::packet::Fault;
pub(in crate::protocol) use self::send::encode;

/// What a client is told about a namespace that there is not: the words of the official server, on which programs rely.
pub const INVALID_NAMESPACE: &str = "Invalid namespace";

/// The machine of a server.
#[derive(Debug)]
pub struct SocketIo {
    options: SocketIoOptions,
    revision: Revision,
    decoder: Decoder,
    connections: Connections,
    /// When the client must have joined a namespace, as long as it has joined none.
    deadline: Option<Time>,
    end: End,
}

#[derive(Debug)]
enum End {
    Open,
    /// To be told at the next opportunity.
    Due(Fault),
    Closed,
}

impl SocketIo {
    /// A machine with these options.
    pub fn new(options: SocketIoOptions) -> Self {
        let limits = Limits {
            attachments: options.attachments.min(MAX_ATTACHMENTS),
            attachment_bytes: options.attachment_bytes,
        };
        Self {
            revision: Revision::default(),
            decoder: Decoder::new(options.parser, limits),
            connections: Connections::default(),
            deadline: None,
            end: End::Open,
            options,
        }
    }
}

impl Protocol for SocketIo {
    fn open(&mut self, facts: &Facts, now: Time, out: &mut Outputs<'_>) {
        self.revision = Revision::of_engine(facts.revision);
        self.deadline = Some(now.after(self.options.connect_timeout));
        // In protocol 4 the client need not ask.
        if self.revision == Revision::Four
            && let Err(fault) = self.connect(Cow::Borrowed("/"), PayloadRef::empty(), None, out)
        {
            self.close(fault, out);
        }
    }

    fn message<'a>(&mut self, now: Time, message: Message<'a>, out: &mut Outputs<'a>) {
        if !matches!(self.end, End::Open) {
            return self.tick(now, out);
        }
        let heard = self.decoder.message(message);
        if let Err(fault) = heard.and_then(|packet| packet.map_or(Ok(()), |packet| self.heard(packet, out))) {
            self.close(fault, out);
        }
    }

    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        self.item(entry.slot, &entry.item, outbox);
    }

    /// A client that hears DISCONNECT does not come back by itself: it is for those whom the server wants gone.
    fn goodbye(&mut self, reason: Reason, outbox: &mut dyn Outbox) {
        if reason == Reason::ServerClosed {
            for connection in self.connections.joined() {
                let namespace = &connection.namespace;
                Outgoing { kind: DISCONNECT, namespace, id: None, data: Data::Nothing }
                    .write(self.options.parser, outbox);
            }
        }
    }

    fn form(&self) -> ProtocolForm {
        match (self.options.parser, self.options.recovery) {
            (Parser::Json, false) => ProtocolForm::SocketIo,
            (Parser::Json, true) => ProtocolForm::SocketIoOffset,
            (Parser::MsgPack, false) => ProtocolForm::SocketIoMsgPack,
            (Parser::MsgPack, true) => ProtocolForm::SocketIoMsgPackOffset,
        }
    }

    fn entrance(&self) -> Entrance {
        Entrance::Several
    }

    fn answers(&self) -> bool {
        true
    }

    /// JavaScript functions take what they like.
    fn extras(&self) -> Extras {
        Extras::Ignore
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        match std::mem::replace(&mut self.end, End::Open) {
            End::Closed => self.end = End::Closed,
            End::Due(fault) => self.close(fault, out),
            End::Open if self.deadline.is_some_and(|deadline| deadline <= now) => {
                let seconds = self.options.connect_timeout.as_secs_f32();
                let what = format!("no namespace was joined within {seconds} s");
                self.close(Fault { reason: Reason::HandshakeTimeout, what: what.into() }, out);
            }
            End::Open => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        match self.end {
            End::Open => self.deadline,
            End::Due(_) => Some(Time(0)),
            End::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests;
