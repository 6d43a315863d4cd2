//! A message or control frame that did not lie in the caller's buffer whole.

use crate::{Fault, Item, Kind, frame::MAX_CONTROL_PAYLOAD, utf8::TextBuffer};

/// A message of several frames or reads, or one that was compressed.
#[derive(Debug)]
pub(crate) struct Assembly {
    body: Body,
    pub(crate) compressed: bool,
    /// Counts against [`Limits::message`](crate::Limits::message).
    pub(crate) cost: usize,
}

#[derive(Debug)]
enum Body {
    Text(TextBuffer),
    Binary(Vec<u8>),
}

impl Assembly {
    pub(crate) const fn new(kind: Kind, compressed: bool) -> Self {
        let body = match kind {
            Kind::Text => Body::Text(TextBuffer::new()),
            Kind::Binary => Body::Binary(Vec::new()),
        };
        Self { body, compressed, cost: 0 }
    }

    /// Adds `bytes` to a message that can become `ceiling` bytes long at most.
    pub(crate) fn push(&mut self, bytes: &[u8], ceiling: usize) -> Result<(), Fault> {
        let len = self.len();
        if self.capacity() - len < bytes.len() {
            // Doubling keeps this linear over many small pieces; the ceiling spares half of it at the end.
            let doubled = (len + bytes.len()).max(64).min(ceiling.saturating_sub(len));
            self.reserve_exact(doubled.max(bytes.len()));
        }
        match &mut self.body {
            Body::Text(text) => text.push(bytes),
            Body::Binary(data) => {
                data.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Adds decompressed bytes, up to `limit` in all. What still fits is looked at before the rest is refused: which of
    /// two faults is told must not depend on where the pieces end.
    pub(crate) fn push_inflated(&mut self, bytes: &[u8], limit: usize) -> Result<(), Fault> {
        let fits = bytes.len().min(limit.saturating_sub(self.len()));
        self.push(&bytes[..fits], limit)?;
        if fits < bytes.len() { Err(Fault::InflatedTooLarge) } else { Ok(()) }
    }

    /// The message; an error if its text ends inside a character.
    pub(crate) fn item(&self) -> Result<Item<'_>, Fault> {
        match &self.body {
            Body::Text(text) => text.finish().map(Item::Text),
            Body::Binary(data) => Ok(Item::Binary(data)),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.len(),
            Body::Binary(data) => data.len(),
        }
    }

    pub(crate) const fn capacity(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.capacity(),
            Body::Binary(data) => data.capacity(),
        }
    }

    fn reserve_exact(&mut self, additional: usize) {
        match &mut self.body {
            Body::Text(text) => text.reserve_exact(additional),
            Body::Binary(data) => data.reserve_exact(additional),
        }
    }
}

/// The payload of a control frame that was cut by the end of a read.
#[derive(Debug)]
pub(crate) struct ControlBuffer {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    len: u8,
}

impl ControlBuffer {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX_CONTROL_PAYLOAD], len: 0 }
    }

    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// The frame header has bounded the sum of all pieces.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + piece.len()].copy_from_slice(piece);
        self.len += piece.len() as u8;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
