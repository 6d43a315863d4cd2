//! The client's side of the protocol: what a client sends, and what it makes of what a server sends.
//!
//! It keeps nothing but a packet whose attachments are still to come: which namespaces it is in, and which of its questions
//! are open, its user knows.

use std::borrow::Cow;

use everywire_core::payload::MAX_ATTACHMENTS;
use everywire_core::{Payload, PayloadRef};

use super::decoder::{Decoder, Limits};
use super::hello::Members;
use super::packet::{ACK, Body, CONNECT, DISCONNECT, EVENT, Fault};
use super::write::{Data, Outgoing, Tail};
use super::{Parser, Revision, SocketIoOptions};
use crate::seam::{Message, Outbox};

/// A client.
#[derive(Debug)]
pub struct SocketIoClient {
    parser: Parser,
    revision: Revision,
    decoder: Decoder,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard<'a> {
    /// About which namespace.
    pub namespace: Cow<'a, str>,
    /// What.
    pub what: What<'a>,
}

/// What a server may say about a namespace.
#[derive(Debug, Clone, PartialEq)]
pub enum What<'a> {
    /// The client is in. In protocol 4 nothing else is told.
    Entered {
        /// The public id of its connection.
        sid: Option<String>,
        /// The secret by which it can come back.
        pid: Option<String>,
    },
    /// The client is not let in: one argument, that says why.
    Refused(PayloadRef<'a>),
    /// An event.
    Event {
        /// Its name.
        name: Cow<'a, str>,
        /// Its arguments.
        args: PayloadRef<'a>,
        /// The id under which an answer is awaited, if one is.
        ack: Option<u64>,
    },
    /// The answer to an event of the client's.
    Answer {
        /// The id that the event had.
        id: u64,
        /// Its arguments.
        args: PayloadRef<'a>,
    },
    /// The server ended the connection.
    Left,
    /// Nothing that asks for anything: what it is.
    Nothing(&'static str),
}

impl SocketIoClient {
    /// A client that writes packets so, and speaks this revision.
    pub fn new(parser: Parser, revision: Revision) -> Self {
        let bytes = SocketIoOptions::default().attachment_bytes;
        let limits = Limits { attachments: MAX_ATTACHMENTS, attachment_bytes: bytes };
        Self { parser, revision, decoder: Decoder::new(parser, limits) }
    }

    /// Asks to be let into a namespace. `auth` is one argument, a map; protocol 4 has none, but a query in the name.
    pub fn connect(&self, namespace: &str, auth: Option<&Payload>, outbox: &mut dyn Outbox) {
        let mut json = Vec::new();
        if let (Revision::Five, Some(auth)) = (self.revision, auth) {
            auth.write_json_value(&mut json);
        }
        let json = String::from_utf8_lossy(&json);
        let data = if json.is_empty() { Data::Nothing } else { Data::Value(&json) };
        self.write(CONNECT, namespace, None, data, outbox);
    }

    /// Sends an event, with an id if an answer is awaited.
    pub fn event(
        &self,
        namespace: &str,
        name: &str,
        args: &Payload,
        ack: Option<u64>,
        outbox: &mut dyn Outbox,
    ) {
        let data = Data::Event { name, args, tail: Tail::default() };
        self.write(EVENT, namespace, ack, data, outbox);
    }

    /// Answers an event of the server's.
    pub fn answer(&self, namespace: &str, id: u64, args: &Payload, outbox: &mut dyn Outbox) {
        self.write(ACK, namespace, Some(id), Data::Args(args), outbox);
    }

    /// Leaves a namespace.
    pub fn disconnect(&self, namespace: &str, outbox: &mut dyn Outbox) {
        self.write(DISCONNECT, namespace, None, Data::Nothing, outbox);
    }

    fn write(&self, kind: u8, namespace: &str, id: Option<u64>, data: Data<'_>, outbox: &mut dyn Outbox) {
        Outgoing { kind, namespace, id, data }.write(self.parser, outbox);
    }

    /// What is understood with this message; nothing while attachments are due.
    pub fn message<'a>(&mut self, message: Message<'a>) -> Result<Option<Heard<'a>>, Fault> {
        let Some(packet) = self.decoder.message(message)? else { return Ok(None) };
        let what = match packet.body {
            Body::Connect(hello) => {
                let Members { sid, pid, .. } = Members::of(&hello);
                What::Entered { sid, pid }
            }
            Body::ConnectError(error) => What::Refused(error),
            Body::Event { name, args, id } => What::Event { name, args, ack: id },
            Body::Ack { id: Some(id), args } => What::Answer { id, args },
            Body::Ack { id: None, .. } => What::Nothing("an answer without id"),
            Body::Disconnect => What::Left,
            Body::Nothing(what) => What::Nothing(what),
        };
        Ok(Some(Heard { namespace: packet.namespace, what }))
    }
}
