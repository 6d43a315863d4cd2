//! What comes in, put together: a packet is one message, or one and the attachments that follow it.
//!
//! | bound | on |
//! |---|---|
//! | [`Limits::attachments`] | what a packet may announce, before any has come |
//! | [`Limits::attachment_bytes`] | what of them is held until the last has come |

use std::mem;

use bytes::Bytes;

use super::packet::{Fault, Packet};
use super::{Parser, read_json, read_msgpack};
use crate::seam::Message;

/// The bounds of a packet with attachments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) attachments: usize,
    pub(super) attachment_bytes: usize,
}

#[derive(Debug)]
pub(super) struct Decoder {
    parser: Parser,
    limits: Limits,
    /// Boxed: few clients send attachments, and then for moments.
    pending: Option<Box<Pending>>,
}

/// A packet of which attachments are still to come.
#[derive(Debug)]
struct Pending {
    packet: Packet<'static>,
    missing: usize,
    attachments: Vec<Bytes>,
    bytes: usize,
}

impl Decoder {
    pub(super) fn new(parser: Parser, limits: Limits) -> Self {
        Self { parser, limits, pending: None }
    }

    /// The packet that is complete with this message, if one is.
    pub(super) fn message<'a>(&mut self, message: Message<'a>) -> Result<Option<Packet<'a>>, Fault> {
        match (self.parser, message) {
            (Parser::Json, Message::Text(_)) if self.pending.is_some() => {
                Err(Fault::new("a text message where attachments are due"))
            }
            (Parser::Json, Message::Text(text)) => {
                let (packet, missing) = read_json::packet(text, self.limits.attachments)?;
                if missing == 0 {
                    return Ok(Some(packet));
                }
                let packet = packet.into_static();
                self.pending = Some(Box::new(Pending { packet, missing, attachments: Vec::new(), bytes: 0 }));
                Ok(None)
            }
            (Parser::Json, Message::Binary(bytes)) => self.attachment(bytes),
            (Parser::MsgPack, Message::Binary(bytes)) => read_msgpack::packet(bytes).map(Some),
            (Parser::MsgPack, Message::Text(_)) => {
                Err(Fault::new("a text message, where the msgpack parser has binary ones only"))
            }
        }
    }

    fn attachment(&mut self, bytes: &[u8]) -> Result<Option<Packet<'static>>, Fault> {
        let Some(pending) = &mut self.pending else {
            return Err(Fault::new("a binary message where no attachment is due"));
        };
        pending.bytes += bytes.len();
        if pending.bytes > self.limits.attachment_bytes {
            return Err(Fault::too_large(format!(
                "more than {} bytes in the attachments of one packet",
                self.limits.attachment_bytes
            )));
        }
        pending.attachments.push(Bytes::copy_from_slice(bytes));
        pending.missing -= 1;
        if pending.missing > 0 {
            return Ok(None);
        }
        self.pending.take().map(|pending| pending.complete()).transpose()
    }
}

impl Pending {
    /// With its attachments in the places that stand for them.
    fn complete(mut self) -> Result<Packet<'static>, Fault> {
        if let Some(args) = self.packet.args() {
            let without = mem::replace(args, everywire_core::PayloadRef::empty());
            *args = without.with_attachments(self.attachments)?;
        }
        Ok(self.packet)
    }
}
