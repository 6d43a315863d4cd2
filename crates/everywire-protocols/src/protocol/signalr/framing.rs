//! Where one message ends: JSON by the record separator behind it, `MessagePack` by its length before it.
//!
//! Clients write a stream of bytes: several messages may come in one piece, and one in several. One that lies whole in what
//! came is handed out as it lies there; only what is incomplete is kept. Memory grows by what came, never by a length that
//! the peer wrote.

use std::borrow::Cow;

use super::message::{Encoding, Fault};

/// Behind each message in JSON, and behind the handshake. In JSON's own strings it is written `\u001e`.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// The most that a length may say: .NET's `int`.
const LONGEST: u64 = i32::MAX as u64;

/// The most bytes that a length may have: 7 bits in each.
const LENGTH_BYTES: usize = 5;

/// Splits a stream of bytes into messages.
#[derive(Debug)]
pub struct Framing {
    encoding: Encoding,
    /// Bytes that a message may have, with what marks its end.
    limit: usize,
    /// The beginning of a message that has not come whole, from its length on if it has one.
    partial: Vec<u8>,
}

impl Framing {
    /// For a stream in this encoding, with messages of at most so many bytes, separator or length included.
    pub fn new(encoding: Encoding, limit: usize) -> Self {
        Self { encoding, limit, partial: Vec::new() }
    }

    /// The encoding has been agreed on: what comes next is in it. (The handshake itself is always JSON.)
    pub fn switch(&mut self, encoding: Encoding) {
        debug_assert!(self.partial.is_empty(), "the handshake came whole");
        self.encoding = encoding;
    }

    /// The encoding of what comes.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// What has begun does not go on: the stream begins anew.
    pub fn forget_partial(&mut self) {
        self.partial = Vec::new();
    }

    /// Whether a message has begun and not ended.
    pub fn is_within(&self) -> bool {
        !self.partial.is_empty()
    }

    /// The next message that is whole, without separator or length; `input` moves behind it. None if what is left has
    /// been kept for later.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Fault> {
        match self.encoding {
            Encoding::Json => self.next_record(input),
            Encoding::MsgPack => self.next_counted(input),
        }
    }

    fn next_record<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Fault> {
        let Some(end) = memchr::memchr(RECORD_SEPARATOR, input) else {
            return self.keep(input);
        };
        if self.partial.len() + end + 1 > self.limit {
            return Err(self.too_long());
        }
        let (record, rest) = input.split_at(end);
        *input = &rest[1..];
        if self.partial.is_empty() {
            return Ok(Some(Cow::Borrowed(record)));
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(record);
        Ok(Some(Cow::Owned(whole)))
    }

    fn next_counted<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Fault> {
        if self.partial.is_empty()
            && let Some((start, end)) = self.bounds(input)?
            && end <= input.len()
        {
            let body = &input[start..end];
            *input = &input[end..];
            return Ok(Some(Cow::Borrowed(body)));
        }
        // Byte by byte as far as the length goes, for that says how many more belong here.
        loop {
            if let Some((start, end)) = self.bounds(&self.partial)? {
                let missing = (end - self.partial.len()).min(input.len());
                let (more, rest) = input.split_at(missing);
                self.partial.extend_from_slice(more);
                *input = rest;
                if self.partial.len() < end {
                    return Ok(None);
                }
                let mut whole = std::mem::take(&mut self.partial);
                whole.drain(..start);
                return Ok(Some(Cow::Owned(whole)));
            }
            let Some((first, rest)) = input.split_first() else { return Ok(None) };
            self.partial.push(*first);
            *input = rest;
        }
    }

    /// Where the message's body begins and ends, if its length is there.
    fn bounds(&self, bytes: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
        let mut length = 0;
        for (i, byte) in bytes.iter().take(LENGTH_BYTES).enumerate() {
            length |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                let start = i + 1;
                // Checked before it is cast: 2^31 - 1 at most, which fits.
                if length > LONGEST || start + length as usize > self.limit {
                    return Err(self.too_long());
                }
                return Ok(Some((start, start + length as usize)));
            }
        }
        if bytes.len() >= LENGTH_BYTES { Err(self.too_long()) } else { Ok(None) }
    }

    fn keep<T>(&mut self, input: &mut &[u8]) -> Result<Option<T>, Fault> {
        if self.partial.len() + input.len() >= self.limit {
            return Err(self.too_long());
        }
        self.partial.extend_from_slice(input);
        *input = &[];
        Ok(None)
    }

    fn too_long(&self) -> Fault {
        Fault::TooLong { limit: self.limit }
    }
}

/// Appends the length that stands before a message of `MessagePack`.
pub(super) fn write_length(length: usize, out: &mut Vec<u8>) {
    let mut rest = length;
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
