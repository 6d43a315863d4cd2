//! Decompressing messages (RFC 7692, section 7.2.2), a piece at a time as they arrive.

use flate2::{Decompress, FlushDecompress, Status};

use super::deflater::TAIL;
use crate::{Fault, assembly::Assembly};

/// How much is decompressed before the message's limit is looked at again.
const PIECE: usize = 8 * 1024;

/// What each further end of a DEFLATE stream inside one message counts, in decompressed bytes. A peer that flushes
/// by final blocks makes one a message; a stream of two bytes over and over, each of which costs us a new state, is
/// an attack.
const STREAM_END_COST: usize = 4 * 1024;

/// Decompresses one connection's messages.
#[derive(Debug)]
pub(crate) struct Inflater {
    stream: Decompress,
    window_bits: u8,
    /// Nothing has been read since the start of the message, or of a DEFLATE stream in it.
    at_start: bool,
    /// DEFLATE streams that ended inside the message.
    ended: usize,
}

impl Inflater {
    pub(crate) fn new(window_bits: u8) -> Self {
        // Where a window of 2^8 bytes is asked for, zlib silently makes one of 2^9, and so may the peer's.
        let window_bits = window_bits.clamp(9, 15);
        let stream = Decompress::new_with_window_bits(false, window_bits);
        Self { stream, window_bits, at_start: true, ended: 0 }
    }

    /// Bytes on the heap, about: the window and the tables.
    pub(crate) const fn memory(&self) -> usize {
        (1 << self.window_bits) + 8 * 1024
    }

    /// Decompresses a piece of `message`, which may become `limit` bytes long.
    pub(crate) fn inflate(
        &mut self,
        mut input: &[u8],
        message: &mut Assembly,
        limit: usize,
    ) -> Result<(), Fault> {
        let mut piece = [0; PIECE];
        let mut more = false;
        while more || !input.is_empty() {
            let (read_before, written_before) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.decompress(input, &mut piece, FlushDecompress::None);
            let read = (self.stream.total_in() - read_before) as usize;
            let written = (self.stream.total_out() - written_before) as usize;
            // Also what came out before an error: which of two faults is told must not depend on the chunks.
            message.push_inflated(&piece[..written], limit)?;
            let status = status.map_err(|_| Fault::InvalidDeflate)?;
            input = &input[read..];
            self.at_start = false;
            // A full piece may have left output behind, although all input was read.
            more = written == PIECE;
            if status == Status::StreamEnd {
                // A final block ends a stream, not the message (section 7.2.3.4). The next starts with an empty
                // window, as in Chromium and npm `ws`.
                self.stream.reset(false);
                self.at_start = true;
                more = false;
                let cost = self.ended.saturating_mul(STREAM_END_COST);
                self.ended += 1;
                if cost > limit {
                    return Err(Fault::InflatedTooLarge);
                }
            } else if read == 0 && written == 0 {
                if input.is_empty() {
                    break;
                }
                return Err(Fault::InvalidDeflate);
            }
        }
        Ok(())
    }

    /// The message is complete.
    pub(crate) fn finish_message(&mut self, message: &mut Assembly, limit: usize) -> Result<(), Fault> {
        // After a final block, or in a message without bytes, there is no empty block to complete.
        if !self.at_start {
            self.inflate(&TAIL, message, limit)?;
        }
        self.at_start = true;
        self.ended = 0;
        Ok(())
    }
}
