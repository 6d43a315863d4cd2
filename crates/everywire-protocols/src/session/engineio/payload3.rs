//! Packets in one body of revision 3, which has two forms.
//!
//! * Text: `<length>:<packet>` for each, bytes in base64. The length counts UTF-16 code units, as JavaScript's strings do.
//! * Bytes, if one of the packets is: for each `00` (text) or `01` (bytes), the decimal length with a digit in each byte,
//!   `FF`, the packet. Here the length counts bytes.

use super::super::base64;
use super::packet::{Malformed, Packet, Queue, Revision};
use super::payload::Body;
use crate::seam::{Kind, Message};

const END_OF_LENGTH: u8 = 0xff;

/// Packets of a body that came.
#[derive(Debug)]
pub(super) struct Packets<'a> {
    rest: Message<'a>,
    begun: bool,
}

impl<'a> Packets<'a> {
    pub(super) fn read(body: Message<'a>) -> Self {
        Self { rest: body, begun: false }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        // An empty body is malformed; the end of another is its end.
        while !std::mem::replace(&mut self.begun, true) || !self.rest.as_bytes().is_empty() {
            let cut = match self.rest {
                Message::Text(text) => cut_text(text),
                Message::Binary(bytes) => cut_binary(bytes),
            };
            let Some((packet, rest)) = cut else { return Some(Err(Malformed)) };
            self.rest = rest;
            // `0:` is how a client writes no packets.
            if packet != Message::Text("") {
                return Some(Packet::read(Revision::Three, packet));
            }
        }
        None
    }
}

/// The first packet, and the rest.
fn cut_text(text: &str) -> Option<(Message<'_>, Message<'_>)> {
    let (digits, rest) = text.split_once(':')?;
    let units = number(digits.bytes().map(|byte| byte.wrapping_sub(b'0')), rest.len())?;
    let mut counted = 0;
    for (at, char) in rest.char_indices() {
        if counted >= units {
            // Between the halves of a character there is no end.
            let (packet, rest) = rest.split_at(at);
            return (counted == units).then_some((Message::Text(packet), Message::Text(rest)));
        }
        counted += char.len_utf16();
    }
    (counted == units).then_some((Message::Text(rest), Message::Text("")))
}

/// The same of a body of bytes.
fn cut_binary(bytes: &[u8]) -> Option<(Message<'_>, Message<'_>)> {
    let (kind, bytes) = bytes.split_first()?;
    let end = bytes.iter().position(|byte| *byte == END_OF_LENGTH)?;
    let (digits, rest) = (&bytes[..end], &bytes[end + 1..]);
    let (packet, rest) = rest.split_at(number(digits.iter().copied(), rest.len())?);
    let packet = match kind {
        0 => Message::Text(std::str::from_utf8(packet).ok()?),
        1 => Message::Binary(packet),
        _ => return None,
    };
    Some((packet, Message::Binary(rest)))
}

/// The number with these digits, if it is at most so much.
fn number(digits: impl ExactSizeIterator<Item = u8>, limit: usize) -> Option<usize> {
    let mut number: Option<usize> = None;
    for digit in digits {
        let more = number.unwrap_or(0) * 10 + usize::from(digit);
        if digit > 9 || more > limit {
            return None;
        }
        number = Some(more);
    }
    number
}

/// Packets as one body.
pub(super) fn write(base64: bool, queue: &Queue) -> Body {
    let binary = !base64 && queue.packets().any(|(kind, _)| kind == Kind::Binary);
    let mut bytes = Vec::with_capacity(queue.body_hint());
    for (kind, packet) in queue.packets() {
        if binary {
            append_binary(kind, packet, &mut bytes);
        } else {
            append_text(kind, packet, &mut bytes);
        }
    }
    Body { bytes, binary }
}

fn append_text(kind: Kind, packet: &[u8], out: &mut Vec<u8>) {
    match kind {
        Kind::Text => {
            out.extend_from_slice(format!("{}:", utf16_length(packet)).as_bytes());
            out.extend_from_slice(packet);
        }
        Kind::Binary => {
            let length = "b4".len() + base64::length(packet.len());
            out.extend_from_slice(format!("{length}:b4").as_bytes());
            base64::append(packet, out);
        }
    }
}

fn append_binary(kind: Kind, packet: &[u8], out: &mut Vec<u8>) {
    let (first, typed): (u8, &[u8]) = match kind {
        Kind::Text => (0, &[]),
        Kind::Binary => (1, &[4]),
    };
    out.push(first);
    out.extend((typed.len() + packet.len()).to_string().bytes().map(|digit| digit - b'0'));
    out.push(END_OF_LENGTH);
    out.extend_from_slice(typed);
    out.extend_from_slice(packet);
}

/// How many UTF-16 code units this UTF-8 has: one for each first byte, one more for those of four.
fn utf16_length(utf8: &[u8]) -> usize {
    utf8.iter().map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0)).sum()
}

#[cfg(test)]
#[path = "payload3_tests.rs"]
mod tests;
