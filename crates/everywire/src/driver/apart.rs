//! Encoded messages, each apart from the others: for a session that wants every one.

use everywire_core::Offset;
use everywire_protocols::seam::{Kind, Outbox};
use smallvec::SmallVec;

/// Messages, in order.
#[derive(Default)]
pub(super) struct Apart {
    pub(super) messages: SmallVec<[Sent; 4]>,
    /// The place of the broadcast that is being encoded.
    pub(super) offset: Option<Offset>,
    /// Whether what comes next may not be compressed.
    plain: bool,
}

pub(super) struct Sent {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
    pub(super) offset: Option<Offset>,
    pub(super) retain: bool,
    pub(super) compress: bool,
}

impl Apart {
    fn push(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>), retain: bool) {
        let mut bytes = Vec::with_capacity(hint);
        write(&mut bytes);
        let (offset, compress) = (self.offset, !self.plain);
        self.messages.push(Sent { kind, bytes, offset, retain, compress });
    }
}

impl Outbox for Apart {
    fn message(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.push(kind, hint, write, true);
    }

    fn passing(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.push(kind, hint, write, false);
    }

    fn compress(&mut self, may: bool) {
        self.plain = !may;
    }
}

/// Notes whether a protocol says anything.
pub(super) struct Noted<'o> {
    pub(super) outbox: &'o mut dyn Outbox,
    pub(super) any: bool,
}

impl Outbox for Noted<'_> {
    fn message(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.any = true;
        self.outbox.message(kind, hint, write);
    }
}
