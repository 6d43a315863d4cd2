//! Messages into a carrier's frames.

use everywire_protocols::seam::{Kind, Outbox};
use everywire_websocket::{self as websocket, Deflater, Header, encode};

/// Frames of a WebSocket server, appended to a buffer.
pub(crate) struct Frames<'a> {
    out: &'a mut Vec<u8>,
    deflater: Option<(&'a mut Deflater, usize)>,
    /// Whether what comes next may not be compressed.
    plain: bool,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, deflater: None, plain: false }
    }

    /// Frames that are compressed from `threshold` bytes on.
    pub(crate) fn compressed(out: &'a mut Vec<u8>, deflater: &'a mut Deflater, threshold: usize) -> Self {
        Self { out, deflater: Some((deflater, threshold)), plain: false }
    }
}

impl Outbox for Frames<'_> {
    fn message(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        let kind = match kind {
            Kind::Text => websocket::Kind::Text,
            Kind::Binary => websocket::Kind::Binary,
        };
        // The header says how long the payload is, which is known only afterwards: it is written as the hint
        // says, and written anew if that was wrong.
        let start = self.out.len();
        let hinted = Header::new(kind.into(), hint, None);
        hinted.append(self.out);
        let body = self.out.len();
        write(self.out);
        let len = self.out.len() - body;
        if let Some((deflater, threshold)) = &mut self.deflater
            && len >= *threshold
            && !self.plain
        {
            let payload = self.out.split_off(body);
            self.out.truncate(start);
            encode::compressed(self.out, kind, &payload, None, deflater);
        } else if len != hint {
            correct(self.out, start, body, Header::new(kind.into(), len, None));
        }
    }

    fn compress(&mut self, may: bool) {
        self.plain = !may;
    }
}

/// Replaces the header between `start` and `body`, and moves what follows if the new one is of another length.
fn correct(out: &mut Vec<u8>, start: usize, body: usize, header: Header) {
    let len = header.encoded_len();
    if len == body - start {
        out[start..body].copy_from_slice(&header.encode()[..len]);
    } else {
        out.splice(start..body, header.encode().into_iter().take(len));
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
