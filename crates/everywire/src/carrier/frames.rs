//! Messages into a carrier's frames.

use everywire_protocols::seam::{Kind, Outbox};
use everywire_websocket::{self as websocket, Deflater, Header, encode};

/// Frames of a WebSocket server, appended to a buffer.
pub(crate) struct Frames<'a> {
    out: &'a mut Vec<u8>,
    deflater: Option<(&'a mut Deflater, usize)>,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, deflater: None }
    }

    /// Frames that are compressed from `threshold` bytes on.
    pub(crate) fn compressed(out: &'a mut Vec<u8>, deflater: &'a mut Deflater, threshold: usize) -> Self {
        Self { out, deflater: Some((deflater, threshold)) }
    }
}

impl Outbox for Frames<'_> {
    fn message(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        let kind = match kind {
            Kind::Text => websocket::Kind::Text,
            Kind::Binary => websocket::Kind::Binary,
        };
        // The header's length depends on the payload's, which is known only afterwards: leave room as
        // the hint says, and move the payload if it was wrong.
        let start = self.out.len();
        let room = Header::new(kind.into(), hint, None).encoded_len();
        self.out.resize(start + room, 0);
        write(self.out);
        let len = self.out.len() - start - room;
        if let Some((deflater, threshold)) = &mut self.deflater
            && len >= *threshold
        {
            let payload = self.out.split_off(start + room);
            self.out.truncate(start);
            encode::compressed(self.out, kind, &payload, None, deflater);
            return;
        }
        let header = Header::new(kind.into(), len, None);
        let needed = header.encoded_len();
        if needed > room {
            self.out.resize(self.out.len() + needed - room, 0);
            self.out.copy_within(start + room..start + room + len, start + needed);
        } else if needed < room {
            self.out.copy_within(start + room.., start + needed);
            self.out.truncate(start + needed + len);
        }
        self.out[start..start + needed].copy_from_slice(&header.encode()[..needed]);
    }
}

/// Messages one after the other, as they are.
pub(crate) struct Plain<'a>(pub(crate) &'a mut Vec<u8>);

impl Outbox for Plain<'_> {
    fn message(&mut self, _kind: Kind, _hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        write(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_hint_costs_a_copy_and_nothing_else() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; len];
            let mut expected = b"before".to_vec();
            encode::message(&mut expected, websocket::Kind::Text, &payload, None);
            for hint in [0, 125, 126, 65_535, 65_536] {
                let mut out = b"before".to_vec();
                Frames::new(&mut out).message(Kind::Text, hint, &mut |out| out.extend_from_slice(&payload));
                assert_eq!(out, expected, "{len} bytes, hint {hint}");
            }
        }
    }
}
