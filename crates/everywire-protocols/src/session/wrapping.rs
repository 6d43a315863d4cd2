//! How a session wraps the messages of a protocol, where that is the same for every message and client: then a
//! broadcast is wrapped once for all, and nobody has to ask the session.

use std::fmt;

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
}

impl Wrapping {
    /// Every wrapping, at the index of its number.
    pub const ALL: [Self; 2] = [Self::None, Self::EngineIo];

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
            (Self::EngineIo, Kind::Text) => outbox.message(kind, hint + 1, &mut |out| {
                out.push(b'4');
                write(out);
            }),
        }
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
}

impl fmt::Debug for Wrapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("wrapping", &self.wrapping).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_io_marks_texts_as_messages() {
        let mut messages = Vec::new();
        let mut outbox = |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec()));
        for wrapping in Wrapping::ALL {
            for kind in [Kind::Text, Kind::Binary] {
                wrapping.message(kind, 2, &mut |out| out.extend_from_slice(b"hi"), &mut outbox);
            }
        }
        let expected: [(Kind, &[u8]); 4] =
            [(Kind::Text, b"hi"), (Kind::Binary, b"hi"), (Kind::Text, b"4hi"), (Kind::Binary, b"hi")];
        assert_eq!(messages, expected.map(|(kind, bytes)| (kind, bytes.to_vec())));
    }
}
