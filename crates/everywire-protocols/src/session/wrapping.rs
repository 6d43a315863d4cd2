//! How a session wraps the messages of a protocol, where that is the same for every message and client: then a
//! broadcast is wrapped once for all, and nobody has to ask the session.

use std::fmt;

use super::{SockJsShape, base64, sockjs};
use crate::seam::{Kind, Outbox};

/// The wrapping of each message on a lane that is [direct](super::Output::Direct). A part of the wire form of
/// broadcasts, as [`ProtocolForm`](crate::protocol::ProtocolForm) is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Wrapping {
    /// A message of the protocol is a message of the lane.
    #[default]
    None,
    /// Engine.IO on a WebSocket: a `4` before each text, binary as it is.
    EngineIo,
    /// The same for a client that cannot receive binary: that is text, `b` and base64.
    EngineIoBase64,
    /// Engine.IO's revision 3 on a WebSocket: a `4` before each text, the byte 4 before binary.
    EngineIo3,
    /// The same for a client that cannot receive binary: that is text, `b4` and base64.
    EngineIo3Base64,
    /// SockJS on a WebSocket: a frame with one text. Bytes become U+FFFD where they are no text: protocols know that their
    /// session has none ([`Facts::text_only`](super::Facts::text_only)).
    SockJs,
    /// SockJS on a streaming response: a frame a line. A message joins the frame that the outbox ends with
    /// ([`Encode::encode`](everywire_core::Encode::encode) says where it may).
    SockJsLines,
    /// The same on `eventsource`: a frame an event.
    SockJsEvents,
}

impl Wrapping {
    /// Every wrapping, at the index of its number.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::EngineIo,
        Self::EngineIoBase64,
        Self::EngineIo3,
        Self::EngineIo3Base64,
        Self::SockJs,
        Self::SockJsLines,
        Self::SockJsEvents,
    ];

    /// Adds a message to the outbox, wrapped: `write` appends it as the protocol spells it.
    pub fn message(
        self,
        kind: Kind,
        hint: usize,
        write: &mut dyn FnMut(&mut Vec<u8>),
        outbox: &mut dyn Outbox,
    ) {
        match (self, kind) {
            (Self::None, _) | (Self::EngineIo, Kind::Binary) => outbox.message(kind, hint, write),
            (Self::SockJs, _) => {
                outbox.message(Kind::Text, hint + 5, &mut |out| sockjs::append_single(write, out));
            }
            (Self::SockJsLines, _) => respond(&SockJsShape::Lines, hint, write, outbox),
            (Self::SockJsEvents, _) => respond(&SockJsShape::Events, hint, write, outbox),
            (_, Kind::Text) => outbox.message(kind, hint + 1, &mut |out| {
                out.push(b'4');
                write(out);
            }),
            (Self::EngineIo3, Kind::Binary) => outbox.message(kind, hint + 1, &mut |out| {
                out.push(4);
                write(out);
            }),
            (Self::EngineIoBase64, Kind::Binary) => spelled("b", hint, write, outbox),
            (Self::EngineIo3Base64, Kind::Binary) => spelled("b4", hint, write, outbox),
        }
    }
}

/// For protocols whose messages are a head, each client's own, and a tail that is wrapped once for all. No row of the mount
/// table has one on Engine.IO.
impl Wrapping {
    /// Appends a tail, wrapped.
    pub fn tail(self, tail: &[u8], out: &mut Vec<u8>) {
        let write = &mut |out: &mut Vec<u8>| out.extend_from_slice(tail);
        match self {
            Self::SockJs => sockjs::append_end_of_single(write, out),
            Self::SockJsLines => sockjs::append_end_to_response(&SockJsShape::Lines, write, out),
            Self::SockJsEvents => sockjs::append_end_to_response(&SockJsShape::Events, write, out),
            _ => write(out),
        }
    }

