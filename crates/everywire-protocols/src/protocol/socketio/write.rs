//! A packet that leaves, whichever parser it leaves by.

use std::fmt;

use everywire_core::{Broadcast, Payload};

use super::{Parser, write_json, write_msgpack};
use crate::protocol::meta;
use crate::seam::Outbox;

/// About how long a packet is around its payload.
const HINT: usize = 48;

/// One packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgoing<'a> {
    /// Its type, as without attachments.
    pub(super) kind: u8,
    pub(super) namespace: &'a str,
    /// Of an event that is to be answered, or of the answer.
    pub(super) id: Option<u64>,
    pub(super) data: Data<'a>,
}

/// What it carries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Data<'a> {
    Nothing,
    /// One value, in JSON.
    Value(&'a str),
    /// An array of this one value, in JSON.
    One(&'a str),
    /// An array of these.
    Args(&'a Payload),
    /// An array of the name, these and what follows them.
    Event {
        name: &'a str,
        args: &'a Payload,
        tail: Tail<'a>,
    },
}

/// What is told behind an event's own arguments.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tail<'a> {
    pub(super) meta: Option<&'a Broadcast>,
    pub(super) offset: Option<Offset<'a>>,
}

/// The place from which a client can go on. It is a string without anything that JSON would escape.
#[derive(Clone, Copy)]
pub(super) struct Offset<'a>(pub(super) &'a dyn fmt::Display);

impl fmt::Debug for Offset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)
    }
}

impl Outgoing<'_> {
    /// Adds its messages, one behind another.
    pub(super) fn write(&self, parser: Parser, outbox: &mut dyn Outbox) {
        match parser {
            Parser::Json => write_json::write(self, outbox),
            Parser::MsgPack => write_msgpack::write(self, outbox),
        }
    }

    /// About how long it is.
    pub(super) fn hint(&self) -> usize {
        let data = match self.data {
            Data::Nothing => 0,
            Data::Value(json) | Data::One(json) => json.len(),
            Data::Args(args) => args.size(),
            Data::Event { name, args, tail } => {
                name.len() + args.size() + if tail.meta.is_some() { meta::HINT } else { 0 }
            }
        };
        HINT + self.namespace.len() + data
    }
}
