//! Compressing messages (RFC 7692, section 7.2.1).

use flate2::{Compress, Compression, FlushCompress};

use super::Direction;

/// What follows the last byte of every compressed message and is left out (section 7.2.1).
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Compresses messages of one connection or, without context takeover, of many.
///
/// It is memory, some 300 KiB with a window of 15 bits. Where [`Direction::context_takeover`] is false, a worker
/// needs one for all its connections (one for each window size in use), and the result can be sent to many:
/// [`Prepared::compressed`](crate::Prepared::compressed). Where it is true, a connection needs its own.
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
    keeps_context: bool,
}

impl Deflater {
    /// A deflater at `level` 0–9 for what the handshake has agreed on.
    pub fn new(level: u8, direction: Direction) -> Self {
        // zlib cannot make a raw stream with a window of 2^8 bytes, but with 2^9 it never refers back further than
        // 2^9 − 262 = 250 bytes (MAX_DIST in deflate.h), so that the result is good for a window of 2^8.
        let window_bits = direction.window_bits.clamp(9, 15);
        let level = Compression::new(u32::from(level.min(9)));
        let stream = Compress::new_with_window_bits(level, false, window_bits);
        Self { stream, keeps_context: direction.context_takeover }
    }

    /// A deflater whose messages stand each for itself, readable with a window of 2^`window_bits` bytes or more.
    pub fn shared(level: u8, window_bits: u8) -> Self {
        Self::new(level, Direction { window_bits, context_takeover: false })
    }

    /// Whether messages refer back to earlier ones: then it belongs to one connection.
    pub const fn keeps_context(&self) -> bool {
        self.keeps_context
    }

    /// Forgets earlier messages: the next one stands for itself.
    pub fn reset(&mut self) {
        self.stream.reset();
    }

    /// Appends the compressed `payload` to `out`, as it stands in a frame with RSV1.
    ///
    /// `false`, and `out` as it was, if the result would not be smaller and no context has to be kept in step: send
    /// the message uncompressed then.
    pub fn compress(&mut self, payload: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if payload.is_empty() {
            // zlib gives nothing for an empty message after a flush: an empty stored block (section 7.2.3.6).
            if self.keeps_context {
                out.push(0);
            }
            return self.keeps_context;
        }
        let consumed_before = self.stream.total_in();
        out.reserve(payload.len() / 2 + 64);
        loop {
            let consumed = (self.stream.total_in() - consumed_before) as usize;
            // It fails only on a corrupted state, and `compress_vec` cannot corrupt it.
            self.stream
                .compress_vec(&payload[consumed..], out, FlushCompress::Sync)
                .expect("deflate accepts any input");
            // Room left over says that the flush is complete (zlib.h, on Z_SYNC_FLUSH); more than its six bytes must
            // be free when it goes on, or it starts the flush anew.
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(payload.len() / 2 + 64);
        }
        debug_assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        if self.keeps_context {
            return true;
        }
        self.stream.reset();
        if out.len() - start >= payload.len() {
            out.truncate(start);
            return false;
        }
        true
    }
}