    /// Adds a message of this head and a tail that is wrapped already.
    pub fn joined(self, kind: Kind, head: &[u8], tail: &[u8], outbox: &mut dyn Outbox) {
        let kind = if self == Self::None { kind } else { Kind::Text };
        outbox.message(kind, head.len() + tail.len() + 16, &mut |out| {
            let write = &mut |out: &mut Vec<u8>| out.extend_from_slice(head);
            match self {
                Self::SockJs => sockjs::append_begin_of_single(write, out),
                Self::SockJsLines => sockjs::append_begin_to_response(&SockJsShape::Lines, write, out),
                Self::SockJsEvents => sockjs::append_begin_to_response(&SockJsShape::Events, write, out),
                _ => write(out),
            }
            out.extend_from_slice(tail);
        });
    }
}

/// An outbox behind a session's wrapping.
pub struct Wrapped<'a> {
    /// How messages are wrapped.
    pub wrapping: Wrapping,
    /// Where they go then.
    pub outbox: &'a mut dyn Outbox,
}

impl Outbox for Wrapped<'_> {
    fn message(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.wrapping.message(kind, hint, write, self.outbox);
    }

    fn compress(&mut self, may: bool) {
        self.outbox.compress(may);
    }
}

impl fmt::Debug for Wrapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("wrapping", &self.wrapping).finish_non_exhaustive()
    }
}

fn respond(shape: &SockJsShape, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>), outbox: &mut dyn Outbox) {
    outbox.message(Kind::Text, hint + 16, &mut |out| sockjs::append_to_response(shape, write, out));
}

fn spelled(prefix: &str, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>), outbox: &mut dyn Outbox) {
    outbox.message(Kind::Text, prefix.len() + base64::length(hint), &mut |out| {
        out.extend_from_slice(prefix.as_bytes());
        let mut bytes = Vec::with_capacity(hint);
        write(&mut bytes);
        base64::append(&bytes, out);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_marked_and_spelled() {
        let mut messages = Vec::new();
        let mut outbox = |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec()));
        for wrapping in Wrapping::ALL {
            for kind in [Kind::Text, Kind::Binary] {
                wrapping.message(kind, 2, &mut |out| out.extend_from_slice(b"hi"), &mut outbox);
            }
        }
        let expected: [(Kind, &[u8]); 16] = [
            (Kind::Text, b"hi"),
            (Kind::Binary, b"hi"),
            (Kind::Text, b"4hi"),
            (Kind::Binary, b"hi"),
            (Kind::Text, b"4hi"),
            (Kind::Text, b"baGk="),
            (Kind::Text, b"4hi"),
            (Kind::Binary, b"\x04hi"),
            (Kind::Text, b"4hi"),
            (Kind::Text, b"b4aGk="),
            (Kind::Text, b"a[\"hi\"]"),
            (Kind::Text, b"a[\"hi\"]"),
            (Kind::Text, b"a[\"hi\"]\n"),
            (Kind::Text, b"a[\"hi\"]\n"),
            (Kind::Text, b"data: a[\"hi\"]\r\n\r\n"),
            (Kind::Text, b"data: a[\"hi\"]\r\n\r\n"),
        ];
        assert_eq!(messages, expected.map(|(kind, bytes)| (kind, bytes.to_vec())));
    }

    #[test]
    fn a_head_and_a_tail_are_the_message() {
        for wrapping in [Wrapping::None, Wrapping::SockJs, Wrapping::SockJsLines, Wrapping::SockJsEvents] {
            for (head, tail) in [("a\nb\"", "\u{2028}\n\nc\0"), ("", ""), ("é", "😀")] {
                let mut messages = Vec::new();
                let mut outbox = |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec()));
                let mut wrapped = Vec::new();
                wrapping.tail(tail.as_bytes(), &mut wrapped);
                wrapping.joined(Kind::Text, head.as_bytes(), &wrapped, &mut outbox);
                let whole = [head, tail].concat();
                let write = &mut |out: &mut Vec<u8>| out.extend_from_slice(whole.as_bytes());
                wrapping.message(Kind::Text, whole.len(), write, &mut outbox);
                assert_eq!(messages[0], messages[1], "{wrapping:?} {head:?} {tail:?}");
            }
        }
    }

    #[test]
    fn each_stands_at_the_index_of_its_number() {
        for (number, wrapping) in Wrapping::ALL.into_iter().enumerate() {
            assert_eq!(wrapping as usize, number);
        }
    }
}
