//! The msgpack parser's packets, written: one binary message each, members in the order of the official server. What is
//! `undefined` there is left out here.

use everywire_core::{Payload, PayloadRef};

use super::packet::ACK;
use super::write::{Data, Outgoing, Tail};
use crate::protocol::meta;
use crate::protocol::msgpack::{array, integer, text};
use crate::seam::{Kind, Outbox};

const FIXMAP: u8 = 0x80;
const NIL: u8 = 0xc0;

pub(super) fn write(packet: &Outgoing<'_>, outbox: &mut dyn Outbox) {
    outbox.message(Kind::Binary, packet.hint(), &mut |out| {
        let has_data = !matches!(packet.data, Data::Nothing);
        let members = 2 + u8::from(has_data) + u8::from(packet.id.is_some());
        out.push(FIXMAP | members);
        let id = |out: &mut Vec<u8>| {
            if let Some(id) = packet.id {
                text("id", out);
                integer(id, out);
            }
        };
        if packet.kind == ACK {
            id(out);
        }
        text("type", out);
        integer(packet.kind.into(), out);
        if has_data {
            text("data", out);
            data(packet.data, out);
        }
        if packet.kind != ACK {
            id(out);
        }
        text("nsp", out);
        text(packet.namespace, out);
    });
}

fn data(data: Data<'_>, out: &mut Vec<u8>) {
    match data {
        Data::Nothing => out.push(NIL),
        Data::Value(json) => value(json, out),
        Data::One(json) => {
            array(1, out);
            value(json, out);
        }
        Data::Args(args) => {
            array(args.len(), out);
            args.write_notepack_args(out);
        }
        Data::Event { name, args, tail } => event(name, args, tail, out),
    }
}

fn event(name: &str, args: &Payload, tail: Tail<'_>, out: &mut Vec<u8>) {
    let more = usize::from(tail.meta.is_some()) + usize::from(tail.offset.is_some());
    array(1 + args.len() + more, out);
    text(name, out);
    args.write_notepack_args(out);
    if let Some(broadcast) = tail.meta {
        let mut json = Vec::with_capacity(meta::HINT);
        meta::write(broadcast, &mut json);
        value(std::str::from_utf8(&json).unwrap_or("null"), out);
    }
    if let Some(offset) = tail.offset {
        text(&offset.0.to_string(), out);
    }
}

/// A value in JSON, of our own making.
fn value(json: &str, out: &mut Vec<u8>) {
    match PayloadRef::json_value(json) {
        Ok(value) => value.write_notepack_args(out),
        Err(_) => out.push(NIL),
    }
}
