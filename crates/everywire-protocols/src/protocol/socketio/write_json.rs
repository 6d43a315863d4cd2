//! The JSON parser's packets, written: a text, and a binary message for each attachment.

use std::io::Write as _;

use bytes::Bytes;

use super::packet::BINARY;
use super::write::{Data, Outgoing, Tail};
use crate::protocol::{meta, write_json};
use crate::seam::{Kind, Outbox};

const FITS: &str = "a Vec takes all that is written";

pub(super) fn write(packet: &Outgoing<'_>, outbox: &mut dyn Outbox) {
    let mut attachments = Vec::new();
    outbox.message(Kind::Text, packet.hint(), &mut |out| {
        let start = out.len();
        head(packet, out);
        attachments = data(packet.data, out);
        if !attachments.is_empty() {
            // How many there are is known only now, and few events have any.
            out[start] += BINARY;
            let count = format!("{}-", attachments.len());
            out.splice(start + 1..=start, count.bytes());
        }
    });
    for attachment in attachments {
        outbox.message(Kind::Binary, attachment.len(), &mut |out| out.extend_from_slice(&attachment));
    }
}

fn head(packet: &Outgoing<'_>, out: &mut Vec<u8>) {
    out.push(b'0' + packet.kind);
    if packet.namespace != "/" {
        out.extend_from_slice(packet.namespace.as_bytes());
        out.push(b',');
    }
    if let Some(id) = packet.id {
        write_json(&id, out);
    }
}

/// Returns what placeholders stand for.
fn data(data: Data<'_>, out: &mut Vec<u8>) -> Vec<Bytes> {
    let mut attachments = Vec::new();
    match data {
        Data::Nothing => {}
        Data::Value(json) => out.extend_from_slice(json.as_bytes()),
        Data::One(json) => {
            out.push(b'[');
            out.extend_from_slice(json.as_bytes());
            out.push(b']');
        }
        Data::Args(args) => {
            out.push(b'[');
            attachments = args.write_json_parts(out);
            out.push(b']');
        }
        Data::Event { name, args, tail } => {
            out.push(b'[');
            write_json(name, out);
            if !args.is_empty() {
                out.push(b',');
                attachments = args.write_json_parts(out);
            }
            self::tail(tail, out);
            out.push(b']');
        }
    }
    attachments
}

fn tail(tail: Tail<'_>, out: &mut Vec<u8>) {
    if let Some(broadcast) = tail.meta {
        out.push(b',');
        meta::write(broadcast, out);
    }
    if let Some(offset) = tail.offset {
        write!(out, ",\"{}\"", offset.0).expect(FITS);
    }
}
