//! UTF-8 that arrives in pieces and must fail at the first byte that cannot be part of it.
//!
//! The standard library tells the two cases apart already: an error with a length is final, one without means that
//! the piece ended inside a character that may yet become valid (`F4` may, `F4 90`, `ED A0`, `E0 80` and `C0` not).

use crate::Fault;

/// Appends pieces to a string; holds the up to three bytes of a character that is not complete.
#[derive(Debug)]
pub(crate) struct TextBuffer {
    text: String,
    tail: [u8; 4],
    tail_len: u8,
}

impl TextBuffer {
    pub(crate) const fn new() -> Self {
        Self { text: String::new(), tail: [0; 4], tail_len: 0 }
    }

    /// Bytes that have arrived.
    pub(crate) const fn len(&self) -> usize {
        self.text.len() + self.tail_len as usize
    }

    /// Never less than `len`, as a tail takes its place in the text once it is complete.
    pub(crate) const fn capacity(&self) -> usize {
        let (capacity, len) = (self.text.capacity(), self.len());
        if capacity < len { len } else { capacity }
    }

    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        self.text.reserve_exact(additional);
    }

    pub(crate) fn push(&mut self, mut piece: &[u8]) -> Result<(), Fault> {
        while self.tail_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            // Four bytes always suffice: a prefix of four is either a character or an error.
            self.tail[usize::from(self.tail_len)] = byte;
            self.tail_len += 1;
            match std::str::from_utf8(&self.tail[..usize::from(self.tail_len)]) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.tail_len = 0;
                }
                Err(error) if error.error_len().is_some() => return Err(Fault::InvalidUtf8),
                Err(_) => {}
            }
        }
        match simdutf8::compat::from_utf8(piece) {
            Ok(text) => self.text.push_str(text),
            Err(error) if error.error_len().is_some() => return Err(Fault::InvalidUtf8),
            Err(error) => {
                let (whole, tail) = piece.split_at(error.valid_up_to());
                // The bytes up to there were just found valid; looking twice is what the absence of `unsafe` costs,
                // and only pieces that end inside a character pay it.
                self.text.push_str(std::str::from_utf8(whole).map_err(|_| Fault::InvalidUtf8)?);
                self.tail[..tail.len()].copy_from_slice(tail);
                self.tail_len = tail.len() as u8;
            }
        }
        Ok(())
    }

    /// The text, if it does not end inside a character.
    pub(crate) fn finish(&self) -> Result<&str, Fault> {
        if self.tail_len == 0 { Ok(&self.text) } else { Err(Fault::InvalidUtf8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_cannot_become_valid_fail_at_once() {
        for bad in
            [&b"\xf4\x90"[..], b"\xed\xa0", b"\xe0\x80", b"\xc0", b"\xc1", b"\xf5", b"\x80", b"\xf0\x80"]
        {
            let (last, prefix) = bad.split_last().unwrap();
            let mut text = TextBuffer::new();
            for byte in b"abc".iter().chain(prefix) {
                text.push(&[*byte]).unwrap();
            }
            assert_eq!(text.push(&[*last]), Err(Fault::InvalidUtf8), "{bad:x?}, byte by byte");
            assert_eq!(TextBuffer::new().push(bad), Err(Fault::InvalidUtf8), "{bad:x?}, in one");
        }
    }

    #[test]
    fn every_split_of_a_text_gives_the_text() {
        let whole = "aß水\u{10ffff}𝄞 κόσμε".repeat(3);
        for first in 0..=whole.len() {
            for second in first..=whole.len() {
                let mut text = TextBuffer::new();
                text.push(&whole.as_bytes()[..first]).unwrap();
                assert_eq!(text.len(), first);
                assert_eq!(text.finish().is_ok(), whole.is_char_boundary(first));
                text.push(&whole.as_bytes()[first..second]).unwrap();
                text.push(&whole.as_bytes()[second..]).unwrap();
                assert_eq!(text.finish(), Ok(&*whole));
            }
        }
    }
}
