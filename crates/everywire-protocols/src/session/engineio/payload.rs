//! Packets in one body: of revision 4 with the byte `1E` between them, of revision 3 as [`payload3`] says.
//!
//! A text never holds the byte `1E` itself: in JSON it is spelled `\u001e`.

use std::str::Split;

use super::super::base64;
use super::packet::{Dialect, Malformed, Packet, Queue, Revision};
use super::payload3;
use crate::seam::{Decoded, Kind, Message};

/// Between packets of one body.
pub(super) const SEPARATOR: char = '\u{1e}';

/// Packets of a body that came, in order. Nothing after one that is malformed means anything.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    Four(Split<'a, char>),
    Three(payload3::Packets<'a>),
    /// A kind of body that the revision does not have.
    Unknown,
}

impl<'a> Payload<'a> {
    pub(super) fn read(revision: Revision, body: Message<'a>) -> Self {
        match (revision, body) {
            (Revision::Three, body) => Self::Three(payload3::Packets::read(body)),
            (Revision::Four, Message::Text(text)) => Self::Four(text.split(SEPARATOR)),
            (Revision::Four, Message::Binary(_)) => Self::Unknown,
        }
    }
}

impl<'a> Iterator for Payload<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Four(texts) => texts.next().map(|text| Packet::read_text(Revision::Four, text)),
            Self::Three(packets) => packets.next(),
            Self::Unknown => Some(Err(Malformed)),
        }
    }
}

/// A body for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// It is no text.
    pub(super) binary: bool,
}

impl Body {
    /// What a request with it carries.
    pub(super) fn into_decoded(self) -> Decoded {
        Decoded::new(if self.binary { Kind::Binary } else { Kind::Text }, self.bytes)
    }
}

/// Packets as one body.
pub(super) fn write(dialect: Dialect, queue: Queue) -> Body {
    match dialect.revision {
        Revision::Three => payload3::write(dialect.base64, &queue),
        Revision::Four => Body { bytes: write_four(queue), binary: false },
    }
}

fn write_four(queue: Queue) -> Vec<u8> {
    let queue = match queue.into_only_text() {
        Ok(body) => return body,
        Err(queue) => queue,
    };
    let mut out = Vec::with_capacity(queue.body_hint());
    for (kind, packet) in queue.packets() {
        if !out.is_empty() {
            out.push(SEPARATOR as u8);
        }
        match kind {
            Kind::Text => out.extend_from_slice(packet),
            Kind::Binary => {
                out.push(b'b');
                base64::append(packet, &mut out);
            }
        }
    }
    out
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
